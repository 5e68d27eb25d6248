using System.Net;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class HostFinderTests
{
    private static readonly string[] Interfaces = ["192.168.1.2", "2001:db8:1::2", "127.0.0.1"];
    private static readonly string[] Publics = ["203.0.113.1"];

    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        { "one.example", "", "mx.one.example[192.0.2.1]" },
        { "order.example", "", "mx10.order.example[192.0.2.10] mx20.order.example[2001:db8::20 192.0.2.20] mx30.order.example[192.0.2.30]" },
        { "implicit.example", "", "implicit.example[192.0.2.40]" },
        { "implicit6.example", "", "implicit6.example[2001:db8::41]" },
        { "alias.example", "", "mx.one.example[192.0.2.1]" },
        { "aliasbare.example", "", "implicit.example[192.0.2.40]" },
        { "mxalias.example", "", "cname.one.example[192.0.2.1]" },
        { "null.example", "", "final! 5.1.10" },
        { "nullandmore.example", "", "mx.one.example[192.0.2.1]" },
        { "missing.example", "", "final! 5.1.2" },
        { "empty.example", "", "fault! 5.4.4" },
        { "b\u00fccher.example", "", "mx.one.example[192.0.2.1]" },
        { "bad..example", "", "final! 5.1.2" },
        { "-bad_.example", "", "final! 5.1.2" },
        { "single", "", "fault! 5.4.4" },
        { "localhost", "", "fault! 5.4.4" },
        { "servfail.example", "", "fault 4.4.3" },
        { "servfailhost.example", "", "fault 4.4.3" },
        { "servfailfirst.example", "", "mx.one.example[192.0.2.1]" },
        { "servfail4.example", "", "mx.servfail4.example[2001:db8::4]" },
        { "mxaddress.example", "", "fault! 5.4.4" },
        { "mxlocalhost.example", "", "fault! 5.4.4" },
        { "mxlocalsub.example", "", "fault! 5.4.4" },
        { "mxsingle.example", "", "fault! 5.4.4" },
        { "mxsingle.example", "printer", "printer[192.0.2.99]" },
        { "mxmissing.example", "", "fault! 5.4.4" },
        { "mxmixed.example", "", "mx.one.example[192.0.2.1]" },
        { "intolan.example", "", "fault! 5.4.4" },
        { "intolan.example", "lan.intolan.example", "lan.intolan.example[192.168.1.9]" },
        { "loopback.example", "", "fault! 5.4.4" },
        { "zeros.example", "", "fault! 5.4.4" },
        { "embedded.example", "", "fault! 5.4.4" },
        { "partlan.example", "", "mixed.partlan.example[192.0.2.50]" },
        { "partlanhosts.example", "", "mx.one.example[192.0.2.1]" },
        { "tous.example", "", "loop! 5.4.6" },
        { "tous6.example", "", "loop! 5.4.6" },
        { "tousbyname.example", "", "loop! 5.4.6" },
        { "behindus.example", "", "mx.one.example[192.0.2.1]" },
        { "besideus.example", "", "loop! 5.4.6" },
        { "afterus.example", "", "loop! 5.4.6" },
        { "topublic.example", "", "loop 4.4.6" },
        { "hosted.example", "", "mail.home.example[203.0.113.1]" },
        { "[192.0.2.7]", "", "192.0.2.7[192.0.2.7]" },
        { "[IPv6:2001:db8::7]", "", "2001:db8::7[2001:db8::7]" },
        { "[IPv6:::ffff:192.0.2.7]", "", "192.0.2.7[192.0.2.7]" },
        { "[192.168.1.1]", "", "final! 5.4.4" },
        { "[127.0.0.1]", "", "final! 5.4.4" },
        { "[tag:stuff]", "", "final! 5.1.2" },
        { "[2001:db8:1::2]", "", "loop! 5.4.6" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Finds(string domain, string namedHost, string expected)
    {
        var routes = new Routes(namedHost.Length == 0 ? [] : [new Route(namedHost, [null])]);
        Assert.Equal(expected, Describe(await Finder(Zone()).FindAsync(domain, FamilyMode.Auto, routes, CancellationToken.None)));
    }

    [Theory]
    [InlineData(FamilyMode.IPv4Only, "order.example", "mx10.order.example[192.0.2.10] mx20.order.example[192.0.2.20] mx30.order.example[192.0.2.30]")]
    [InlineData(FamilyMode.IPv6Only, "order.example", "mx20.order.example[2001:db8::20]")]
    [InlineData(FamilyMode.IPv6Only, "one.example", "fault! 5.4.4")]
    [InlineData(FamilyMode.IPv4Only, "[IPv6:2001:db8::7]", "final! 5.4.4")]
    public async Task KeepsToTheFamily(FamilyMode family, string domain, string expected)
    {
        var zone = Zone();
        Assert.Equal(expected, Describe(await Finder(zone).FindAsync(domain, family, new Routes([]), CancellationToken.None)));
        Assert.DoesNotContain(zone.Queries, q => q.Type == (family == FamilyMode.IPv4Only ? DnsType.Aaaa : DnsType.A) && q.Name != "mail.home.example");
    }

    [Fact]
    public async Task EqualHostsAreShuffledAndOthersNot()
    {
        var zone = new ZoneResolver();
        for (var i = 0; i < 4; i++)
            zone.Mx("many.example", 10, $"mx{i}.many.example").Addresses($"mx{i}.many.example", $"192.0.2.{i + 1}");
        zone.Mx("many.example", 5, "first.many.example").Addresses("first.many.example", "192.0.2.100");
        var orders = new HashSet<string>();
        for (var seed = 0; seed < 40; seed++)
        {
            var search = await Finder(zone, seed: seed).FindAsync("many.example", FamilyMode.Auto, new Routes([]), CancellationToken.None);
            Assert.Equal("first.many.example", search.Hosts[0].Name);
            orders.Add(string.Join(' ', search.Hosts.Skip(1).Select(h => h.Name)));
        }
        Assert.True(orders.Count > 8);
    }

    [Fact]
    public async Task AtMostTenHostsAreLookedUp()
    {
        var zone = new ZoneResolver();
        for (var i = 0; i < 30; i++)
            zone.Mx("many.example", i, $"mx{i}.many.example").Addresses($"mx{i}.many.example", $"192.0.2.{i + 1}");
        var search = await Finder(zone).FindAsync("many.example", FamilyMode.Auto, new Routes([]), CancellationToken.None);
        Assert.Equal(10, search.Hosts.Count);
        Assert.Equal(21, zone.Queries.Count);
    }

    [Fact]
    public async Task ADomainIsMissingOnlyWhileOneThatExistsIsFound()
    {
        // A captive portal, or a resolver that has lost the world, denies everything.
        var zone = new ZoneResolver();
        var finder = Finder(zone);
        Assert.Equal("fault 4.4.3", Describe(await finder.FindAsync("missing.example", FamilyMode.Auto, new Routes([]), CancellationToken.None)));
        zone.Addresses("mail.home.example", "203.0.113.1");
        Assert.Equal("final! 5.1.2", Describe(await finder.FindAsync("missing.example", FamilyMode.Auto, new Routes([]), CancellationToken.None)));
        zone.Remove("mail.home.example").Mx("one.example", 1, "mx.one.example").Addresses("mx.one.example", "192.0.2.1");
        Assert.Equal("fault 4.4.3", Describe(await finder.FindAsync("missing.example", FamilyMode.Auto, new Routes([]), CancellationToken.None)));
        await finder.FindAsync("one.example", FamilyMode.Auto, new Routes([]), CancellationToken.None);
        Assert.Equal("final! 5.1.2", Describe(await finder.FindAsync("missing.example", FamilyMode.Auto, new Routes([]), CancellationToken.None)));
        zone.Remove("one.example");
        Assert.Equal("fault 4.4.3", Describe(await finder.FindAsync("missing.example", FamilyMode.Auto, new Routes([]), CancellationToken.None)));
    }

    [Fact]
    public async Task AuthenticatedOnlyIfNameAndAddressesAre()
    {
        var zone = Zone();
        var search = await Finder(zone).FindAsync("one.example", FamilyMode.IPv4Only, new Routes([]), CancellationToken.None);
        Assert.False(search.Hosts[0].IsAuthenticated);
        zone.Authenticated = true;
        search = await Finder(zone).FindAsync("one.example", FamilyMode.IPv4Only, new Routes([]), CancellationToken.None);
        Assert.True(search.Hosts[0].IsAuthenticated);
    }

    [Theory]
    [InlineData("smtp.isp.example", "smtp.isp.example[2001:db8::587 192.0.2.87]")]
    [InlineData("192.168.1.20", "192.168.1.20[192.168.1.20]")]
    [InlineData("lan.intolan.example", "lan.intolan.example[192.168.1.9]")]
    [InlineData("missing.example", "fault 4.4.3")]
    [InlineData("servfail.example", "fault 4.4.3")]
    public async Task ASmarthostIsTakenAsItIs(string host, string expected) =>
        Assert.Equal(expected, Describe(await Finder(Zone()).FindAsync(new Smarthost("isp", host, 587), FamilyMode.Auto, CancellationToken.None)));

    internal static string Describe(HostSearch search)
    {
        if (search.Fault is null)
            return string.Join(' ', search.Hosts.Select(h => $"{h.Name}[{string.Join(' ', h.Addresses)}]"));
        Assert.Empty(search.Hosts);
        var word = search.IsFinal ? "final" : search.Fault.IsLoop ? "loop" : "fault";
        return $"{word}{(search.Fault.IsPermanent ? "!" : "")} {search.Fault.Diagnostic.Status}";
    }

    private static HostFinder Finder(ZoneResolver zone, int seed = 1) => new(
        zone, new FixedOwnAddresses(Interfaces, Publics),
        new DeliveryOptions { Hostname = "mail.home.example", ComesBackBySmtp = d => d == "hosted.example" }, new Random(seed));

    private static ZoneResolver Zone() => new ZoneResolver()
        .Addresses("mail.home.example", "203.0.113.1")
        .Mx("one.example", 10, "mx.one.example").Addresses("mx.one.example", "192.0.2.1").Cname("cname.one.example", "mx.one.example")
        .Mx("order.example", 20, "mx20.order.example").Mx("order.example", 30, "mx30.order.example").Mx("order.example", 10, "mx10.order.example")
        .Addresses("mx10.order.example", "192.0.2.10").Addresses("mx20.order.example", "192.0.2.20", "2001:db8::20").Addresses("mx30.order.example", "192.0.2.30")
        .Addresses("implicit.example", "192.0.2.40").Addresses("implicit6.example", "2001:db8::41")
        .Cname("alias.example", "one.example").Cname("aliasbare.example", "implicit.example")
        .Mx("mxalias.example", 10, "cname.one.example")
        .Mx("null.example", 0, ".").Mx("nullandmore.example", 0, ".").Mx("nullandmore.example", 10, "mx.one.example")
        .Empty("empty.example")
        .Mx("xn--bcher-kva.example", 10, "mx.one.example")
        .Addresses("single", "192.0.2.98").Addresses("localhost", "127.0.0.1").Addresses("printer", "192.0.2.99")
        .Fail("servfail.example", "SERVFAIL")
        .Mx("servfailhost.example", 10, "mx.servfailhost.example").Fail("mx.servfailhost.example")
        .Mx("servfailfirst.example", 10, "mx.servfailhost.example").Mx("servfailfirst.example", 20, "mx.one.example")
        .Mx("servfail4.example", 10, "mx.servfail4.example").Addresses("mx.servfail4.example", "2001:db8::4").Fail("mx.servfail4.example", "time-out", DnsType.A)
        .Mx("mxaddress.example", 10, "192.0.2.1").Mx("mxlocalhost.example", 10, "localhost").Mx("mxlocalsub.example", 10, "a.localhost")
        .Mx("mxsingle.example", 10, "printer").Mx("mxmissing.example", 10, "nowhere.mxmissing.example")
        .Mx("mxmixed.example", 10, "192.0.2.66").Mx("mxmixed.example", 10, "localhost").Mx("mxmixed.example", 20, "mx.one.example")
        .Mx("intolan.example", 10, "lan.intolan.example").Addresses("lan.intolan.example", "192.168.1.9")
        .Mx("loopback.example", 10, "mx.loopback.example").Addresses("mx.loopback.example", "127.0.0.1", "::1")
        .Mx("zeros.example", 10, "mx.zeros.example").Addresses("mx.zeros.example", "0.0.0.0", "::")
        .Mx("embedded.example", 10, "mx.embedded.example").Addresses("mx.embedded.example", "::ffff:192.168.1.1", "64:ff9b::c0a8:101", "2002:c0a8:101::1")
        .Mx("partlan.example", 10, "mixed.partlan.example").Addresses("mixed.partlan.example", "192.168.1.9", "192.0.2.50")
        .Mx("partlanhosts.example", 10, "lan.intolan.example").Mx("partlanhosts.example", 20, "mx.one.example")
        .Mx("tous.example", 10, "mx.tous.example").Addresses("mx.tous.example", "192.168.1.2")
        .Mx("tous6.example", 10, "mx.tous6.example").Addresses("mx.tous6.example", "2001:db8:1::2")
        .Mx("tousbyname.example", 10, "Mail.Home.Example")
        .Mx("behindus.example", 10, "mx.one.example").Mx("behindus.example", 20, "mx.tous6.example").Mx("behindus.example", 30, "mx10.order.example")
        .Mx("besideus.example", 10, "mx.one.example").Mx("besideus.example", 10, "mx.tous6.example")
        .Mx("afterus.example", 20, "mx.one.example").Mx("afterus.example", 10, "mx.tous6.example")
        .Mx("topublic.example", 10, "mx.topublic.example").Addresses("mx.topublic.example", "203.0.113.1")
        .Mx("hosted.example", 10, "mail.home.example")
        .Addresses("smtp.isp.example", "192.0.2.87", "2001:db8::587");
}

/// <summary>Own addresses from two lists.</summary>
internal sealed class FixedOwnAddresses(string[] interfaces, string[] publics) : IOwnAddresses
{
    public OwnAddress Is(IPAddress address) =>
        interfaces.Contains(address.ToString()) ? OwnAddress.Interface : publics.Contains(address.ToString()) ? OwnAddress.Public : OwnAddress.No;
}
