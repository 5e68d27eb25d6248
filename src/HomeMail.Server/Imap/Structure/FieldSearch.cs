using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Finds text in the kept fields of a header, without its file (RFC 9051 6.4.4).</summary>
internal static class FieldSearch
{
    private const int ShortValue = 512;

    /// <summary>Whether a field is kept of every message.</summary>
    public static bool IsKept(string name) => Ascii.IsValid(name) && KeptFields.IsKept(Encoding.ASCII.GetBytes(name), isMessage: true);

    /// <summary>Whether a field has a text in it; an empty text finds each message that has the field.</summary>
    /// <param name="fields">The kept fields, one a line.</param>
    /// <param name="name">The field's name.</param>
    /// <param name="text">What to find, in any case.</param>
    public static bool IsIn(ReadOnlySpan<byte> fields, string name, string text)
    {
        while (!fields.IsEmpty)
        {
            var end = fields.IndexOf((byte)'\n');
            var line = fields[..end];
            fields = fields[(end + 1)..];
            var colon = line.IndexOf((byte)':');
            if (colon == name.Length && Ascii.EqualsIgnoreCase(line[..colon], name) && Contains(line[(colon + 1)..], text))
                return true;
        }
        return false;
    }

    private static bool Contains(ReadOnlySpan<byte> value, string text)
    {
        if (value.Length > ShortValue || !Ascii.IsValid(value) || value.IndexOf("=?"u8) >= 0)
            return HeaderText.Decode(Encoding.Latin1.GetString(value)).Contains(text, StringComparison.OrdinalIgnoreCase);
        Span<char> plain = stackalloc char[ShortValue];
        return plain[..Encoding.ASCII.GetChars(value, plain)].Contains(text, StringComparison.OrdinalIgnoreCase);
    }
}
