using System.Net;
using System.Text;
using HomeMail.Protocol.PortMapping;
using Xunit;

namespace HomeMail.Protocol.Tests.PortMapping;

/// <summary>The formats that gateways speak, and what a liar in the house could send.</summary>
public sealed class PortMappingTests
{
    private static readonly IPAddress Local = IPAddress.Parse("192.168.1.2");
    private static readonly IPAddress Router = IPAddress.Parse("192.168.1.254");
    private static readonly byte[] Nonce = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    private const string Description = """
        <?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion><device>
        <deviceList><device><serviceList>
        <service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/ctl/L3F</controlURL></service>
        <service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType><serviceId>x</serviceId><controlURL>/ctl/PPP</controlURL></service>
        <service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><SCPDURL>/s.xml</SCPDURL><controlURL> /ctl/IPConn </controlURL></service>
        </serviceList></device></deviceList></device></root>
        """;

    [Fact]
    public void AMapRequestIsLaidOutAsTheStandardHasIt()
    {
        var message = new byte[Pcp.MapLength];
        Pcp.WriteMap(message, Local, Nonce, 25, 25, 3600);
        Assert.Equal(
            "02010000" + "00000e10" + "00000000000000000000ffffc0a80102" // version, MAP, lifetime, our address
            + "0102030405060708090a0b0c" + "06000000" + "00190019" + "00000000000000000000ffff00000000",
            Convert.ToHexStringLower(message));
        Pcp.WriteAnnounce(message, Local);
        Assert.Equal("02000000" + "00000000" + "00000000000000000000ffffc0a80102", Convert.ToHexStringLower(message.AsSpan(0, Pcp.HeaderLength)));
    }

    [Fact]
    public void AnAnswerWithTheNonceIsHeardAndNoOther()
    {
        var answer = Mapped();
        Assert.True(Pcp.TryReadMap(answer, Nonce, 25, out var mapping));
        Assert.Equal(new PcpMapping(PcpResult.Success, 1800, 77, 2525, IPAddress.Parse("203.0.113.7")), mapping);
        Assert.False(Pcp.TryReadMap(answer, new byte[12], 25, out _)); // whoever guesses
        Assert.False(Pcp.TryReadMap(answer, Nonce, 26, out _));
        Assert.False(Pcp.TryReadMap(answer.AsSpan(0, 56), Nonce, 25, out _));
        var request = Mapped();
        request[1] = 1;
        Assert.False(Pcp.TryReadMap(request, Nonce, 25, out _)); // our own, sent back
        var refused = Mapped();
        refused[3] = (byte)PcpResult.NotAuthorized;
        Assert.True(Pcp.TryReadMap(refused, Nonce, 25, out mapping));
        Assert.Equal(PcpResult.NotAuthorized, mapping.Result);
        // NAT-PMP's answer to a PCP request, by which a client knows what it talks to.
        Assert.True(Pcp.TryReadMap([0, 0x81, 0, 1, 0, 0, 0, 0], Nonce, 25, out mapping));
        Assert.Equal(PcpResult.UnsupportedVersion, mapping.Result);
    }

    [Fact]
    public void NatPmpIsReadAndWritten()
    {
        var message = new byte[NatPmp.MapLength];
        NatPmp.WriteMap(message, 25, 25, 3600);
        Assert.Equal("000200000019001900000e10", Convert.ToHexStringLower(message));
        NatPmp.WriteMap(message, 25, 25, 0);
        Assert.Equal("000200000019000000000000", Convert.ToHexStringLower(message)); // RFC 6886 3.4
        Assert.True(NatPmp.TryReadAddress([0, 0x80, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7], out var address));
        Assert.Equal(IPAddress.Parse("203.0.113.7"), address);
        Assert.True(NatPmp.TryReadAddress([0, 0x80, 0, 3, 0, 0, 0, 9], out address));
        Assert.Null(address);
        Assert.False(NatPmp.TryReadAddress([0, 0, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7], out _));
        Assert.False(NatPmp.TryReadAddress([0, 0x80, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7, 0], out _));
        Assert.True(NatPmp.TryReadMap([0, 0x82, 0, 0, 0, 0, 0, 9, 0, 25, 9, 221, 0, 0, 7, 8], 25, out var external, out var lifetime));
        Assert.Equal((2525, 1800u), (external, lifetime));
        Assert.False(NatPmp.TryReadMap([0, 0x82, 0, 0, 0, 0, 0, 9, 0, 26, 9, 221, 0, 0, 7, 8], 25, out _, out _));
        Assert.True(NatPmp.TryReadMap([0, 0x82, 0, 2, 0, 0, 0, 9], 25, out external, out _));
        Assert.Equal(0, external);
    }

