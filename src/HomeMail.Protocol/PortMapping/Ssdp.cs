using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace HomeMail.Protocol.PortMapping;

/// <summary>
/// The search for a UPnP gateway (UPnP Device Architecture 1.1, section 1.3). Any host of the house can answer it, so an answer counts only if what it
/// points to is the gateway itself.
/// </summary>
public static class Ssdp
{
    /// <summary>The port of searches.</summary>
    public const int Port = 1900;

    /// <summary>The longest answer that is looked at, in octets.</summary>
    public const int MaxAnswer = 2048;

    private const int MaxLocation = 512;

    /// <summary>The group that hears searches.</summary>
    public static IPAddress Group { get; } = new([239, 255, 255, 250]);

    /// <summary>A search for an internet gateway device.</summary>
    public static ReadOnlySpan<byte> Search =>
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n"u8;

    /// <summary>Reads an answer.</summary>
    /// <param name="message">The datagram.</param>
    /// <param name="gateway">The gateway, which the location must name by its address.</param>
    /// <param name="location">The description's place.</param>
    /// <returns>False if it is no answer, or points anywhere else.</returns>
    public static bool TryReadLocation(ReadOnlySpan<byte> message, IPAddress gateway, [NotNullWhen(true)] out Uri? location)
    {
        location = null;
        if (message.Length > MaxAnswer || !message.StartsWith("HTTP/1.1 200"u8) || !Ascii.IsValid(message))
            return false;
        foreach (var line in Encoding.ASCII.GetString(message).Split("\r\n"))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line.AsSpan(0, colon).Trim().Equals("LOCATION", StringComparison.OrdinalIgnoreCase))
                return TryResolve(null, line[(colon + 1)..].Trim(), gateway, out location);
        }
        return false;
    }

    /// <summary>An address within the gateway: plain HTTP, the gateway by its number, nothing of user names, and no other host.</summary>
    /// <param name="from">What a relative address is relative to, or null if it must not be.</param>
    /// <param name="text">The address.</param>
    /// <param name="gateway">The gateway.</param>
    /// <param name="address">The whole address.</param>
    public static bool TryResolve(Uri? from, string text, IPAddress gateway, [NotNullWhen(true)] out Uri? address)
    {
        address = null;
        if (text is null || text.Length is 0 or > MaxLocation || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return false;
        if (!(from is null ? Uri.TryCreate(text, UriKind.Absolute, out var uri) : Uri.TryCreate(from, text, out uri)))
            return false;
        if (uri.Scheme != Uri.UriSchemeHttp || uri.UserInfo.Length > 0 || uri.Port is <= 0 or > 65535 || !IPAddress.TryParse(uri.Host, out var host) || !host.Equals(gateway))
            return false;
        address = uri;
        return true;
    }
}
