using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>The header fields that FETCH, SORT and THREAD ask for.</summary>
internal static class KeptFields
{
    private static readonly string[] Content =
        ["Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Description", "Content-Disposition", "Content-MD5", "Content-Language", "Content-Location"];

    private static readonly string[] Envelope =
        ["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID", "References"];

    /// <summary>Whether a field is kept.</summary>
    public static bool IsKept(ReadOnlySpan<byte> name, bool isMessage) => IsOneOf(Content, name) || (isMessage && IsOneOf(Envelope, name));

    /// <summary>The value of the first field of a name, an octet a character, trimmed; null where there is none.</summary>
    /// <param name="fields">Kept fields: unfolded, one a line.</param>
    /// <param name="name">The field's name.</param>
    public static string? First(ReadOnlySpan<byte> fields, string name) => TryTake(ref fields, name, out var value) ? Encoding.Latin1.GetString(value) : null;

    /// <summary>The values of all fields of a name, joined by commas: several address fields count as one (RFC 5322 3.6.3 allows one only).</summary>
    /// <param name="fields">Kept fields: unfolded, one a line.</param>
    /// <param name="name">The field's name.</param>
    public static string? Joined(ReadOnlySpan<byte> fields, string name)
    {
        string? all = null;
        while (TryTake(ref fields, name, out var value))
        {
            var text = Encoding.Latin1.GetString(value);
            all = all is null ? text : all + ", " + text;
        }
        return all;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> fields, string name, out ReadOnlySpan<byte> value)
    {
        while (!fields.IsEmpty)
        {
            var end = fields.IndexOf((byte)'\n');
            var line = fields[..end];
            fields = fields[(end + 1)..];
            if (line.Length > name.Length && line[name.Length] == ':' && Ascii.EqualsIgnoreCase(line[..name.Length], name))
            {
                value = line[(name.Length + 1)..].Trim(" \t"u8);
                return true;
            }
        }
        value = default;
        return false;
    }

    private static bool IsOneOf(string[] names, ReadOnlySpan<byte> name)
    {
        foreach (var one in names)
        {
            if (one.Length == name.Length && Ascii.EqualsIgnoreCase(name, one))
                return true;
        }
        return false;
    }
}
