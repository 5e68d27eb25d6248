using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Turns header values into text: encoded words (RFC 2047), and UTF-8 as it is (RFC 6532).</summary>
internal static class HeaderText
{
    /// <summary>The text of a value that is an octet a character.</summary>
    public static string Decode(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return "";
        var octets = Encoding.Latin1.GetBytes(value);
        if (!value.Contains("=?", StringComparison.Ordinal))
            return System.Text.Unicode.Utf8.IsValid(octets) ? Encoding.UTF8.GetString(octets) : value;
        return EncodedWords.Decode(octets, 0, octets.Length);
    }
}
