using System.Globalization;

namespace HomeMail.Protocol.Sasl;

public sealed partial class ScramCredential
{
    /// <summary>What the stored form begins with.</summary>
    public const string Prefix = "$scram-sha-256$";

    /// <summary>Reads the stored form.</summary>
    /// <param name="text">The text; no white space is taken.</param>
    /// <exception cref="FormatException">The text is no such credential.</exception>
    public static ScramCredential Parse(string text) =>
        TryParse(text, out var credential) ? credential : throw new FormatException("Not a $scram-sha-256$ credential.");

    /// <summary>Reads the stored form.</summary>
    /// <param name="text">The text; no white space is taken.</param>
    /// <param name="credential">The credential if the result is true.</param>
    public static bool TryParse(ReadOnlySpan<char> text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ScramCredential? credential)
    {
        credential = null;
        if (!text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            return false;
        Span<Range> parts = stackalloc Range[5];
        text = text[Prefix.Length..];
        if (text.Split(parts, '$') != 4
            || !int.TryParse(text[parts[0]], NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations is < MinimumIterations or > MaximumIterations
            || !TryDecode(text[parts[1]], out var salt) || salt.Length is < ShortestSalt or > LongestSalt
            || !TryDecode(text[parts[2]], out var storedKey) || storedKey.Length != KeyLength
            || !TryDecode(text[parts[3]], out var serverKey) || serverKey.Length != KeyLength)
            return false;
        credential = new ScramCredential(iterations, salt, storedKey, serverKey);
        return true;
    }

    private static bool TryDecode(ReadOnlySpan<char> base64, out byte[] octets)
    {
        octets = new byte[base64.Length / 4 * 3];
        // The decoder of the BCL skips white space; a stored credential has none.
        if (base64.ContainsAny(" \t\r\n") || !Convert.TryFromBase64Chars(base64, octets, out var length))
            return false;
        octets = octets[..length];
        return true;
    }
}
