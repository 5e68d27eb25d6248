using System.Net;
using System.Net.Sockets;
using HomeMail.Cli.Doctor;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Dns;
using HomeMail.Server.House;
using Xunit;

namespace HomeMail.Server.Tests.Cli.Doctor;

/// <summary>What the doctor makes of facts about the house's place on the internet, and about its records.</summary>
public sealed class HousePartsTests
{
    private static readonly DateTimeOffset Now = new(2027, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly IPAddress Four = IPAddress.Parse("203.0.113.7");
    private static readonly IPAddress Six = IPAddress.Parse("2001:db8::10");
    private static readonly IPAddress Inner = IPAddress.Parse("192.168.1.2");
    private static readonly IPAddress Router = IPAddress.Parse("192.168.1.254");

    /// <summary>A finding in short, and that whoever is troubled is told what to do.</summary>
    internal static void Is(string expected, DoctorFinding finding)
    {
        Assert.Equal(expected, $"{finding.Health} {finding.Code}");
        Assert.True(finding.Health != Health.Trouble || finding.Mend is { Length: > 0 }, finding.Words);
        Assert.NotEmpty(finding.Words);
    }

    private static DnsAnswer<T> Found<T>(params T[] records) => new(records.Length == 0 ? DnsStatus.NoData : DnsStatus.Found, records, "mail.home.example");

    private static DnsAnswer<T> Failed<T>() => new(DnsStatus.TemporaryFailure, [], "x", Detail: "time-out");

    private static IPAddress[] Addresses(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse)];

    [Theory]
    [InlineData(null, 0, "Ok ok")]
    [InlineData("the server does not run", 0, "Attention not-asked")]
    [InlineData(null, 1, "Ok ok; Attention notice")]
    public void TheServerRunsOrDoesNot(string? silence, int notices, string expected)
    {
        var view = new ServerView { Silence = silence, Version = "1", Started = Now.AddDays(-3), Notices = [.. Enumerable.Repeat("envelope-damaged: x: y", notices)] };
        var findings = ServerPart.Judge(view, "h.ini", Now);
        Assert.Equal(expected, string.Join("; ", findings.Select(f => $"{f.Health} {f.Code}")));
    }

    [Theory]
    [InlineData(DnsStatus.Found, DnsStatus.NoData, "mail.home.example", "Ok ok")]
    [InlineData(DnsStatus.NoData, DnsStatus.Found, "MAIL.home.example", "Ok ok")]
    [InlineData(DnsStatus.Found, DnsStatus.NoData, "host.home.example", "Attention alias")]
    [InlineData(DnsStatus.NoSuchDomain, DnsStatus.NoSuchDomain, "mail.home.example", "Trouble missing")]
    [InlineData(DnsStatus.NoData, DnsStatus.NoData, "mail.home.example", "Trouble missing")]
    [InlineData(DnsStatus.TemporaryFailure, DnsStatus.NoData, "mail.home.example", "Attention unknown")]
    public void TheNameIsInDns(DnsStatus four, DnsStatus six, string canonical, string expected) => Is(expected, HostnamePart.Judge(new(
        "mail.home.example", new DnsAnswer<IPAddress>(four, [], canonical), new DnsAnswer<IPAddress>(six, [], canonical))));

    [Theory]
    // family, what is measured, what is published, a relay, what is found
    [InlineData(4, "203.0.113.7", "203.0.113.7", false, "Ok ok")]
    [InlineData(4, "203.0.113.7", "203.0.113.8", false, "Trouble stale")]
    [InlineData(4, "203.0.113.7", "203.0.113.7 203.0.113.8", false, "Trouble others")]
    [InlineData(4, "203.0.113.7", "203.0.113.8", true, "Attention elsewhere")]
    [InlineData(4, "203.0.113.7", "203.0.113.7 203.0.113.8", true, "Ok ok")]
    [InlineData(4, "203.0.113.7", "", false, "Trouble missing")]
    [InlineData(6, "2001:db8::10", "", false, "Attention missing")]
    [InlineData(6, "2001:db8::10", "2001:db8::11", false, "Trouble stale")]
    [InlineData(6, "", "", false, "Ok ok")]
    [InlineData(4, "", "203.0.113.7", false, "Attention unconfirmed")]
    [InlineData(4, "203.0.113.7", "10.0.0.1", false, "Trouble private")]
    [InlineData(4, "203.0.113.7", "?", false, "Attention unknown")]
    public void DnsHasTheAddressesOfNow(int family, string measured, string published, bool relay, string expected) => Is(expected, AddressesPart.Judge(new(
        "mail.home.example", family == 4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6,
        measured.Length == 0 ? null : new AddressReport(IPAddress.Parse(measured), AddressSource.Pcp), published == "?" ? Failed<IPAddress>() : Found(Addresses(published)), relay, false)));

