using System.Buffers;
using System.Buffers.Text;
using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.Learning;

/// <summary>
/// What a message says to its reader: the text parts of a MIME structure (RFC 2045, RFC 2046) with their encoding undone and the tags of HTML taken out. It never fails: what
/// is not well-formed is read as far as it goes. Bounded by what it is given, in depth, and in parts.
/// </summary>
public static class MessageText
{
    private const int MostDepth = 8;
    private const int MostParts = 40;

    /// <summary>Reads the text.</summary>
    /// <param name="message">Header, empty line and body, or the beginning of them.</param>
    /// <param name="output">Where to; parts are apart by a line feed.</param>
    public static void Read(ReadOnlySpan<byte> message, StringBuilder output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var parts = 0;
        ReadPart(message, output, 0, ref parts);
    }

    /// <summary>Splits a part into its header, with the empty line, and the rest.</summary>
    /// <param name="part">The part.</param>
    /// <param name="body">The rest.</param>
    public static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> part, out ReadOnlySpan<byte> body)
    {
        if (part.StartsWith("\r\n"u8))
        {
            body = part[2..];
            return [];
        }
        var end = part.IndexOf("\r\n\r\n"u8);
        body = end < 0 ? [] : part[(end + 4)..];
        return end < 0 ? part : part[..(end + 4)];
    }

    private static void ReadPart(ReadOnlySpan<byte> part, StringBuilder output, int depth, ref int parts)
    {
        if (depth > MostDepth || ++parts > MostParts)
            return;
        var header = Header(part, out var body);
        var (type, boundary, charset, encoding) = ("text/plain", "", "", "");
        foreach (var field in new HeaderFields(header))
        {
            if (field.Is("Content-Type"u8))
            {
                var value = Encoding.Latin1.GetString(field.Value);
                type = value.Split(';', 2)[0].Trim().ToLowerInvariant();
                (boundary, charset) = (Parameter(value, "boundary"), Parameter(value, "charset"));
            }
            else if (field.Is("Content-Transfer-Encoding"u8))
            {
                encoding = Encoding.Latin1.GetString(field.Value).Trim().ToLowerInvariant();
            }
        }
        if (type.StartsWith("multipart/", StringComparison.Ordinal) && boundary.Length > 0)
            ReadParts(body, Encoding.Latin1.GetBytes("--" + boundary), output, depth, ref parts);
        else if (type == "message/rfc822")
            ReadPart(body, output, depth + 1, ref parts);
        else if (type.StartsWith("text/", StringComparison.Ordinal))
            ReadText(Decode(body, encoding), charset, type == "text/html", output);
    }

    private static void ReadParts(ReadOnlySpan<byte> body, ReadOnlySpan<byte> delimiter, StringBuilder output, int depth, ref int parts)
    {
        var start = -1;
        var at = 0;
        while (at <= body.Length)
        {
            var found = body[at..].IndexOf(delimiter);
            var isLine = found >= 0 && (found + at == 0 || body[at + found - 1] == (byte)'\n');
            if (found >= 0 && !isLine)
            {
                at += found + delimiter.Length;
                continue;
            }
            if (start >= 0)
                ReadPart(body[start..(found < 0 ? body.Length : at + found)], output, depth + 1, ref parts);
            if (found < 0)
                return;
            at += found + delimiter.Length;
            if (body[at..].StartsWith("--"u8))
                return;
            var line = body[at..].IndexOf((byte)'\n');
            if (line < 0)
                return;
            at += line + 1;
            start = at;
        }
    }

    private static byte[] Decode(ReadOnlySpan<byte> body, string encoding)
    {
        if (encoding == "quoted-printable")
            return DecodeQuotedPrintable(body);
        return encoding == "base64" ? DecodeBase64(body) : body.ToArray();
    }

    // RFC 2045 6.8: what is no letter of Base64 is passed over.
    private static byte[] DecodeBase64(ReadOnlySpan<byte> body)
    {
        var letters = new byte[body.Length + 3];
        var count = 0;
        foreach (var c in body)
            if (char.IsAsciiLetterOrDigit((char)c) || c is (byte)'+' or (byte)'/')
                letters[count++] = c;
        // A single letter at the end holds no octet; two or three are filled up.
        if (count % 4 == 1)
            count--;
        while (count % 4 != 0)
            letters[count++] = (byte)'=';
        var decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(count)];
        return Base64.DecodeFromUtf8(letters.AsSpan(0, count), decoded, out _, out var written) == OperationStatus.Done ? decoded[..written] : [];
    }

    private static byte[] DecodeQuotedPrintable(ReadOnlySpan<byte> body)
    {
        var decoded = new byte[body.Length];
        var count = 0;
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] != (byte)'=' || i + 2 >= body.Length)
                decoded[count++] = body[i];
            else if (body[i + 1] == (byte)'\r')
                i += 2;
            else if (char.IsAsciiHexDigit((char)body[i + 1]) && char.IsAsciiHexDigit((char)body[i + 2]))
                (decoded[count++], i) = ((byte)((Hex(body[i + 1]) << 4) | Hex(body[i + 2])), i + 2);
            else
                decoded[count++] = body[i];
        }
        return decoded[..count];

        static int Hex(byte c) => c <= (byte)'9' ? c - '0' : (c | 0x20) - 'a' + 10;
    }

    // Words are compared with words of the same sender's mail: it is enough that the same octets make the same text.
    private static void ReadText(ReadOnlySpan<byte> octets, string charset, bool isHtml, StringBuilder output)
    {
        var isUtf8 = charset.Length == 0 || charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || charset.Equals("us-ascii", StringComparison.OrdinalIgnoreCase);
        var text = (isUtf8 ? Encoding.UTF8 : Encoding.Latin1).GetString(octets);
        if (isHtml)
            AppendVisible(text, output);
        else
            output.Append(text);
        output.Append('\n');
    }

    /// <summary>What of HTML is seen, and where its links lead. Tags are no spaces: <c>vi&lt;b&gt;ag&lt;/b&gt;ra</c> is one word to its reader.</summary>
    private static void AppendVisible(ReadOnlySpan<char> html, StringBuilder output)
    {
        while (!html.IsEmpty)
        {
            var open = html.IndexOf('<');
            AppendEntities(open < 0 ? html : html[..open], output);
            if (open < 0)
                return;
            html = html[open..];
            var close = html.StartsWith("<!--", StringComparison.Ordinal) ? html.IndexOf("-->", StringComparison.Ordinal) + 2 : html.IndexOf('>');
            if (close < 2)
                return;
            var tag = html[1..close];
            html = html[(close + 1)..];
            var hidden = tag.StartsWith("style", StringComparison.OrdinalIgnoreCase) ? "</style" : tag.StartsWith("script", StringComparison.OrdinalIgnoreCase) ? "</script" : null;
            if (hidden is not null)
                html = html.IndexOf(hidden, StringComparison.OrdinalIgnoreCase) is var end && end < 0 ? [] : html[end..];
            else if (tag.IndexOf("href=", StringComparison.OrdinalIgnoreCase) is var link && link >= 0)
                output.Append(' ').Append(tag[(link + 5)..].Trim("\"' ")).Append(' ');
            else if (IsBlock(tag))
                output.Append(' ');
        }
    }

    private static bool IsBlock(ReadOnlySpan<char> tag)
    {
        tag = tag.TrimStart('/');
        foreach (var name in (ReadOnlySpan<string>)["p", "br", "div", "td", "tr", "li", "h1", "h2", "h3", "table", "title", "img"])
            if (tag.StartsWith(name, StringComparison.OrdinalIgnoreCase) && (tag.Length == name.Length || !char.IsAsciiLetterOrDigit(tag[name.Length])))
                return true;
        return false;
    }

    private static void AppendEntities(ReadOnlySpan<char> text, StringBuilder output)
    {
        if (text.Contains('&'))
            output.Append(System.Net.WebUtility.HtmlDecode(text.ToString()));
        else
            output.Append(text);
    }

    private static string Parameter(string value, string name)
    {
        var at = value.IndexOf(name + "=", StringComparison.OrdinalIgnoreCase);
        if (at < 0)
            return "";
        var rest = value.AsSpan(at + name.Length + 1).TrimStart();
        if (rest.StartsWith("\""))
            return rest[1..].IndexOf('"') is var end && end < 0 ? "" : rest[1..(end + 1)].ToString();
        var stop = rest.IndexOfAny("; \t\r\n");
        return (stop < 0 ? rest : rest[..stop]).ToString();
    }
}
