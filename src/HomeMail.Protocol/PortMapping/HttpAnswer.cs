using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.PortMapping;

/// <summary>
/// As much of HTTP/1.1 (RFC 9112) as a call to a gateway needs: one answer to a request that asked for the connection to be closed, its length told, in
/// chunks, or ended by the close. There are no redirects: an answer is taken for what it is.
/// </summary>
public static class HttpAnswer
{
    /// <summary>Whether nothing more is to be waited for.</summary>
    /// <param name="octets">What has come so far.</param>
    public static bool IsWhole(ReadOnlySpan<byte> octets)
    {
        var end = octets.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return false;
        var body = octets[(end + 4)..];
        if (IsChunked(octets[..end]))
            return TryJoinChunks(body, out _);
        return Length(octets[..end]) is { } length && body.Length >= length;
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="octets">All that has come.</param>
    /// <param name="status">The status.</param>
    /// <param name="body">The content.</param>
    /// <returns>False if it is no answer, or was cut off.</returns>
    public static bool TryRead(ReadOnlySpan<byte> octets, out int status, out byte[] body)
    {
        status = 0;
        body = [];
        var end = octets.IndexOf("\r\n\r\n"u8);
        if (end < 0 || octets.Length < 12 || !octets.StartsWith("HTTP/1."u8) || octets[8] != ' '
            || !Utf8Parser.TryParse(octets.Slice(9, 3), out status, out var used) || used != 3 || status < 200)
            return false;
        var head = octets[..end];
        var content = octets[(end + 4)..];
        if (IsChunked(head))
            return TryJoinChunks(content, out body);
        if (Length(head) is { } length)
        {
            if (content.Length < length)
                return false;
            content = content[..length];
        }
        body = content.ToArray();
        return true;
    }

    private static int? Length(ReadOnlySpan<byte> head) =>
        int.TryParse(Field(head, "Content-Length"), NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : null;

    private static bool IsChunked(ReadOnlySpan<byte> head) => Field(head, "Transfer-Encoding") is { } coding && coding.Equals("chunked", StringComparison.OrdinalIgnoreCase);

    private static string? Field(ReadOnlySpan<byte> head, string name)
    {
        foreach (var line in Encoding.Latin1.GetString(head).Split("\r\n").AsSpan(1))
            if (line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.OrdinalIgnoreCase))
                return line[(name.Length + 1)..].Trim();
        return null;
    }

    private static bool TryJoinChunks(ReadOnlySpan<byte> octets, out byte[] body)
    {
        body = [];
        var joined = new List<byte>();
        while (true)
        {
            var end = octets.IndexOf("\r\n"u8);
            if (end < 1 || !Utf8Parser.TryParse(octets[..end], out int size, out var used, 'X') || used == 0 || size < 0 || (used < end && octets[used] != ';'))
                return false;
            octets = octets[(end + 2)..];
            if (size == 0)
                break;
            if (octets.Length < size + 2L)
                return false;
            joined.AddRange(octets[..size]);
            octets = octets[(size + 2)..];
        }
        body = [.. joined];
        return true;
    }
}
