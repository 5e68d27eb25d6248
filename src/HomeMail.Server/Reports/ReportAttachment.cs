using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.Reports;

/// <summary>
/// Takes the part of a message that carries an aggregate report (RFC 9990 3.5.2): the first one of a fitting type. Only as much of MIME (RFC 2045, 2046) is
/// understood as that needs; what is odd beyond it has no part.
/// </summary>
internal static class ReportAttachment
{
    /// <summary>The most octets that a packed report may have.</summary>
    public const int MaxPacked = 2 * 1024 * 1024;

    private const int MaxParts = 50;
    private const int MaxDepth = 8;
    private const int MaxBoundary = 70;

    /// <summary>Takes it out.</summary>
    /// <param name="message">The whole message.</param>
    /// <returns>The part's content, decoded; null if there is none.</returns>
    /// <exception cref="FormatException">Too many parts, too deep, too large, or not in the encoding that it says.</exception>
    public static byte[]? Take(ReadOnlySpan<byte> message)
    {
        var parts = 0;
        return Find(message, 0, ref parts);
    }

    private static byte[]? Find(ReadOnlySpan<byte> entity, int depth, ref int parts)
    {
        if (++parts > MaxParts || depth > MaxDepth)
            throw new FormatException("too many parts");
        var end = entity.StartsWith("\r\n"u8) ? 0 : entity.IndexOf("\r\n\r\n"u8) + 2;
        if (end == 1)
            return null;
        var body = entity[(end + 2)..];
        var (type, disposition, encoding) = ("text/plain", "", "");
        foreach (var field in new HeaderFields(entity[..end]))
        {
            if (field.Is("Content-Type"u8))
                type = Text(field.Value);
            else if (field.Is("Content-Disposition"u8))
                disposition = Text(field.Value);
            else if (field.Is("Content-Transfer-Encoding"u8))
                encoding = Text(field.Value).Trim();
        }
        var name = type.Split(';')[0].Trim().ToLowerInvariant();
        if (name.StartsWith("multipart/", StringComparison.Ordinal))
            return Parameter(type, "boundary") is { Length: > 0 and <= MaxBoundary } boundary ? FindIn(body, boundary, depth, ref parts) : null;
        if (!IsReport(name, Parameter(type, "name") ?? Parameter(disposition, "filename")))
            return null;
        var content = Decode(body, encoding.ToLowerInvariant());
        return content.Length <= MaxPacked ? content : throw new FormatException("too large a part");
    }

    private static byte[]? FindIn(ReadOnlySpan<byte> body, string boundary, int depth, ref int parts)
    {
        var delimiter = Encoding.Latin1.GetBytes("\r\n--" + boundary);
        var rest = body.StartsWith(delimiter.AsSpan(2)) ? body[(delimiter.Length - 2)..] : After(body, delimiter);
        while (!rest.IsEmpty && !rest.StartsWith("--"u8))
        {
            var line = rest.IndexOf("\r\n"u8);
            if (line < 0)
                return null;
            var part = rest[(line + 2)..];
            var next = part.IndexOf(delimiter);
            if (Find(next < 0 ? part : part[..next], depth + 1, ref parts) is { } found)
                return found;
            rest = next < 0 ? [] : part[(next + delimiter.Length)..];
        }
        return null;
    }

    private static ReadOnlySpan<byte> After(ReadOnlySpan<byte> body, ReadOnlySpan<byte> delimiter) =>
        body.IndexOf(delimiter) is >= 0 and var at ? body[(at + delimiter.Length)..] : [];

    // What the standard asks for and what senders of before do: zip, and types that say nothing behind a name that does.
    private static bool IsReport(string type, string? name) => type switch
    {
        "application/gzip" or "application/x-gzip" or "application/gzip-compressed" or "application/zip" or "application/x-zip"
            or "application/x-zip-compressed" or "application/xml" or "text/xml" => true,
        "application/octet-stream" => name is not null && (name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".xml", StringComparison.OrdinalIgnoreCase)),
        _ => false,
    };

    /// <summary>The value of a parameter (RFC 2045 5.1), unquoted; null if it is not there.</summary>
    private static string? Parameter(string value, string name)
    {
        for (var at = value.IndexOf(';', StringComparison.Ordinal); at >= 0;)
        {
            var equals = value.IndexOf('=', at);
            if (equals < 0)
                return null;
            var isIt = value[(at + 1)..equals].Trim().Equals(name, StringComparison.OrdinalIgnoreCase);
            var start = equals + 1;
            while (start < value.Length && value[start] is ' ' or '\t')
                start++;
            int end;
            if (start < value.Length && value[start] == '"')
            {
                end = value.IndexOf('"', ++start);
                if (end < 0)
                    return null;
                at = value.IndexOf(';', end);
            }
            else
            {
                at = value.IndexOf(';', start);
                end = at < 0 ? value.Length : at;
            }
            if (isIt)
                return value[start..end].Trim();
        }
        return null;
    }

    private static string Text(ReadOnlySpan<byte> value) => Encoding.Latin1.GetString(value).Replace("\r\n", "", StringComparison.Ordinal).Trim();

    private static byte[] Decode(ReadOnlySpan<byte> body, string encoding) => encoding switch
    {
        "base64" => Convert.FromBase64String(Encoding.Latin1.GetString(body)),
        "quoted-printable" => DecodeQuoted(body),
        _ => body.ToArray(),
    };

    private static byte[] DecodeQuoted(ReadOnlySpan<byte> body)
    {
        var output = new List<byte>(body.Length);
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] != (byte)'=')
                output.Add(body[i]);
            else if (i + 2 < body.Length && body[i + 1] == '\r' && body[i + 2] == '\n')
                i += 2;
            else if (i + 2 < body.Length && byte.TryParse(body.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var octet))
                (output, i) = (Append(output, octet), i + 2);
            else
                throw new FormatException("not quoted-printable");
        }
        return [.. output];

        static List<byte> Append(List<byte> to, byte octet)
        {
            to.Add(octet);
            return to;
        }
    }
}