    [Theory]
    // what this machine sends from, what the router says, what was seen outside, a relay
    [InlineData("192.168.1.2", "203.0.113.7", "203.0.113.7", false, "Ok ok")]
    [InlineData("192.168.1.2", "", "203.0.113.7", false, "Ok ok")]
    [InlineData("203.0.113.7", "", "", false, "Ok ok")]
    [InlineData("192.168.1.2", "100.64.3.4", "203.0.113.7", false, "Trouble carrier-nat")]
    [InlineData("100.127.3.4", "", "", false, "Trouble carrier-nat")]
    [InlineData("192.168.1.2", "203.0.113.7", "198.51.100.1", false, "Trouble carrier-nat")]
    [InlineData("192.168.1.2", "100.64.3.4", "", true, "Attention carrier-nat")]
    [InlineData("192.168.1.2", "192.0.0.2", "", false, "Trouble ds-lite")]
    [InlineData("192.168.1.2", "192.168.0.2", "", false, "Trouble two-routers")]
    [InlineData("192.168.1.2", "192.168.0.2", "", true, "Ok ok")]
    [InlineData("", "", "", false, "Attention no-ipv4")]
    public void TheHouseHasAnIPv4AddressOfItsOwn(string sending, string told, string seen, bool relay, string expected) => Is(expected, NatPart.Judge(new(
        Addresses(sending).FirstOrDefault(), Addresses(told), Addresses(seen).FirstOrDefault(), true, relay)));

    [Theory]
    // how the connection ended, whether it is ours, the address that the server saw, whether the server was asked
    [InlineData("Greeted", true, "203.0.113.7", true, "Ok ok")]
    [InlineData("Greeted", true, "192.168.1.2", true, "Ok ok")]
    [InlineData("Greeted", true, "192.168.1.254", true, "Attention router-address")]
    [InlineData("Greeted", false, null, true, "Trouble another-server")]
    [InlineData("Greeted", null, null, false, "Attention unknown")]
    [InlineData("TimedOut", null, null, true, "Attention none")]
    [InlineData("Refused", null, null, true, "Attention none")]
    [InlineData("Refused", null, null, false, "Attention unknown")]
    [InlineData("Mute", null, null, true, "Attention mute")]
    public void TheRouterTurnsConnectionsAround(string outcome, bool? ours, string? source, bool asked, string expected) => Is(expected, HairpinPart.Judge(new(
        new TurnedAround(Four, Enum.Parse<GlanceOutcome>(outcome), "other.example ESMTP", ours, source is null ? null : IPAddress.Parse(source)), false, Inner,
        asked ? null : "the server does not run", "mail.home.example")));

    [Fact]
    public void WithoutNatNothingIsTurnedAround()
    {
        Is("Ok ok", HairpinPart.Judge(new(new TurnedAround(Four), true, Four, null, "mail.home.example")));
        Is("Attention unknown", HairpinPart.Judge(new(new TurnedAround(To: null), false, Inner, null, "mail.home.example")));
        Is("Ok ok", HairpinPart.Judge(new(new TurnedAround(To: null), false, null, null, "mail.home.example")));
    }

