using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Protocol.Proxy;
using HomeMail.Server.House;
using HomeMail.Server.Net;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>Declared relays, with and without the PROXY protocol: whose address counts, and that nobody else is believed.</summary>
public sealed class RelayTests
{
    private static readonly byte[] Signature = Encoding.ASCII.GetBytes("\r\n\r\n\0\r\nQUIT\n");

    private static byte[] Header(string client, byte command = 1, params byte[] extensions)
    {
        var address = IPAddress.Parse(client);
        var octets = address.GetAddressBytes();
        byte[] addresses = [.. octets, .. new byte[octets.Length], 0x9c, 0x40, 0, 25];
        var length = addresses.Length + extensions.Length;
        return [.. Signature, (byte)(0x20 | command), octets.Length == 4 ? (byte)0x11 : (byte)0x21, (byte)(length >> 8), (byte)length, .. addresses, .. extensions];
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("2001:db8::7", "2001:db8::7")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    public void TheClientIsRead(string conveyed, string client)
    {
        Assert.True(ProxyHeader.TryRead(Header(conveyed), out var read));
        Assert.Equal(new IPEndPoint(IPAddress.Parse(client), 40000), read);
        Assert.True(ProxyHeader.TryRead(Header(conveyed, 1, 4, 0, 1, 9), out read)); // with an extension
        Assert.Equal(IPAddress.Parse(client), read!.Address);
        Assert.True(ProxyHeader.TryRead(Header(conveyed, 0), out read)); // LOCAL
        Assert.Null(read);
    }

    [Fact]
    public void WhatIsNoHeaderIsNone()
    {
        var header = Header("203.0.113.7");
        for (var length = 0; length < header.Length; length++)
            Assert.False(ProxyHeader.TryRead(header.AsSpan(0, length), out _));
        Assert.False(ProxyHeader.TryRead([.. header, 0], out _));
        foreach (var (at, value) in ((int, byte)[])[(0, 0x0a), (12, 0x11), (12, 0x22), (13, 0x12), (13, 0x31), (14, 0xff)])
        {
            var changed = header.ToArray();
            changed[at] = value;
            Assert.False(ProxyHeader.TryRead(changed, out _));
        }
        Assert.False(ProxyHeader.TryRead(Encoding.ASCII.GetBytes("PROXY TCP4 203.0.113.7 10.9.0.1 40000 25\r\n"), out _)); // version 1
    }

    [Fact]
    public async Task WithProxyTheConveyedAddressIsTheClients()
    {
        await using var house = new TestHouse();
        house.Relays.Add(new DeclaredRelay("vps", [IPAddress.Loopback], true, []));
        house.Zone.Txt("honest.example", "v=spf1 ip4:203.0.113.7 -all");
        using var listener = house.Listen(new ConnectionGate(10, 10));
        Assert.Contains("spf=pass", await SendAsync(house, listener.EndPoint, Header("203.0.113.7"), "x@honest.example"), StringComparison.Ordinal);
        Assert.Contains("spf=fail", await SendAsync(house, listener.EndPoint, Header("198.51.100.66"), "x@honest.example"), StringComparison.Ordinal);
        // The forger gains nothing for the house's domain either: what is conveyed is judged as if it had come here.
        house.Zone.Txt("example.org", "v=spf1 ip4:203.0.113.99 -all");
        Assert.Contains("spf=fail", await SendAsync(house, listener.EndPoint, Header("198.51.100.66"), "alice@example.org"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARelayThatDoesNotSayWhomItSpeaksForIsCutOff()
    {
        await using var house = new TestHouse();
        house.Relays.Add(new DeclaredRelay("vps", [IPAddress.Loopback], true, []));
        using var listener = house.Listen(new ConnectionGate(10, 10));
        Assert.Equal("", await SendAsync(house, listener.EndPoint, Encoding.ASCII.GetBytes("EHLO not a header at all\r\n"), "x@honest.example"));
        Assert.Contains("no-proxy-header", house.LogText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AHeaderFromAnybodyElseIsNoSmtp()
    {
        await using var house = new TestHouse();
        house.Zone.Txt("honest.example", "v=spf1 ip4:203.0.113.7 -all");
        using var listener = house.Listen(new ConnectionGate(10, 10));
        Assert.DoesNotContain("spf=pass", await SendAsync(house, listener.EndPoint, Header("203.0.113.7"), "x@honest.example"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutProxyNothingIsKnownOfTheAddress()
    {
        await using var house = new TestHouse();
        house.Relays.Add(new DeclaredRelay("vps", [IPAddress.Loopback], false, []));
        house.Zone.Txt("honest.example", "v=spf1 ip4:203.0.113.7 -all").Txt("_dmarc.honest.example", "v=DMARC1; p=reject");
        using var listener = house.Listen(new ConnectionGate(10, 10));
        var stored = await SendAsync(house, listener.EndPoint, [], "x@honest.example");
        Assert.Contains("spf=none", stored, StringComparison.Ordinal);
        Assert.Contains("not evaluable", stored, StringComparison.Ordinal);
    }

    private static async Task<string> SendAsync(TestHouse house, IPEndPoint to, byte[] first, string from)
    {
        var before = house.Mailbox("alice").Count;
        using var client = new TcpClient();
        await client.ConnectAsync(to, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        await stream.WriteAsync((byte[])[.. first, .. Encoding.ASCII.GetBytes($"EHLO c.example\r\nMAIL FROM:<{from}>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nFrom: {from}\r\n\r\nhi\r\n.\r\nQUIT\r\n")]);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        try
        {
            await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (IOException)
        {
            // Cut off.
        }
        return house.Mailbox("alice").Skip(before).SingleOrDefault() ?? "";
    }
}
