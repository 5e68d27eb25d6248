using System.Text;

namespace HomeMail.Server.Web;

/// <summary>
/// The head of a request, read strictly (RFC 9112): what two readers could take in two ways is refused.
/// </summary>
public sealed class RequestHead
{
    private RequestHead(string method, string target, string host, int contentLength, bool expectsContinue) =>
        (Method, Target, Host, ContentLength, ExpectsContinue) = (method, target, host, contentLength, expectsContinue);

    /// <summary>The method.</summary>
    public string Method { get; }

    /// <summary>Path and query, as sent.</summary>
    public string Target { get; }

    /// <summary>The host in lower case, without a port; or empty.</summary>
    public string Host { get; }

    /// <summary>Octets of content that follow.</summary>
    public int ContentLength { get; }

    /// <summary>Whether the client waits for a word before it sends the content (RFC 9110 10.1.1).</summary>
    public bool ExpectsContinue { get; }

    /// <summary>Reads a head.</summary>
    /// <param name="octets">The head with the empty line that ends it.</param>
    /// <param name="status">What to answer if it is not one.</param>
    /// <returns>Null if it is refused.</returns>
    public static RequestHead? Parse(ReadOnlySpan<byte> octets, out int status)
    {
        status = 400;
        // Latin-1 keeps each octet; controls other than the line ends have no place in a head.
        var lines = Encoding.Latin1.GetString(octets).Split("\r\n");
        foreach (var line in lines)
            foreach (var c in line)
                if (char.IsControl(c) && c != '\t')
                    return null;
        if (lines[0].Split(' ') is not [var method, var target, var version] || method.Length == 0 || !IsToken(method))
            return null;
        if (version is not ("HTTP/1.1" or "HTTP/1.0"))
        {
            status = version.StartsWith("HTTP/", StringComparison.Ordinal) ? 505 : 400;
            return null;
        }
        string? host = null, length = null;
        var expectsContinue = false;
        foreach (var line in lines.AsSpan(1))
        {
            if (line.Length == 0)
                break;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || !IsToken(line.AsSpan(0, colon)))
                return null;
            var value = line.AsSpan(colon + 1).Trim(" \t").ToString();
            switch (line[..colon].ToLowerInvariant())
            {
                case "host" when host is null:
                    host = value;
                    break;
                case "content-length" when length is null || length == value:
                    length = value;
                    break;
                case "host" or "content-length":
                    return null;
                case "transfer-encoding":
                    status = 501;
                    return null;
                case "expect":
                    expectsContinue |= value.Equals("100-continue", StringComparison.OrdinalIgnoreCase);
                    break;
            }
        }
        if (host is null && version == "HTTP/1.1")
            return null;
        if (!TryReadLength(length, out var contentLength, ref status))
            return null;
        if (target.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || target.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            // RFC 9112 3.2.2: an absolute form names the host, whatever the field says.
            var from = target.IndexOf("//", StringComparison.Ordinal) + 2;
            var slash = target.IndexOf('/', from);
            host = slash < 0 ? target[from..] : target[from..slash];
            target = slash < 0 ? "/" : target[slash..];
        }
        return target.StartsWith('/') ? new RequestHead(method, target, WithoutPort(host ?? ""), contentLength, expectsContinue) : null;
    }

    private static bool TryReadLength(string? text, out int length, ref int status)
    {
        length = 0;
        if (text is null)
            return true;
        if (text.Length == 0 || text.AsSpan().ContainsAnyExceptInRange('0', '9'))
            return false;
        if (text.Length <= 9)
        {
            length = int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
            return true;
        }
        status = 413;
        return false;
    }

    private static string WithoutPort(string host)
    {
        var end = host.StartsWith('[') ? host.IndexOf(']', StringComparison.Ordinal) + 1 : host.IndexOf(':', StringComparison.Ordinal);
        return (end > 0 ? host[..end] : host).TrimEnd('.').ToLowerInvariant();
    }

    // RFC 9110 5.6.2
    private static bool IsToken(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && !"!#$%&'*+-.^_`|~".Contains(c))
                return false;
        return true;
    }
}