    [Theory]
    // listeners, AAAA, map-ports, forwarded to, comes around, a stranger came, the server was asked
    [InlineData("[::]:25", true, false, 0, true, false, true, "Ok ok")]
    [InlineData("[::]:25", true, false, 0, false, true, true, "Ok ok")]
    [InlineData("0.0.0.0:25", false, false, 0, true, false, true, "Ok ok")]
    [InlineData("0.0.0.0:25", true, false, 0, true, false, true, "Trouble no-ipv6-listener; Ok ok")]
    [InlineData("[2001:db8::10]:25", true, false, 0, true, false, true, "Trouble no-ipv4-listener")]
    [InlineData("127.0.0.1:25", false, false, 0, false, false, true, "Trouble not-listening")]
    [InlineData("", false, false, 0, false, false, true, "Trouble not-listening")]
    [InlineData("[::]:25", true, true, 25, false, false, true, "Ok ok")]
    [InlineData("[::]:25", true, true, 1025, true, true, true, "Trouble other-port")]
    [InlineData("[::]:25", true, true, 0, false, false, true, "Trouble not-mapped")]
    [InlineData("[::]:25", true, true, 0, true, false, true, "Ok ok")] // by hand, then
    [InlineData("[::]:25", true, false, 0, false, false, true, "Attention unseen")]
    [InlineData("[::]:25", true, true, 0, false, false, false, "Attention unseen")]
    public void MailCanComeIn(string listeners, bool six, bool maps, int outside, bool around, bool stranger, bool asked, string expected)
    {
        var findings = PortsPart.Judge(new()
        {
            Smtp = [.. listeners.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPEndPoint.Parse)],
            PublishesFour = true,
            PublishesSix = six,
            MapsPorts = maps,
            Mapped = outside == 0 ? [] : [(25, outside)],
            ComesAround = around,
            StrangerAt = stranger ? Now : null,
            ServerAnswers = asked,
            Local = Inner,
        });
        Assert.Equal(expected, string.Join("; ", findings.Select(f => $"{f.Health} {f.Code}")));
    }

    [Fact]
    public void ARouterThatHidesItsClientsIsNamed()
    {
        Is("Attention unknown", Assert.Single(MaskingPart.Judge(new ServerView { Silence = "the server does not run" }, [])));
        Is("Ok ok", Assert.Single(MaskingPart.Judge(new ServerView(), [Router])));
        var finding = Assert.Single(MaskingPart.Judge(new ServerView { Masked = [Router] }, [Router]));
        Is("Trouble masked", finding);
        Assert.Contains("192.168.1.254, the router's own address", finding.Words, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10 mail.home.example", false, "Ok ok")]
    [InlineData("10 mail.home.example 20 mx.other.example", false, "Ok ok")]
    [InlineData("10 mx.other.example 20 mail.home.example", false, "Attention second")]
    [InlineData("10 mx.other.example 20 mail.home.example", true, "Ok ok")]
    [InlineData("10 mx.other.example", false, "Trouble elsewhere")]
    [InlineData("10 mx.other.example", true, "Ok ok")]
    [InlineData("0 .", true, "Trouble elsewhere")]
    [InlineData("", false, "Trouble missing")]
    [InlineData("?", false, "Attention unknown")]
    public void TheDomainsMailComesHere(string records, bool relay, string expected)
    {
        var words = records.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var published = records == "?" ? Failed<MxRecord>() : Found([.. words.Chunk(2).Select(w => new MxRecord(int.Parse(w[0], System.Globalization.CultureInfo.InvariantCulture), w[1].TrimEnd('.')))]);
        Is(expected, MxPart.Judge(new("home.example", "mail.home.example", published, relay)));
    }

    [Fact]
    public void ADomainThatIsTheHostNeedsNoMxAndOneThatIsNotThereIsNamed()
    {
        Is("Ok ok", MxPart.Judge(new("mail.home.example", "mail.home.example", Found<MxRecord>(), false)));
        Is("Trouble no-domain", MxPart.Judge(new("home.example", "mail.home.example", new(DnsStatus.NoSuchDomain, [], "home.example"), false)));
    }

    [Theory]
    [InlineData("203.0.113.7", "mail.home.example", "mail.home.example", true, "Ok ok")]
    [InlineData("203.0.113.7", "7.pool.isp.example", "7.pool.isp.example", true, "Ok ok")]
    [InlineData("203.0.113.7", "mail.home.example", null, true, "Trouble not-back")]
    [InlineData("2001:db8::10", "", null, true, "Trouble missing")]
    [InlineData("203.0.113.7", "", null, false, "Ok ok")]
    [InlineData("203.0.113.7", "?", null, true, "Attention unknown")]
    public void EachAddressHasANameThatLeadsBack(string address, string names, string? confirmed, bool sends, string expected) => Is(expected, PtrPart.Judge(new(
        IPAddress.Parse(address), "mail.home.example", names == "?" ? Failed<string>() : Found(names.Split(' ', StringSplitOptions.RemoveEmptyEntries)), confirmed, sends)));

    [Theory]
    // domain, records, results with the IPv4 and the IPv6 address, whether mail leaves from here
    [InlineData("home.example", 1, "Pass", "Pass", true, "Ok ok")]
    [InlineData("home.example", 1, "Fail", "Pass", true, "Trouble not-ipv4")]
    [InlineData("home.example", 1, "Pass", "SoftFail", true, "Trouble not-ipv6")]
    [InlineData("home.example", 1, "Fail", "Fail", true, "Trouble not-ipv4; Trouble not-ipv6")]
    [InlineData("home.example", 1, "PermError", "Pass", true, "Trouble error")]
    [InlineData("home.example", 1, "TempError", "Pass", true, "Attention unknown")]
    [InlineData("home.example", 1, "Fail", "Fail", false, "Ok ok")]
    [InlineData("home.example", 1, "", "", true, "Attention unknown")]
    [InlineData("home.example", 0, "None", "None", true, "Trouble missing")]
    [InlineData("mail.home.example", 0, "None", "None", true, "Attention missing")]
    [InlineData("home.example", 2, "PermError", "PermError", true, "Trouble several")]
    [InlineData("home.example", -1, "TempError", "TempError", true, "Attention unknown")]
    public void SpfLetsTheHouseSend(string domain, int records, string four, string six, bool sends, string expected)
    {
        List<(IPAddress, SpfOutcome)> results = [];
        foreach (var (address, result) in ((IPAddress, string)[])[(Four, four), (Six, six)])
            if (result.Length > 0)
                results.Add((address, new SpfOutcome(Enum.Parse<SpfResult>(result), null, "a problem", null, 0, [])));
        var findings = SpfPart.Judge(new(domain, records < 0 ? Failed<string>() : Found([.. Enumerable.Repeat("v=spf1 -all", records)]), results, "mail.home.example", sends));
        Assert.Equal(expected, string.Join("; ", findings.Select(f => $"{f.Health} {f.Code}")));
        Assert.All(findings, f => Assert.True(f.Health != Health.Trouble || f.Mend is not null));
    }

    [Theory]
    [InlineData(RecordState.Ok, "Ok ok", "Ok ok")]
    [InlineData(RecordState.Missing, "Trouble missing", "Attention missing")]
    [InlineData(RecordState.Different, "Trouble different", "Trouble error")]
    [InlineData(RecordState.Unknown, "Attention unknown", "Attention unknown")]
    public void DkimAndDmarcArePublished(RecordState state, string dkim, string dmarc)
    {
        Is(dkim, DkimPart.Judge(new ComparedRecord(new("home.example", "hm1._domainkey.home.example", DnsType.Txt, "v=DKIM1", RecordUse.DkimKey, RecordNeed.Required), state, "x")));
        Is(dmarc, DmarcPart.Judge(new ComparedRecord(new("home.example", "_dmarc.home.example", DnsType.Txt, "v=DMARC1; p=none", RecordUse.Dmarc, RecordNeed.Recommended), state, "x")));
    }

    [Theory]
    // what was seen at two hosts, since how many hours the server believes it blocked, how many hours ago it reached a host
    [InlineData("Greeted TimedOut", -1, -1, true, "Ok ok")]
    [InlineData("Greeted Greeted", 5, -1, true, "Ok ok")] // open again
    [InlineData("TimedOut TimedOut", -1, -1, true, "Trouble blocked")]
    [InlineData("Refused NoWay", -1, -1, true, "Trouble blocked")]
    [InlineData("TimedOut", -1, -1, true, "Attention doubtful")]
    [InlineData("TimedOut Mute", -1, -1, true, "Attention doubtful")]
    [InlineData("TimedOut TimedOut", -1, 1, true, "Ok ok")] // those two hosts have a trouble of their own
    [InlineData("", 5, -1, true, "Trouble blocked")]
    [InlineData("", -1, 30, true, "Attention unknown")]
    [InlineData("NoWay NoWay", -1, -1, false, "Ok ok")]
    public void Port25IsOpenOnTheWayOut(string looks, int blocked, int reached, bool has, string expected) => Is(expected, Port25Part.Judge(new(
        AddressFamily.InterNetwork, has, new FamilyView(blocked < 0 ? null : Now.AddHours(-blocked), reached < 0 ? null : Now.AddHours(-reached)),
        [.. looks.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(l => new LookOutside("mx.example", IPAddress.Parse("198.51.100.1"), Enum.Parse<GlanceOutcome>(l)))], true, Now)));

    [Fact]
    public void BlockListsAreLookedInto()
    {
        Is("Ok ok", Assert.Single(DnsblPart.Judge(new([], [], [], [Four], true))));
        Is("Attention unknown", Assert.Single(DnsblPart.Judge(new(["bl.example"], [], [], [], true))));
        Is("Ok ok", Assert.Single(DnsblPart.Judge(new(["bl.example"], [(Four, [])], [], [Four], true))));
        Is("Trouble listed", Assert.Single(DnsblPart.Judge(new(["bl.example"], [(Four, ["bl.example"])], [], [Four], true))));
        Is("Ok ok", Assert.Single(DnsblPart.Judge(new(["bl.example"], [(Four, ["bl.example"])], [], [Four], false))));
        Is("Attention list-off", Assert.Single(DnsblPart.Judge(new(["bl.example"], [(Four, [])], [("bl.example", "it is gone")], [Four], true))));
    }
}