    [Theory]
    [InlineData("http://192.168.1.254:5000/rootDesc.xml", true)]
    [InlineData("HTTP://192.168.1.254/x", true)]
    [InlineData("http://192.168.1.77:5000/rootDesc.xml", false)] // a host of the house that pretends to be one
    [InlineData("http://203.0.113.66/rootDesc.xml", false)]
    [InlineData("http://router.lan/rootDesc.xml", false)]
    [InlineData("http://192.168.1.254@203.0.113.66/x", false)]
    [InlineData("http://a:b@192.168.1.254/x", false)]
    [InlineData("https://192.168.1.254/x", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("/rootDesc.xml", false)]
    [InlineData("http://192.168.1.254/a b", false)]
    [InlineData("", false)]
    public void TheLocationMustBeTheGateway(string location, bool isTaken)
    {
        var answer = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nST: urn:x\r\nlocation: {location}\r\nUSN: y\r\n\r\n");
        Assert.Equal(isTaken, Ssdp.TryReadLocation(answer, Router, out _));
        Assert.False(Ssdp.TryReadLocation(Encoding.ASCII.GetBytes($"NOTIFY * HTTP/1.1\r\nLOCATION: {location}\r\n\r\n"), Router, out _));
    }

    [Fact]
    public void ServicesAreFoundTheBestFirstAndTheirUrlsStayWithTheGateway()
    {
        var services = Igd.ReadServices(Encoding.UTF8.GetBytes(Description));
        Assert.Equal(["/ctl/IPConn", "/ctl/PPP"], services.Select(s => s.ControlUrl));
        var from = new Uri("http://192.168.1.254:5000/rootDesc.xml");
        Assert.True(Ssdp.TryResolve(from, services[0].ControlUrl, Router, out var control));
        Assert.Equal("http://192.168.1.254:5000/ctl/IPConn", control.ToString());
        Assert.False(Ssdp.TryResolve(from, "http://203.0.113.66/ctl", Router, out _));
        Assert.False(Ssdp.TryResolve(from, "//203.0.113.66/ctl", Router, out _));
    }

    [Theory]
    [InlineData("<a><NewExternalIPAddress>203.0.113.7</NewExternalIPAddress></a>", "203.0.113.7")]
    [InlineData("<s:E xmlns:s='x'><s:B><u:R xmlns:u='y'><NewExternalIPAddress> 203.0.113.7 </NewExternalIPAddress></u:R></s:B></s:E>", "203.0.113.7")]
    [InlineData("<a><NewExternalIPAddress>0.0.0.0</NewExternalIPAddress></a>", null)]
    [InlineData("<a><NewExternalIPAddress></NewExternalIPAddress></a>", null)]
    [InlineData("<a><NewExternalIPAddress>1</NewExternalIPAddress></a>", null)]
    [InlineData("<a><NewExternalIPAddress>2001:db8::1</NewExternalIPAddress></a>", null)]
    [InlineData("<!DOCTYPE a [<!ENTITY x '203.0.113.7'>]><a><NewExternalIPAddress>&x;</NewExternalIPAddress></a>", null)]
    [InlineData("<!DOCTYPE a SYSTEM 'http://203.0.113.66/x'><a><NewExternalIPAddress>203.0.113.7</NewExternalIPAddress></a>", null)]
    [InlineData("not XML at all", null)]
    public void TheAddressIsReadWithoutDtdOrEntities(string text, string? address) =>
        Assert.Equal(address, Igd.TryReadAddress(Encoding.UTF8.GetBytes(text), out var read) ? read.ToString() : null);

    [Fact]
    public void AStormOfElementsOrAnEndlessValueIsCutOff()
    {
        Assert.False(Igd.TryReadAddress(new byte[Igd.MaxText + 1], out _));
        var deep = string.Concat(Enumerable.Repeat("<a>", 9000)) + "<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>";
        Assert.False(Igd.TryReadAddress(Encoding.UTF8.GetBytes(deep), out _));
        Assert.Null(Igd.ReadValue(Encoding.UTF8.GetBytes($"<a><b>{new string('x', 60000)}</b></a>"), "b"));
    }

    [Fact]
    public void ACallNamesItsServiceAndEscapesItsArguments()
    {
        var call = Igd.Call("urn:x:WANIPConnection:1", "AddPortMapping", ("NewPortMappingDescription", "<HomeMail & co>"), ("NewExternalPort", "25"));
        Assert.Contains("<u:AddPortMapping xmlns:u=\"urn:x:WANIPConnection:1\">", call, StringComparison.Ordinal);
        Assert.Contains("&lt;HomeMail &amp; co&gt;", call, StringComparison.Ordinal);
        Assert.Equal("25", Igd.ReadValue(Encoding.UTF8.GetBytes(call), "NewExternalPort"));
        Assert.Equal(725, Igd.ReadError("<s:Fault xmlns:s='x'><detail><UPnPError><errorCode>725</errorCode></UPnPError></detail></s:Fault>"u8.ToArray()));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", 200, "hello")]
    [InlineData("HTTP/1.0 500 No\r\n\r\nuntil the end", 500, "until the end")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 200, "hello")]
    [InlineData("HTTP/1.1 302 Over there\r\nLocation: http://203.0.113.66/\r\nContent-Length: 0\r\n\r\n", 302, "")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", 0, null)] // cut off
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nx", 0, null)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", 0, null)]
    [InlineData("SSH-2.0-OpenSSH\r\n\r\n", 0, null)]
    public void AnHttpAnswerIsTakenForWhatItIs(string octets, int status, string? body)
    {
        Assert.Equal(body is not null, HttpAnswer.TryRead(Encoding.ASCII.GetBytes(octets), out var read, out var content));
        if (body is not null)
            Assert.Equal((status, body), (read, Encoding.ASCII.GetString(content)));
    }

