using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Dns;
using HomeMail.Server.House;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>The live picture: asked anew when told to look, and sent only when it is sure.</summary>
public sealed class AddressWatchTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly StringWriter _log = new();
    private readonly List<AddressReport> _reports = [];
    private DnsUpdateTarget? _target;
    private readonly AddressWatch _watch;

    public AddressWatchTests()
    {
        var finder = new PublicAddresses(() => [], [new Source(_reports)], _clock);
        _watch = new AddressWatch(finder, new DnsUpdateClient(new ZoneResolver(), _clock), () => _target, () => "mail.example.org", _clock, new Log(_log, _clock, LogLevel.Info));
    }

    public void Dispose() => _watch.Dispose();

    [Fact]
    public async Task AChangeIsTakenWithinTheNextLookAndToldOnce()
    {
        var changes = new List<string>();
        _watch.Changed += picture => changes.Add(string.Join(' ', picture.Addresses));
        Say("203.0.113.7", AddressSource.Pcp);
        await _watch.LookAsync(default);
        await _watch.LookAsync(default);
        _reports.Clear();
        Say("203.0.113.8", AddressSource.Pcp);
        await _watch.LookAsync(default);
        Assert.Equal(["203.0.113.7", "203.0.113.8"], changes);
        Assert.Equal(IPAddress.Parse("203.0.113.8"), _watch.Current.Of(AddressFamily.InterNetwork));
    }

    [Fact]
    public async Task AWordThatSomethingHasChangedOnlyMakesItAsk()
    {
        using var stop = new CancellationTokenSource();
        var seen = new SemaphoreSlim(0);
        _watch.Changed += _ => seen.Release();
        Say("203.0.113.7", AddressSource.Upnp);
        var running = _watch.RunAsync(stop.Token);
        Assert.True(await seen.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        lock (_reports)
        {
            _reports.Clear();
            Say("203.0.113.8", AddressSource.Upnp);
        }
        for (var i = 0; i < 100; i++) // a storm of announcements is one look
            _watch.Look();
        Assert.True(await seen.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task WhatOnlyOneSourceKnowsIsNotSent()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        server.Listen();
        _target = new DnsUpdateTarget("127.0.0.1", ((IPEndPoint)server.LocalEndPoint!).Port, "key", [1]);
        Say("203.0.113.7", AddressSource.Pcp);
        Say("203.0.113.7", AddressSource.Upnp);
        await _watch.LookAsync(default);
        Assert.Contains("only one source", _log.ToString(), StringComparison.Ordinal);
        Assert.False(server.Poll(0, SelectMode.SelectRead)); // nobody has called
    }

    [Fact]
    public async Task WhatIsPublishedAlreadyIsNotSentAgain()
    {
        _target = new DnsUpdateTarget("192.0.2.1", 53, "key", [1]);
        Say("203.0.113.7", AddressSource.Pcp);
        Say("203.0.113.7", AddressSource.Hostname);
        await _watch.LookAsync(default);
        Assert.DoesNotContain("dns-update", _log.ToString(), StringComparison.Ordinal);
    }

    private void Say(string address, AddressSource source) => _reports.Add(new AddressReport(IPAddress.Parse(address), source));

    private sealed class Source(List<AddressReport> reports) : IPublicAddressSource
    {
        public Task<IReadOnlyList<AddressReport>> AskAsync(CancellationToken cancel)
        {
            lock (reports)
                return Task.FromResult<IReadOnlyList<AddressReport>>([.. reports]);
        }
    }
}
