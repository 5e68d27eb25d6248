using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Text;

/// <summary>The <c>xtext</c> encoding of parameter values (RFC 3461 4): printable ASCII, with <c>+</c>, <c>=</c> and the rest as <c>+HH</c>.</summary>
public static class Xtext
{
    private const int MaxEncoded = 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Decodes a value; the decoded octets are read as UTF-8.</summary>
    /// <param name="encoded">The value from the wire, at most 1,024 octets.</param>
    /// <param name="text">The text, or null.</param>
    /// <returns>False if it is not xtext, or if it hides control characters.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, out string? text)
    {
        text = null;
        if (encoded.Length > MaxEncoded)
            return false;
        Span<byte> decoded = stackalloc byte[MaxEncoded];
        var length = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            var c = encoded[i];
            if (c == (byte)'+')
            {
                if (i + 2 >= encoded.Length || !char.IsAsciiHexDigit((char)encoded[i + 1]) || !char.IsAsciiHexDigit((char)encoded[i + 2]))
                    return false;
                c = (byte)((Digit(encoded[i + 1]) << 4) | Digit(encoded[i + 2]));
                i += 2;
                // What is encoded may hold white space (RFC 3461 4.2, 4.4).
                if (c is < 32 or 127)
                    return false;
            }
            else if (c is (byte)'=' or <= 32 or 127)
            {
                return false;
            }
            decoded[length++] = c;
        }
        try
        {
            text = StrictUtf8.GetString(decoded[..length]);
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
        // Those above ASCII are only seen now.
        foreach (var c in text)
            if (char.IsControl(c))
                return false;
        return true;
    }

    /// <summary>Encodes a text.</summary>
    /// <param name="text">The text; characters outside printable ASCII are encoded as their UTF-8 octets.</param>
    public static string Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var encoded = new StringBuilder(text.Length + 8);
        foreach (var c in Encoding.UTF8.GetBytes(text))
        {
            if (c is < 33 or > 126 or (byte)'+' or (byte)'=')
                encoded.Append('+').Append(c.ToString("X2", CultureInfo.InvariantCulture));
            else
                encoded.Append((char)c);
        }
        return encoded.ToString();
    }

    private static int Digit(byte c) => c <= (byte)'9' ? c - '0' : (c & 0xDF) - 'A' + 10;
}
