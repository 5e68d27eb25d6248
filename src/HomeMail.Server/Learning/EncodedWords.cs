using System.Text;

namespace HomeMail.Server.Learning;

/// <summary>Undoes encoded words (RFC 2047) as far as words need it to be compared: UTF-8, and any other charset as if it were Latin-1.</summary>
public static class EncodedWords
{
    /// <summary>Decodes a field's value. What is no encoded word stays as it is.</summary>
    /// <param name="value">The value as it came, folded or not.</param>
    public static string Decode(ReadOnlySpan<byte> value)
    {
        var text = Encoding.UTF8.GetString(value);
        if (!text.Contains("=?", StringComparison.Ordinal))
            return text;
        var output = new StringBuilder(text.Length);
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var start = rest.IndexOf("=?", StringComparison.Ordinal);
            if (start < 0 || !TryDecode(rest[start..], output, rest[..start], out var length))
            {
                var plain = start < 0 ? rest.Length : start + 2;
                output.Append(rest[..plain]);
                rest = rest[plain..];
                continue;
            }
            rest = rest[(start + length)..];
            // White space between two encoded words is none (RFC 2047 6.2).
            if (rest.TrimStart().StartsWith("=?", StringComparison.Ordinal))
                rest = rest.TrimStart();
        }
        return output.ToString();
    }

    // =?charset?B or Q?text?=
    private static bool TryDecode(ReadOnlySpan<char> word, StringBuilder output, ReadOnlySpan<char> before, out int length)
    {
        length = 0;
        var charset = word[2..].IndexOf('?') + 2;
        if (charset < 3 || charset + 2 >= word.Length || word[charset + 2] != '?')
            return false;
        var content = word[(charset + 3)..];
        var end = content.IndexOf("?=", StringComparison.Ordinal);
        if (end < 0)
            return false;
        byte[] octets;
        if (char.ToUpperInvariant(word[charset + 1]) == 'B')
        {
            octets = new byte[end];
            if (!Convert.TryFromBase64Chars(content[..end], octets, out var written))
                return false;
            octets = octets[..written];
        }
        else
        {
            octets = FromQ(content[..end]);
        }
        length = charset + 3 + end + 2;
        var isUtf8 = word[2..charset].StartsWith("utf-8", StringComparison.OrdinalIgnoreCase);
        output.Append(before).Append((isUtf8 ? Encoding.UTF8 : Encoding.Latin1).GetString(octets));
        return true;
    }

    private static byte[] FromQ(ReadOnlySpan<char> text)
    {
        var octets = new byte[text.Length];
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '=' && i + 2 < text.Length && byte.TryParse(text.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value))
                (octets[count++], i) = (value, i + 2);
            else
                octets[count++] = text[i] == '_' ? (byte)' ' : (byte)text[i];
        }
        return octets[..count];
    }
}