    [Fact]
    public void WhateverComesIsJudged()
    {
        var random = new Random(11);
        byte[][] seeds =
        [
            Mapped(), [0, 0x80, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7], [0, 0x82, 0, 0, 0, 0, 0, 9, 0, 25, 9, 221, 0, 0, 7, 8],
            Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLOCATION: http://192.168.1.254:5000/d.xml\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            Encoding.UTF8.GetBytes(Description),
        ];
        for (var round = 0; round < 20_000; round++)
        {
            var seed = seeds[round % seeds.Length];
            var octets = seed.AsSpan(0, random.Next(seed.Length + 1)).ToArray();
            for (var i = random.Next(8); i > 0 && octets.Length > 0; i--)
                octets[random.Next(octets.Length)] = (byte)random.Next(256);
            if (Pcp.TryReadMap(octets, Nonce, 25, out var mapping) && mapping.Result == PcpResult.Success)
                Assert.True(octets.AsSpan(24, 12).SequenceEqual(Nonce));
            _ = NatPmp.TryReadAddress(octets, out _);
            _ = NatPmp.TryReadMap(octets, 25, out _, out _);
            if (Ssdp.TryReadLocation(octets, Router, out var location))
                Assert.Equal("192.168.1.254", location.Host);
            _ = HttpAnswer.IsWhole(octets);
            _ = HttpAnswer.TryRead(octets, out _, out _);
            _ = Igd.ReadServices(octets);
            _ = Igd.TryReadAddress(octets, out _);
        }
    }

    private static byte[] Mapped() => Convert.FromHexString(
        "02810000" + "00000708" + "0000004d" + "000000000000000000000000"
        + "0102030405060708090a0b0c" + "06000000" + "001909dd" + "00000000000000000000ffffcb007107");
}
