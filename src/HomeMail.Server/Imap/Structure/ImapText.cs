using System.Buffers;
using System.Globalization;
using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Writes strings and numbers of responses (RFC 9051 4, 9).</summary>
internal static class ImapText
{
    /// <summary>Writes octets as they are.</summary>
    public static void Raw(IBufferWriter<byte> output, ReadOnlySpan<byte> octets) => output.Write(octets);

    /// <summary>Writes a number.</summary>
    public static void Number(IBufferWriter<byte> output, long number)
    {
        number.TryFormat(output.GetSpan(20), out var length, default, CultureInfo.InvariantCulture);
        output.Advance(length);
    }

    /// <summary>Writes an nstring: NIL for null, quoted, or a literal where a quoted string can't have it.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="text">An octet a character.</param>
    /// <param name="isUtf8">Whether the client takes UTF-8 in quoted strings: after ENABLE IMAP4rev2 or UTF8=ACCEPT.</param>
    public static void NString(IBufferWriter<byte> output, string? text, bool isUtf8)
    {
        if (text is null)
            output.Write("NIL"u8);
        else
            String(output, text, isUtf8);
    }

    /// <summary>Writes a string.</summary>
    public static void String(IBufferWriter<byte> output, string text, bool isUtf8)
    {
        var isQuoted = true;
        var hasHigh = false;
        foreach (var c in text)
        {
            hasHigh |= c > 126;
            isQuoted &= c is not ('\r' or '\n' or '\0');
        }
        var octets = Encoding.Latin1.GetBytes(text);
        if (!isQuoted || (hasHigh && !(isUtf8 && System.Text.Unicode.Utf8.IsValid(octets))))
        {
            output.Write("{"u8);
            Number(output, octets.Length);
            output.Write("}\r\n"u8);
            output.Write(octets);
            return;
        }
        output.Write("\""u8);
        foreach (var octet in octets)
        {
            if (octet is (byte)'"' or (byte)'\\')
                output.Write("\\"u8);
            var span = output.GetSpan(1);
            span[0] = octet;
            output.Advance(1);
        }
        output.Write("\""u8);
    }

    /// <summary>One space for each run of white space, none at the ends: a header's text after unfolding.</summary>
    public static string? Collapse(string? text)
    {
        if (text is null)
            return null;
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c is not (' ' or '\t' or '\r' or '\n'))
                result.Append(c);
            else if (result.Length > 0 && result[^1] != ' ')
                result.Append(' ');
        }
        return result.ToString().TrimEnd(' ');
    }
}
