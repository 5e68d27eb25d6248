using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Server.House;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>Gateways that tell the truth, lie, hang or send garbage, and a host of the house that pretends to be one.</summary>
public sealed class GatewayTests : IDisposable
{
    private readonly ScriptedGateway _gateway = new();

    public void Dispose() => _gateway.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private GatewayAddresses Source => new(() => [IPAddress.Loopback], _gateway.Ports, TimeProvider.System);

    private async Task<PublicPicture> AskAsync() => new(await Source.AskAsync(Cancel));

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("100.64.0.9", null)] // carrier NAT behind the router
    [InlineData("192.0.0.2", null)] // DS-Lite
    [InlineData("192.168.0.2", null)] // two routers, one behind the other
    [InlineData("0.0.0.0", null)]
    public async Task EachProtocolTellsTheAddressAndOnlyAPublicOneCounts(string told, string? believed)
    {
        _gateway.SpeakPcp(told);
        Assert.Equal(believed, (await AskAsync()).Of(AddressFamily.InterNetwork)?.ToString());
        _gateway.SpeakNatPmp(told);
        Assert.Equal(believed, (await AskAsync()).Of(AddressFamily.InterNetwork)?.ToString());
        _gateway.OnPcp = static _ => [];
        _gateway.SpeakUpnp(told);
        Assert.Equal(believed, (await AskAsync()).Of(AddressFamily.InterNetwork)?.ToString());
    }

    [Fact]
    public async Task AllThreeAreOneVoice()
    {
        _gateway.SpeakPcp("203.0.113.7");
        _gateway.SpeakUpnp("203.0.113.7");
        var picture = await AskAsync();
        Assert.Equal([AddressSource.Pcp, AddressSource.Upnp], picture.Reports.Select(r => r.Source));
        Assert.False(picture.MayBePublished(IPAddress.Parse("203.0.113.7")));
    }

    [Fact]
    public async Task AnAnswerWithoutTheNonceIsNotHeard()
    {
        _gateway.SpeakPcp("203.0.113.66", answer =>
        {
            answer[24] ^= 1;
            return answer;
        });
        Assert.Empty((await AskAsync()).Reports);
    }

    [Fact]
    public async Task GarbageInFrontOfTheAnswerDoesNotHideIt()
    {
        _gateway.SpeakPcp("203.0.113.7");
        var right = _gateway.OnPcp;
        _gateway.OnPcp = request => [[], [2], new byte[1100], Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"), .. right(request)];
        Assert.Equal("203.0.113.7", (await AskAsync()).Of(AddressFamily.InterNetwork)?.ToString());
    }

    [Fact]
    public async Task WhatComesFromAnotherPortThanTheGatewaysIsNotHeard()
    {
        using var liar = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        liar.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var seen = new SemaphoreSlim(0);
        _gateway.OnPcp = request =>
        {
            if (request[0] == 0)
                seen.Release();
            return [];
        };
        var asking = AskAsync();
        await seen.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        // All of loopback, as far as the liar can guess: the asker's port is not known to it.
        for (var port = 1024; port < 65536; port += 7)
            await liar.SendToAsync(new byte[] { 0, 0x80, 0, 0, 0, 0, 0, 1, 203, 0, 113, 66 }, new IPEndPoint(IPAddress.Loopback, port), Cancel);
        Assert.Empty((await asking).Reports);
    }

    [Theory]
    [InlineData("http://127.0.0.2:{0}/d.xml")] // another host of the house
    [InlineData("http://203.0.113.66/d.xml")]
    [InlineData("http://localhost:{0}/d.xml")]
    [InlineData("https://127.0.0.1:{0}/d.xml")]
    public async Task ALocationThatIsNotTheGatewayIsNotFetched(string location)
    {
        _gateway.SpeakUpnp("203.0.113.66");
        _gateway.OnSearch = _ => [ScriptedGateway.Found(string.Format(System.Globalization.CultureInfo.InvariantCulture, location, _gateway.HttpPort))];
        Assert.Empty((await AskAsync()).Reports);
        Assert.Empty(_gateway.Calls);
    }

    [Fact]
    public async Task AHostThatPretendsToBeTheGatewayIsNotHeard()
    {
        // Its answer to the search comes from 127.0.0.2, and names the gateway rightly.
        _gateway.SpeakUpnp("203.0.113.66");
        using var pretender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        pretender.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        var upnp = new UpnpGateway(IPAddress.Loopback, _gateway.Ports with { Ssdp = ((IPEndPoint)pretender.LocalEndPoint!).Port }, TimeProvider.System);
        var asking = upnp.ExternalAddressAsync(Cancel);
        Assert.Null(await asking); // nothing listens at 127.0.0.1 with that port, and 127.0.0.2 was not asked
        Assert.Empty(_gateway.Calls);
    }

    [Theory]
    [InlineData("HTTP/1.1 302 Over there\r\nLocation: http://127.0.0.1:{0}/other\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<a><b></a></b> broken")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nshort")]
    [InlineData("no HTTP at all")]
    [InlineData("")]
    public async Task ABrokenDescriptionIsNoneAndNobodyFollowsARedirect(string answer)
    {
        _gateway.SpeakUpnp("203.0.113.66");
        _gateway.OnHttp = request => request.StartsWith("GET /other", StringComparison.Ordinal) ? throw new InvalidOperationException("followed")
            : string.Format(System.Globalization.CultureInfo.InvariantCulture, answer, _gateway.HttpPort);
        Assert.Empty((await AskAsync()).Reports);
        Assert.Single(_gateway.Calls);
    }

    [Fact]
    public async Task AControlUrlThatLeadsAwayIsNotCalled()
    {
        _gateway.SpeakUpnp("203.0.113.66");
        _gateway.OnHttp = _ => ScriptedGateway.Answer(ScriptedGateway.Description.Replace("/ctl", $"http://127.0.0.2:{_gateway.HttpPort}/ctl", StringComparison.Ordinal));
        Assert.Empty((await AskAsync()).Reports);
        Assert.Single(_gateway.Calls);
    }

    [Fact]
    public async Task AnEndlessDescriptionEndsAtItsBound()
    {
        _gateway.SpeakUpnp("203.0.113.66");
        _gateway.OnHttp = _ => "HTTP/1.1 200 OK\r\n\r\n<root>" + new string(' ', 1 << 20) + ScriptedGateway.Description;
        Assert.Empty((await AskAsync()).Reports);
    }

    [Fact]
    public async Task AGatewayThatHangsEndsWithTheQuestionsTime()
    {
        _gateway.OnSearch = _ => [ScriptedGateway.Found($"http://127.0.0.1:{_gateway.HttpPort}/d.xml")];
        var clock = new FakeTimeProvider();
        var asking = new PublicAddresses(() => [], [new GatewayAddresses(() => [IPAddress.Loopback], _gateway.Ports, clock)], clock).AskAsync(Cancel);
        while (!asking.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
        Assert.Empty((await asking).Reports);
    }

    [Theory]
    [InlineData(AddressSource.Pcp)]
    [InlineData(AddressSource.NatPmp)]
    [InlineData(AddressSource.Upnp)]
    public async Task PortsAreMappedRenewedAndTakenBackByWhatTheGatewaySpeaks(AddressSource protocol)
    {
        if (protocol == AddressSource.Pcp)
            _gateway.SpeakPcp("203.0.113.7");
        else if (protocol == AddressSource.NatPmp)
            _gateway.SpeakNatPmp("203.0.113.7");
        else
            _gateway.SpeakUpnp("203.0.113.7");
        List<int> wanted = [25, 465];
        var log = new Log(TextWriter.Null, TimeProvider.System, LogLevel.Error);
        var folder = Directory.CreateTempSubdirectory("homemail-ports-").FullName;
        using var state = new StateStore(Path.Combine(folder, "state.db"), TimeProvider.System);
        var mappings = new PortMappings(() => [IPAddress.Loopback, IPAddress.IPv6Loopback], () => wanted, _gateway.Ports, TimeProvider.System, log, state.Collection("forwarded"));
        Assert.Equal(TimeSpan.FromMinutes(5), await mappings.RenewAsync(Cancel)); // an hour's half is further away than the next look
        Assert.Equal([(25, 25, protocol), (465, 465, protocol)], mappings.Held.Select(m => (m.InternalPort, m.ExternalPort, m.By)));
        var before = _gateway.Requests.Count + _gateway.Calls.Count;
        await mappings.RenewAsync(Cancel);
        Assert.Equal(2, mappings.Held.Count);
        Assert.Equal(before + 2, _gateway.Requests.Count + _gateway.Calls.Count); // one question a port
        wanted.Remove(465);
        await mappings.RenewAsync(Cancel);
        Assert.Equal([25], mappings.Held.Select(m => m.InternalPort));
        // Whoever comes after a server that was broken off knows what may still be forwarded.
        var next = new PortMappings(static () => [], static () => [], _gateway.Ports, TimeProvider.System, log, state.Collection("forwarded"));
        Assert.True(next.WasForwarded(25));
        Assert.False(next.WasForwarded(465));
        Assert.False(next.WasForwarded(0));

        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await mappings.RunAsync(stop.Token);
        Assert.Empty(mappings.Held);
        Assert.False(next.WasForwarded(25));
        Directory.Delete(folder, true);
        if (protocol == AddressSource.Upnp)
            Assert.Contains(_gateway.Calls, call => call.Contains("DeletePortMapping", StringComparison.Ordinal) && call.Contains("<NewExternalPort>25</NewExternalPort>", StringComparison.Ordinal));
        else
            Assert.True(_gateway.Requests.Last() is { } last && last.AsSpan(protocol == AddressSource.Pcp ? 4 : 8, 4).SequenceEqual(new byte[4])); // lifetime 0
        if (protocol == AddressSource.Pcp)
        {
            // One nonce for each port's whole life: with another the server refuses to renew.
            var of25 = _gateway.Requests.Where(r => r.Length == 60 && r[41] == 25).Select(r => Convert.ToHexString(r, 24, 12)).Distinct();
            Assert.Single(of25);
        }
    }

    [Fact]
    public async Task AGatewayThatKeepsMappingsForEverIsAskedForThat()
    {
        _gateway.SpeakUpnp("203.0.113.7");
        var right = _gateway.OnHttp;
        _gateway.OnHttp = request => request.Contains("AddPortMapping", StringComparison.Ordinal) && !request.Contains("<NewLeaseDuration>0<", StringComparison.Ordinal)
            ? ScriptedGateway.Answer("<e><errorCode>725</errorCode></e>", 500) : right(request);
        var mapping = await new UpnpGateway(IPAddress.Loopback, _gateway.Ports, TimeProvider.System).MapAsync(25, TimeSpan.FromHours(1), Cancel);
        Assert.Equal(new PortMapping(25, 25, TimeSpan.Zero, AddressSource.Upnp), mapping);
    }

    [Fact]
    public async Task AnAnnouncementOnlyMakesUsAsk()
    {
        var clock = new FakeTimeProvider();
        using var heard = new SemaphoreSlim(0);
        using var stop = new CancellationTokenSource();
        using var free = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        free.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var at = (IPEndPoint)free.LocalEndPoint!;
        free.Close();
        var running = new GatewayAnnouncements(() => heard.Release(), clock).RunAsync(stop.Token, at);
        using var router = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < 50; i++)
            await router.SendToAsync(new byte[] { 0, 0x80, 0, 0, 0, 0, 0, 1, 203, 0, 113, 66 }, at, Cancel);
        Assert.True(await heard.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
        Assert.Equal(0, heard.CurrentCount); // a storm is one question until the rest is over
        await stop.CancelAsync();
        await running;
    }
}
