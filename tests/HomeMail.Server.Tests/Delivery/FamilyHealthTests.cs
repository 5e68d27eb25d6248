using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>What is measured about our own addresses, and what follows for the order in which a host's are tried.</summary>
public sealed class FamilyHealthTests : IDisposable
{
    private const string Six = "2001:db8:25::1";
    private const string Four = "203.0.113.25";

    private readonly FakeTimeProvider _clock = new(Letters.Noon);
    private readonly ZoneResolver _zone = new();
    private readonly FamilyHealth _health;
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;
    private readonly StateStore _state;
    private readonly HashSet<AddressFamily> _blocked = [];
    private readonly Sources _sources = new();

    public FamilyHealthTests()
    {
        _health = new FamilyHealth(_zone, "mail.home.example", _clock);
        _state = new StateStore(Path.Combine(_root, "state.db"), _clock);
        _zone.Addresses("mail.home.example", Six, Four);
    }

    public void Dispose()
    {
        _state.Dispose();
        Directory.Delete(_root, true);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private sealed class Sources : ISourceAddresses
    {
        public IPAddress? SixFrom { get; set; } = IPAddress.Parse(Six);

        public IPAddress? FourFrom { get; set; } = IPAddress.Parse("192.168.1.2");

        public IPAddress? FourSeen { get; set; } = IPAddress.Parse(Four);

        public IPAddress? For(IPAddress remote) => remote.AddressFamily == AddressFamily.InterNetworkV6 ? SixFrom : FourFrom;

        public IPAddress? SeenAs(IPAddress source) => source.AddressFamily == AddressFamily.InterNetwork ? FourSeen
            : source.IsIPv6UniqueLocal ? null : source;
    }

    private MeasuredFamilyPreference Preference() => new(_health, _sources, _blocked.Contains, _state.Collection("family"), _clock);

    private async Task<string> Order(FamilyMode mode = FamilyMode.Auto, string? sender = "home.example")
    {
        IPAddress[] addresses = [IPAddress.Parse("2001:db8:99::1"), IPAddress.Parse("192.0.2.9"), IPAddress.Parse("2001:db8:99::2")];
        var host = new MailHost("mx.far.example", 10, addresses);
        return string.Join(" | ", (await Preference().OrderAsync(host, mode, sender, addresses, Cancel)).Select(g => string.Join(' ', g)));
    }

    private void Name(string address, string name, bool leadsBack = true)
    {
        _zone.Ptr(address, name);
        if (leadsBack)
            _zone.Addresses(name, address);
    }

    [Theory]
    // PTR of the IPv6 address, of the IPv4 one, SPF of the sender's domain; expected order: racing, or one family after the other.
    [InlineData("mail.home.example", "mail.home.example", "v=spf1 mx ip6:2001:db8:25::/48 ip4:203.0.113.25 -all", "race")]
    [InlineData("mail.home.example", "mail.home.example", "v=spf1 ip4:203.0.113.25 -all", "4 6")]
    [InlineData("mail.home.example", "mail.home.example", "v=spf1 ip6:2001:db8:25::1 -all", "6 4")]
    [InlineData("mail.home.example", "dyn-25.isp.example", "v=spf1 ip6:2001:db8:25::1 ip4:203.0.113.25 -all", "race")]
    [InlineData("", "mail.home.example", "v=spf1 ip6:2001:db8:25::1 ip4:203.0.113.25 -all", "4 6")]
    [InlineData("", "", "v=spf1 ip6:2001:db8:25::1 ip4:203.0.113.25 -all", "4 6")]
    [InlineData("mail.home.example", "", "v=spf1 ip6:2001:db8:25::1 ip4:203.0.113.25 -all", "6 4")]
    [InlineData("!other.example", "mail.home.example", "v=spf1 ip6:2001:db8:25::1 ip4:203.0.113.25 -all", "4 6")]
    [InlineData("mail.home.example", "mail.home.example", "", "race")]
    [InlineData("mail.home.example", "mail.home.example", "v=spf1 ~all", "4 6")]
    public async Task The_healthier_family_comes_first(string six, string four, string spf, string expected)
    {
        if (six.Length > 0)
            Name(Six, six.TrimStart('!'), leadsBack: six[0] != '!');
        if (four.Length > 0)
            Name(Four, four);
        if (spf.Length > 0)
            _zone.Txt("home.example", spf);
        _zone.Addresses("home.example", "192.0.2.1");
        Assert.Equal(
            expected switch
            {
                "race" => "2001:db8:99::1 192.0.2.9 2001:db8:99::2",
                "4 6" => "192.0.2.9 | 2001:db8:99::1 2001:db8:99::2",
                _ => "2001:db8:99::1 2001:db8:99::2 | 192.0.2.9",
            },
            await Order());
        var report = _health.Latest(AddressFamily.InterNetworkV6)!;
        Assert.Equal(expected != "4 6", report.IsHealthy);
        Assert.Contains(Six, report.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fixed_modes_ask_for_nothing()
    {
        Assert.Equal("2001:db8:99::1 2001:db8:99::2 | 192.0.2.9", await Order(FamilyMode.PreferIPv6));
        Assert.Equal("192.0.2.9 | 2001:db8:99::1 2001:db8:99::2", await Order(FamilyMode.PreferIPv4));
        Assert.Equal("2001:db8:99::1 2001:db8:99::2", await Order(FamilyMode.IPv6Only));
        Assert.Equal("192.0.2.9", await Order(FamilyMode.IPv4Only));
        Assert.Empty(_zone.Queries);
    }

    [Fact]
    public async Task What_is_measured_is_kept_and_a_mend_is_seen()
    {
        Name(Four, "mail.home.example");
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        var asked = _zone.Queries.Count;
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        Assert.Equal(asked, _zone.Queries.Count);
        Name(Six, "mail.home.example");
        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.StartsWith("2001:db8:99::1 192.0.2.9", await Order(), StringComparison.Ordinal);
        // An address that changes is measured anew.
        _sources.SixFrom = IPAddress.Parse("2001:db8:26::1");
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_way_or_with_an_inner_address_IPv6_waits()
    {
        _sources.SixFrom = null;
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        _sources.SixFrom = IPAddress.Parse("fd00::1");
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        Assert.Contains("not an address of the internet", _health.Latest(AddressFamily.InterNetworkV6)!.Why, StringComparison.Ordinal);
        // And the other way round: an IPv6-only house.
        _sources.SixFrom = IPAddress.Parse(Six);
        _sources.FourFrom = null;
        Assert.EndsWith("| 192.0.2.9", await Order(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_family_that_failed_at_a_host_comes_second_there_for_a_day_also_after_a_restart()
    {
        Name(Six, "mail.home.example");
        Name(Four, "mail.home.example");
        var host = new MailHost("MX.far.example", 10, []);
        Preference().Learn(host, IPAddress.Parse("2001:db8:99::1"), worked: false);
        _state.Flush();
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        // Where both have failed, it is as if none had.
        Preference().Learn(host, IPAddress.Parse("192.0.2.9"), worked: false);
        Assert.StartsWith("2001:db8:99::1 192.0.2.9", await Order(), StringComparison.Ordinal);
        Preference().Learn(host, IPAddress.Parse("192.0.2.9"), worked: true);
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        _clock.Advance(TimeSpan.FromHours(25));
        Assert.StartsWith("2001:db8:99::1 192.0.2.9", await Order(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blocked_family_comes_second()
    {
        Name(Six, "mail.home.example");
        Name(Four, "mail.home.example");
        _blocked.Add(AddressFamily.InterNetworkV6);
        Assert.StartsWith("192.0.2.9 |", await Order(), StringComparison.Ordinal);
        _blocked.Add(AddressFamily.InterNetwork);
        Assert.StartsWith("2001:db8:99::1 192.0.2.9", await Order(), StringComparison.Ordinal);
    }
}
