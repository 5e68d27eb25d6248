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
