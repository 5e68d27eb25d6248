using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Delivery;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>When port 25 is believed to be blocked, and who cannot bring that about.</summary>
public sealed class PortEvidenceTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new(Letters.Noon);
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;
    private readonly StateStore _state;

    public PortEvidenceTests() => _state = new StateStore(Path.Combine(_root, "state.db"), _clock);

    public void Dispose()
    {
        _state.Dispose();
        Directory.Delete(_root, true);
    }

    private PortEvidence Evidence() => new(_state.Collection("port25"), _clock, Log.None);

    [Theory]
    // Each time-out: address, host, recipients' domain.
    [InlineData(true, "192.0.2.1 mx.one.example one.example", "198.51.100.1 mail.two.test two.test")]
    [InlineData(true, "192.0.2.1 mx.one.example one.example", "192.0.2.2 mx.one.example one.example", "198.51.100.1 mail.two.test two.test")]
    // One domain alone, with however many hosts, names and networks.
    [InlineData(false, "192.0.2.1 mx.evil.example evil.example", "198.51.100.1 mx.other.test evil.example", "203.0.113.1 mx.third.org evil.example")]
    // Two domains of one operator.
    [InlineData(false, "192.0.2.1 mx.evil.example a.test", "198.51.100.1 mx2.evil.example b.org")]
    // A domain that uses another one's network, or its name for hosts.
    [InlineData(false, "192.0.2.1 mx.one.example one.example", "192.0.99.1 mx.two.test two.test")]
    [InlineData(false, "192.0.2.1 mx.one.example one.example", "198.51.100.1 dead.one.example two.test")]
    [InlineData(false, "192.0.2.1 mx.two.test one.example", "198.51.100.1 mx.three.org two.test")]
    // Each family for itself.
    [InlineData(false, "192.0.2.1 mx.one.example one.example", "2001:db8::1 mail.two.test two.test")]
    public void It_takes_two_that_have_nothing_to_do_with_each_other(bool blocked, params string[] timeOuts)
    {
        var evidence = Evidence();
        foreach (var timeOut in timeOuts)
            if (timeOut.Split(' ') is [var address, var host, var domain])
                evidence.TimedOut(IPAddress.Parse(address), host, domain);
        Assert.Equal(blocked, evidence.IsBlocked(AddressFamily.InterNetwork));
        Assert.False(evidence.IsBlocked(AddressFamily.InterNetworkV6));
    }

    private static void Block(PortEvidence evidence)
    {
        evidence.TimedOut(IPAddress.Parse("192.0.2.1"), "mx.one.example", "one.example");
        evidence.TimedOut(IPAddress.Parse("198.51.100.1"), "mx.two.test", "two.test");
    }

    [Fact]
    public void What_worked_within_the_hour_speaks_against_it()
    {
        var evidence = Evidence();
        evidence.Worked(IPAddress.Parse("203.0.113.9"));
        _clock.Advance(TimeSpan.FromMinutes(59));
        Block(evidence);
        Assert.False(evidence.IsBlocked(AddressFamily.InterNetwork));
        _clock.Advance(TimeSpan.FromMinutes(2));
        evidence.TimedOut(IPAddress.Parse("192.0.2.1"), "mx.one.example", "one.example");
        Assert.True(evidence.IsBlocked(AddressFamily.InterNetwork));
    }

    [Fact]
    public void Old_time_outs_are_no_evidence()
    {
        var evidence = Evidence();
        evidence.TimedOut(IPAddress.Parse("192.0.2.1"), "mx.one.example", "one.example");
        _clock.Advance(TimeSpan.FromMinutes(61));
        evidence.TimedOut(IPAddress.Parse("198.51.100.1"), "mx.two.test", "two.test");
        Assert.False(evidence.IsBlocked(AddressFamily.InterNetwork));
    }

    [Fact]
    public void It_is_tried_now_and_then_remembered_over_a_restart_and_cleared_by_one_success()
    {
        var evidence = Evidence();
        Block(evidence);
        Assert.False(evidence.MayTry(AddressFamily.InterNetwork));
        Assert.True(evidence.MayTry(AddressFamily.InterNetworkV6));
        _clock.Advance(TimeSpan.FromMinutes(15));
        Assert.True(evidence.MayTry(AddressFamily.InterNetwork));
        Assert.False(evidence.MayTry(AddressFamily.InterNetwork));

        _state.Flush();
        evidence = Evidence();
        Assert.Equal(Letters.Noon, evidence.BlockedSince(AddressFamily.InterNetwork));
        evidence.Worked(IPAddress.Parse("192.0.2.1"));
        Assert.False(evidence.IsBlocked(AddressFamily.InterNetwork));
        _state.Flush();
        Assert.False(Evidence().IsBlocked(AddressFamily.InterNetwork));
    }

    [Fact]
    public async Task With_a_smarthost_behind_it_mail_goes_on_without_waiting_and_comes_back()
    {
        var evidence = new PortEvidence(null, _clock, Log.None);
        await using var bench = new RemoteBench(ports: evidence);
        var smarthost = new Smarthost("isp", "smtp.isp.example", 587, null, SmarthostTls.Off);
        var route = new Route("*", [null, smarthost]);
        bench.Zone.Addresses("smtp.isp.example", "192.0.2.250");
        foreach (var (name, address) in ((string, string)[])[("one.example", "192.0.2.1"), ("two.test", "198.51.100.1"), ("three.org", "203.0.113.1")])
        {
            bench.Zone.Mx(name, 10, "mx." + name).Addresses("mx." + name, address);
            bench.Host(address, "drop");
        }
        bench.Host("192.0.2.250", RemoteBench.Accept.Replace("bob@example.net", "bob@one.example", StringComparison.Ordinal),
            RemoteBench.Accept.Replace("bob@example.net", "bob@two.test", StringComparison.Ordinal),
            RemoteBench.Accept.Replace("bob@example.net", "bob@three.org", StringComparison.Ordinal));
        foreach (var name in (string[])["one.example", "two.test", "three.org"])
            Assert.StartsWith("Delivered", (await bench.SendAsync(route, $"bob@{name}")).Outcome, StringComparison.Ordinal);
        // The third operator's host was not dialled: the evidence of two was enough.
        Assert.Equal(["192.0.2.1", "192.0.2.250:587", "198.51.100.1", "192.0.2.250:587", "192.0.2.250:587"], bench.Dials);
        evidence.Worked(IPAddress.Parse("192.0.2.77"));
        bench.Host("203.0.113.1", RemoteBench.Accept.Replace("bob@example.net", "bob@three.org", StringComparison.Ordinal));
        Assert.StartsWith("Delivered", (await bench.SendAsync(route, "bob@three.org")).Outcome, StringComparison.Ordinal);
        Assert.Equal("203.0.113.1", bench.Dials.Last());
    }
}
