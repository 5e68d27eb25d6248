using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.MtaSts;

/// <summary>How far an answer has come.</summary>
public enum HttpProgress
{
    /// <summary>More octets are needed.</summary>
    NeedMore,

    /// <summary>It is whole.</summary>
    Complete,

    /// <summary>It is not HTTP/1, or more than is taken.</summary>
    Malformed,
}

/// <summary>An answer of HTTP/1.1 (RFC 9112), as far as fetching one small text needs it.</summary>
/// <param name="Status">The status code.</param>
/// <param name="MediaType">The media type in lower case, without parameters; empty if none is given.</param>
/// <param name="IsEncoded">The content is compressed or the like.</param>
/// <param name="Content">The content, put together from its chunks.</param>
public sealed record HttpAnswer(int Status, string MediaType, bool IsEncoded, byte[] Content)
{
    /// <summary>The longest header that is taken, in octets.</summary>
    public const int MaxHeader = 16 * 1024;

    /// <summary>Reads an answer from its beginning, as often as more octets have come.</summary>
    /// <param name="octets">All that has come.</param>
    /// <param name="isEnd">Whether the connection has ended: then an answer without a length is whole.</param>
    /// <param name="maxContent">The most content that is taken, in octets.</param>
    /// <param name="answer">The answer, if it is whole.</param>
    public static HttpProgress Read(ReadOnlySpan<byte> octets, bool isEnd, int maxContent, out HttpAnswer? answer)
    {
        answer = null;
        var end = octets.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return isEnd || octets.Length > MaxHeader ? HttpProgress.Malformed : HttpProgress.NeedMore;
        if (end > MaxHeader)
            return HttpProgress.Malformed;
        var header = octets[..end];
        var first = header.IndexOf((byte)'\r') is var lineEnd && lineEnd < 0 ? header : header[..lineEnd];
        // HTTP/1.1 200 OK
        if (first.Length < 12 || !first.StartsWith("HTTP/1."u8) || first[8] != ' '
            || !int.TryParse(first.Slice(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status) || (first.Length > 12 && first[12] != ' '))
            return HttpProgress.Malformed;

        var mediaType = "";
        long? length = null;
        var isChunked = false;
        var isEncoded = false;
        foreach (var range in header.Split("\r\n"u8))
        {
            var line = header[range];
            var colon = line.IndexOf((byte)':');
            if (colon <= 0)
                continue;
            var value = line[(colon + 1)..].Trim(" \t"u8);
            if (Ascii.EqualsIgnoreCase(line[..colon], "Content-Type"u8))
                mediaType = Encoding.Latin1.GetString(value).Split(';')[0].TrimEnd().ToLowerInvariant();
            else if (Ascii.EqualsIgnoreCase(line[..colon], "Content-Encoding"u8))
                isEncoded |= !Ascii.EqualsIgnoreCase(value, "identity"u8);
            else if (Ascii.EqualsIgnoreCase(line[..colon], "Transfer-Encoding"u8))
            {
                if (!Ascii.EqualsIgnoreCase(value, "chunked"u8))
                    return HttpProgress.Malformed;
                isChunked = true;
            }
            else if (Ascii.EqualsIgnoreCase(line[..colon], "Content-Length"u8))
            {
                // Two lengths that differ mean that somebody on the way sees another answer (RFC 9112 6.3).
                if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var told) || (length is not null && length != told))
                    return HttpProgress.Malformed;
                length = told;
            }
        }
        var body = octets[(end + 4)..];
        byte[]? content;
        if (isChunked)
        {
            var progress = Unchunk(body, maxContent, out content);
            if (progress != HttpProgress.Complete)
                return progress == HttpProgress.NeedMore && isEnd ? HttpProgress.Malformed : progress;
        }
        else
        {
            if ((length ?? body.Length) > maxContent)
                return HttpProgress.Malformed;
            if (length is null ? !isEnd : body.Length < length)
                return isEnd ? HttpProgress.Malformed : HttpProgress.NeedMore;
            content = body[..(int)(length ?? body.Length)].ToArray();
        }
        answer = new HttpAnswer(status, mediaType, isEncoded, content!);
        return HttpProgress.Complete;
    }

    // RFC 9112 7.1; trailers say nothing here.
    private static HttpProgress Unchunk(ReadOnlySpan<byte> body, int maxContent, out byte[]? content)
    {
        content = null;
        var whole = new List<byte>();
        while (true)
        {
            var end = body.IndexOf("\r\n"u8);
            if (end < 0)
                return body.Length > 256 ? HttpProgress.Malformed : HttpProgress.NeedMore;
            var digits = body[..end];
            if (digits.IndexOf((byte)';') is var extension && extension >= 0)
                digits = digits[..extension];
            if (!int.TryParse(digits.TrimEnd(" \t"u8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) || size < 0)
                return HttpProgress.Malformed;
            body = body[(end + 2)..];
            if (size == 0)
            {
                content = [.. whole];
                return HttpProgress.Complete;
            }
            if (size > maxContent - whole.Count)
                return HttpProgress.Malformed;
            if (body.Length < size + 2)
                return HttpProgress.NeedMore;
            if (body[size] != '\r' || body[size + 1] != '\n')
                return HttpProgress.Malformed;
            whole.AddRange(body[..size]);
            body = body[(size + 2)..];
        }
    }
}
