using System.Net;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.PortMapping;
using HomeMail.Protocol.Proxy;

namespace HomeMail.Fuzz.Targets;

/// <summary>What a router, or somebody in its place, sends; and a name server's signed answers.</summary>
public static class GatewayTargets
{
    private const string Nonce = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c";

    private static readonly IPAddress Gateway = IPAddress.Parse("192.168.1.254");
    private static readonly TsigKey Key = new("house-key", [1, 2, 3, 4]);

    /// <summary>PCP and NAT-PMP.</summary>
    public static FuzzTarget Datagrams { get; } = new(
        "gateway-datagram", RunDatagram,
        [
            "\x02\x81\x00\x00\x00\x00\x07\x08\x00\x00\x00\x4d" + new string('\0', 12) + Nonce + "\x06\x00\x00\x00\x00\x19\x09\xdd" + new string('\0', 10) + "\xff\xff\xcb\x00\x71\x07",
            "\x00\x80\x00\x00\x00\x00\x00\x09\xcb\x00\x71\x07", "\x00\x82\x00\x00\x00\x00\x00\x09\x00\x19\x09\xdd\x00\x00\x07\x08", "\x00\x81\x00\x01\x00\x00\x00\x00",
        ],
        [Nonce, "\x02\x81", "\x00\x80", "\x00\x82", "\x00\x19", "\xff\xff\xcb\x00\x71\x07", "\x00", "\xff"]);

    /// <summary>UPnP: answers to a search, HTTP, descriptions and calls.</summary>
    public static FuzzTarget Upnp { get; } = new(
        "gateway-upnp", RunUpnp,
        [
            "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.254:5000/d.xml\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "<root><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service></root>",
            "<e><NewExternalIPAddress>203.0.113.7</NewExternalIPAddress></e>", "<e><errorCode>725</errorCode></e>",
        ],
        [
            "HTTP/1.1 200", "LOCATION: ", "http://", "192.168.1.254", "@", ":", "//", "\r\n", "Content-Length: ", "Transfer-Encoding: chunked", "<", ">", "</", "/>", "<!DOCTYPE a [<!ENTITY x 'y'>]>", "&x;", "&#65;", "<![CDATA[", "]]>", "<!--", "-->",
            "controlURL", "serviceType", "urn:schemas-upnp-org:service:WANPPPConnection:1", "NewExternalIPAddress", "\xff", "\0",
        ]);

    /// <summary>Answers to a signed update.</summary>
    public static FuzzTarget Signed { get; } = new(
        "dns-signed", RunSigned,
        [Latin(Key.Sign([0x12, 0x34, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1000, out _)), "\x12\x34\xa8\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x06\x00\x01"],
        ["\x09house-key\x00\x00\xfa\x00\xff", "\x0bhmac-sha256\x00", "\xc0\x0c", "\x00\x01", "\xff\xff", "\x00\x20"]);

    /// <summary>The PROXY protocol's header.</summary>
    public static FuzzTarget Proxy { get; } = new(
        "proxy-header", RunProxy,
        ["\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x09\x00\x01\x9c\x40\x00\x19", "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", "\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24" + new string('\x01', 36)],
        ["\r\n\r\n\0\r\nQUIT\n", "\x21", "\x20", "\x11", "\x12", "\x31", "\x00\x0c", "\xff\xff"]);

    private static void RunProxy(ReadOnlySpan<byte> input)
    {
        if (ProxyHeader.TryRead(input, out var client))
            FuzzException.Check(ProxyHeader.TryReadLength(input, out var rest) && input.Length == rest + ProxyHeader.FixedLength
                && (client is null || !client.Address.IsIPv4MappedToIPv6), "a header that is not one");
    }

    private static string Latin(byte[] octets) => System.Text.Encoding.Latin1.GetString(octets);

    private static void RunDatagram(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> nonce = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        if (Pcp.TryReadMap(input, nonce, 25, out var mapping) && mapping.Result == PcpResult.Success)
            FuzzException.Check(input.Slice(24, 12).SequenceEqual(nonce), "an answer without the nonce was heard");
        if (NatPmp.TryReadAddress(input, out var address))
            FuzzException.Check(input[1] == 0x80 && (address is null || input.Length == 12), "no answer to this question");
        _ = NatPmp.TryReadMap(input, 25, out _, out _);
    }

    private static void RunUpnp(ReadOnlySpan<byte> input)
    {
        if (Ssdp.TryReadLocation(input, Gateway, out var location))
            FuzzException.Check(location.Scheme == "http" && location.Host == "192.168.1.254", "a location that is not the gateway");
        var text = input.ToArray();
        foreach (var connection in Igd.ReadServices(text))
            if (Ssdp.TryResolve(new Uri("http://192.168.1.254:5000/d.xml"), connection.ControlUrl, Gateway, out var control))
                FuzzException.Check(control.Host == "192.168.1.254", "a call that leaves the gateway");
        if (Igd.TryReadAddress(text, out var address))
            FuzzException.Check(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork, "no IPv4 address");
        _ = Igd.ReadError(text);
        if (HttpAnswer.TryRead(input, out var status, out var body))
            FuzzException.Check(status >= 200 && body.Length <= input.Length, "more than was sent");
        _ = HttpAnswer.IsWhole(input);
    }

    private static void RunSigned(ReadOnlySpan<byte> input)
    {
        var result = Key.Verify(input, [], 1000);
        FuzzException.Check(result != TsigResult.Good || input.Length > 60, "a signature that nobody made");
        _ = DnsUpdate.TryReadResponse(input, 0x1234, out _);
    }
}
