using System.Buffers.Text;
using System.Text;

namespace HomeMail.Protocol.Text;

/// <summary>
/// Modified UTF-7 (RFC 3501 5.1.3): how mailbox names stand in IMAP4rev1 and in the folder names of Maildirs. Printable ASCII stands for itself, an
/// ampersand as <c>&amp;-</c>, and the rest as UTF-16 in Base64 with a comma for the slash, between <c>&amp;</c> and <c>-</c>.
/// </summary>
public static class ModifiedUtf7
{
    private const char Shift = '&';
    private const char ShiftBack = '-';

    /// <summary>Encodes a text.</summary>
    /// <param name="text">The text.</param>
    public static string Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var encoded = new StringBuilder(text.Length + 8);
        for (var at = 0; at < text.Length;)
        {
            if (IsPlain(text[at]))
            {
                encoded.Append(text[at]);
                if (text[at++] == Shift)
                    encoded.Append(ShiftBack);
                continue;
            }
            var end = at;
            while (end < text.Length && !IsPlain(text[end]))
                end++;
            var octets = Encoding.BigEndianUnicode.GetBytes(text, at, end - at);
            encoded.Append(Shift).Append(Convert.ToBase64String(octets).TrimEnd('=').Replace('/', ',')).Append(ShiftBack);
            at = end;
        }
        return encoded.ToString();
    }

    /// <summary>Decodes a text; false if it is not one that <see cref="Encode"/> could have made, but for ASCII that needed no encoding.</summary>
    /// <param name="text">The text.</param>
    /// <param name="decoded">What it stands for.</param>
    public static bool TryDecode(string text, out string decoded)
    {
        ArgumentNullException.ThrowIfNull(text);
        decoded = "";
        var plain = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            if (!IsPlain(text[at]))
                return false;
            if (text[at] != Shift)
            {
                plain.Append(text[at++]);
                continue;
            }
            var end = text.IndexOf(ShiftBack, at);
            if (end < 0)
                return false;
            if (end == at + 1)
                plain.Append(Shift);
            else if (!TryDecodeShifted(text.AsSpan(at + 1, end - at - 1), plain))
                return false;
            at = end + 1;
        }
        decoded = plain.ToString();
        return true;
    }

    private static bool TryDecodeShifted(ReadOnlySpan<char> shifted, StringBuilder plain)
    {
        var padded = new string(shifted).Replace(',', '/');
        if (shifted.Contains('/') || padded.Length % 4 == 1)
            return false;
        padded = padded.PadRight((padded.Length + 3) / 4 * 4, '=');
        var octets = new byte[Base64.GetMaxDecodedFromUtf8Length(padded.Length)];
        if (!Convert.TryFromBase64String(padded, octets, out var count) || count == 0 || count % 2 != 0)
            return false;
        for (var i = 0; i < count; i += 2)
        {
            var c = (char)((octets[i] << 8) | octets[i + 1]);
            var paired = char.IsHighSurrogate(c) && i + 3 < count && char.IsLowSurrogate((char)((octets[i + 2] << 8) | octets[i + 3]));
            if (char.IsSurrogate(c) && !paired)
                return false;
            plain.Append(c);
            if (!paired)
                continue;
            i += 2;
            plain.Append((char)((octets[i] << 8) | octets[i + 1]));
        }
        return true;
    }

    private static bool IsPlain(char c) => c is >= ' ' and <= '~';
}
