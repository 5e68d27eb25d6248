using System.Text;

namespace HomeMail.Server.Web;

/// <summary>A request, as far as the small sites of this server look at it (RFC 9112).</summary>
/// <param name="Method">The method, as sent: methods are case-sensitive.</param>
/// <param name="Path">The path, with its percent encodings resolved.</param>
/// <param name="Query">What follows the question mark, as sent; or empty.</param>
/// <param name="Host">The host asked for, in lower case, without a port; empty if HTTP/1.0 named none.</param>
/// <param name="IsTls">Whether it came over TLS.</param>
/// <param name="Body">The content.</param>
public sealed record WebRequest(string Method, string Path, string Query, string Host, bool IsTls, ReadOnlyMemory<byte> Body)
{
    /// <summary>A parameter of the query, decoded, or null; of several the first. Names are compared without case, as programs write them.</summary>
    /// <param name="name">Its name.</param>
    public string? Parameter(string name)
    {
        foreach (var pair in Query.Split('&'))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && pair.AsSpan(0, equals).Equals(name, StringComparison.OrdinalIgnoreCase))
                return Uri.UnescapeDataString(pair[(equals + 1)..].Replace('+', ' '));
        }
        return null;
    }
}

/// <summary>What is answered.</summary>
/// <param name="Status">The status (RFC 9110 15).</param>
/// <param name="ContentType">What the content is.</param>
/// <param name="Content">The content.</param>
public sealed record WebReply(int Status, string ContentType, string Content)
{
    /// <summary>Where to go instead, with a status of 3xx.</summary>
    public string? Location { get; init; }

    /// <summary>The methods that are allowed, with 405.</summary>
    public string? Allow { get; init; }

    /// <summary>The name under which a browser keeps it, or null.</summary>
    public string? FileName { get; init; }

    /// <summary>An answer that is one line of text.</summary>
    /// <param name="status">The status.</param>
    /// <param name="text">The line.</param>
    public static WebReply Plain(int status, string text) => new(status, "text/plain; charset=utf-8", text + "\n");

    /// <summary>The answer as octets. The connection ends with each answer.</summary>
    /// <param name="withContent">False for HEAD (RFC 9110 9.3.2).</param>
    public byte[] Encode(bool withContent)
    {
        var content = Encoding.UTF8.GetBytes(Content);
        var head = new StringBuilder(256);
        head.Append("HTTP/1.1 ").Append(Status).Append(' ').Append(Reason(Status)).Append("\r\n");
        head.Append("Content-Type: ").Append(ContentType).Append("\r\n");
        head.Append("Content-Length: ").Append(content.Length).Append("\r\n");
        if (Location is not null)
            head.Append("Location: ").Append(Location).Append("\r\n");
        if (Allow is not null)
            head.Append("Allow: ").Append(Allow).Append("\r\n");
        if (FileName is not null)
            head.Append("Content-Disposition: attachment; filename=\"").Append(FileName).Append("\"\r\n");
        head.Append("Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
        var octets = Encoding.ASCII.GetBytes(head.ToString());
        return withContent ? [.. octets, .. content] : octets;
    }

    private static string Reason(int status) => status switch
    {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "Answer",
    };
}
