using System.Net;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using HomeMail.Server.Tests.Dns;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

public sealed class SpfCheckerTests
{
    private readonly ZoneResolver _zone = new();

    // Field case: each host of an MX counted as a look-up made a company's record a permanent error.
    [Fact]
    public async Task AnMxTermCostsOneWhateverItsHosts()
    {
        _zone.Txt("corp.example", "v=spf1 mx mx:b.example mx:c.example mx:d.example -all");
        foreach (var domain in new[] { "corp.example", "b.example", "c.example", "d.example" })
        {
            for (var i = 0; i < 10; i++)
                _zone.Mx(domain, i, $"mx{i}.{domain}").Addresses($"mx{i}.{domain}", domain == "d.example" && i == 9 ? "192.0.2.9" : "192.0.2.1");
        }
        var outcome = await CheckAsync("192.0.2.9", "a@corp.example");
        Assert.Equal((SpfResult.Pass, 4, "mx:d.example"), (outcome.Result, outcome.Terms, outcome.Mechanism));
        _zone.Mx("b.example", 11, "mx11.b.example");
        outcome = await CheckAsync("192.0.2.9", "a@corp.example");
        Assert.Equal(SpfResult.PermError, outcome.Result);
        Assert.Contains("10 MX hosts", outcome.Problem, StringComparison.Ordinal);
    }

    // Field case: over IPv6, hosts without AAAA were counted as void look-ups.
    [Fact]
    public async Task HostsWithoutAaaaAreNotVoid()
    {
        _zone.Txt("big.example", "v=spf1 a mx a:web.big.example mx:hosts.big.example a:www.big.example ip6:2001:db8::/32 -all")
            .Addresses("big.example", "192.0.2.1").Addresses("web.big.example", "192.0.2.1").Addresses("www.big.example", "192.0.2.1")
            .Mx("big.example", 1, "h1.big.example").Mx("hosts.big.example", 1, "h2.big.example").Mx("hosts.big.example", 1, "h3.big.example")
            .Addresses("h1.big.example", "192.0.2.1").Addresses("h2.big.example", "192.0.2.1");
        Assert.Equal(SpfResult.Pass, (await CheckAsync("2001:db8::1", "a@big.example")).Result);
    }

    [Fact]
    public async Task MoreThanTwoTermsThatFindNothingAreAPermanentErrorUnlessAllowed()
    {
        _zone.Txt("void.example", "v=spf1 a:no1.example a:no2.example exists:no3.example ip4:192.0.2.1 -all").Addresses("void.example", "192.0.2.2");
        var outcome = await CheckAsync("192.0.2.1", "a@void.example");
        Assert.Equal(SpfResult.PermError, outcome.Result);
        Assert.Contains("no3.example", outcome.Problem, StringComparison.Ordinal);
        var lenient = SpfRequest.ForMailFrom(IPAddress.Parse("192.0.2.1"), "a", "void.example", "h.example") with { VoidLimit = 3 };
        Assert.Equal(SpfResult.Pass, (await new SpfChecker(_zone, TimeProvider.System).CheckAsync(lenient, default)).Result);
    }

    // Field case: the result is permerror, and what to do about it is policy's.
    [Fact]
    public async Task TwoRecordsAreAPermanentError()
    {
        _zone.Txt("two.example", "v=spf1 +all").Txt("two.example", "v=spf1 -all");
        Assert.Equal((SpfResult.PermError, "2 SPF records at two.example"), await ResultAsync("192.0.2.1", "a@two.example"));
    }

    // Field case: %{d} within an include is the included domain.
    [Fact]
    public async Task TheDomainMacroIsTheCurrentDomain()
    {
        _zone.Txt("outer.example", "v=spf1 include:inner.example -all").Txt("inner.example", "v=spf1 exists:%{i}.%{d} include:%{d1r}-x.%{o} -all")
            .Txt("inner-x.outer.example", "v=spf1 exists:%{d}.ok.example -all").Addresses("inner-x.outer.example.ok.example", "127.0.0.2");
        Assert.Equal(SpfResult.Pass, (await CheckAsync("192.0.2.1", "a@outer.example")).Result);
        Assert.Contains(("192.0.2.1.inner.example", DnsType.A), _zone.Queries);
    }

    // Field case: without a delimiter in it, the local part is one part and loses nothing.
    [Theory]
    [InlineData("fred", "exists:%{l1r-}.x.example", "fred.x.example")]
    [InlineData("a-b-c", "exists:%{l1r-}.x.example", "a.x.example")]
    [InlineData("a-b-c", "exists:%{l2r-}.x.example", "b.a.x.example")]
    [InlineData("a+b.c", "exists:%{l1+}.x.example", "b.c.x.example")]
    [InlineData("a", "exists:%{ir}.%{v}.%{l99999999999}.x.example", "1.2.0.192.in-addr.a.x.example")]
    [InlineData("a", "exists:%{h}.%%%-.x.example", "mx.h.example.%%20.x.example")]
    public async Task MacrosExpand(string localPart, string term, string expected)
    {
        _zone.Txt("m.example", $"v=spf1 {term} -all").Addresses(expected, "127.0.0.2");
        Assert.Equal(SpfResult.Pass, (await CheckAsync("192.0.2.1", $"{localPart}@m.example", "mx.h.example")).Result);
    }

    // Field case: an upper-case macro was refused.
    [Fact]
    public async Task UpperCaseMacrosAreUrlEscaped()
    {
        _zone.Txt("e.example", "v=spf1 -all exp=why.e.example")
            .Txt("why.e.example", "See http://e.example/?s=%{S}&i=%{i}&h=%{H}&r=%{r}&t=%{t}%_.");
        var request = SpfRequest.ForMailFrom(IPAddress.Parse("192.0.2.1"), "a/b c~", "e.example", "h_1") with
        {
            WantExplanation = true,
            Receiver = "mx.home.example",
            Time = DateTimeOffset.FromUnixTimeSeconds(1234),
        };
        var outcome = await new SpfChecker(_zone, TimeProvider.System).CheckAsync(request, default);
        Assert.Equal("See http://e.example/?s=a%2Fb%20c~%40e.example&i=192.0.2.1&h=h_1&r=mx.home.example&t=1234 .", outcome.Explanation);
    }

    // Field cases: many TXT records with odd octets, longer than a datagram; a router's resolver that cuts and knows no EDNS.
    [Fact]
    public async Task ForeignTxtRecordsAreSkippedAndLongAnswersComeOverTcp()
    {
        await using var server = new LoopbackDnsServer(q =>
        {
            if (q.Edns)
                return q.Respond(DnsResponseCode.FormatError).Build();
            if (!q.Tcp)
                return q.Respond().Truncated().Build();
            var response = q.Respond();
            for (var i = 0; i < 25; i++)
                response.Txt(q.Name, $"site-verification-\u00e4\u00ff-{i}", new string('x', 200));
            return response.Txt(q.Name, "v=spf1 ip4:192.0.2", ".0/24 -all").Build();
        });
        var request = SpfRequest.ForMailFrom(IPAddress.Parse("192.0.2.200"), "a", "many.example", "h.example");
        Assert.Equal(SpfResult.Pass, (await new SpfChecker(server.Resolver(), TimeProvider.System).CheckAsync(request, default)).Result);
    }

    [Fact]
    public async Task NothingIsAskedThatIsNotNeeded()
    {
        _zone.Txt("q.example", "v=spf1 ip4:192.0.2.1 a mx include:i.example ptr exp=e.example redirect=r.example");
        await CheckAsync("192.0.2.1", "a@q.example");
        Assert.Equal([("q.example", DnsType.Txt)], _zone.Queries); // the first match ends it

        _zone.Txt("p.example", "v=spf1 ptr:p.example a:%{p}.x.example a:%{p}.y.example -all exp=e.example").Ptr("192.0.2.2", "other.example");
        var before = _zone.Queries.Count;
        Assert.Equal(SpfResult.Fail, (await CheckAsync("192.0.2.2", "a@p.example")).Result);
        Assert.Equal(
            [
                ("p.example", DnsType.Txt), ("2.2.0.192.in-addr.arpa", DnsType.Ptr), ("other.example", DnsType.A),
                ("unknown.x.example", DnsType.A), ("unknown.y.example", DnsType.A),
            ],
            _zone.Queries.Skip(before)); // PTR once; a name outside the target is validated only for %{p}; no explanation unless wanted
    }

    [Fact]
    public async Task TheSameTermTwiceCountsTwiceButIsAskedOnce()
    {
        _zone.Txt("t.example", "v=spf1 a a a a a a a a a a ip4:192.0.2.1 -all").Addresses("t.example", "192.0.2.9");
        var outcome = await CheckAsync("192.0.2.1", "a@t.example");
        Assert.Equal((SpfResult.Pass, 10, 2), (outcome.Result, outcome.Terms, _zone.Queries.Count));
    }

    [Fact]
    public async Task AMappedAddressIsIpv4()
    {
        _zone.Txt("m.example", "v=spf1 ip4:192.0.2.0/24 -all");
        Assert.Equal(SpfResult.Pass, (await CheckAsync("::ffff:192.0.2.7", "a@m.example")).Result);
    }

    [Fact]
    public async Task HeloAndTheNullSenderAreCheckedAsPostmaster()
    {
        _zone.Txt("mx.example.org", "v=spf1 exists:%{l}.%{o}.x.example -all").Addresses("postmaster.mx.example.org.x.example", "127.0.0.2");
        var checker = new SpfChecker(_zone, TimeProvider.System);
        var client = IPAddress.Parse("192.0.2.1");
        Assert.Equal(SpfResult.Pass, (await checker.CheckAsync(SpfRequest.ForHelo(client, "mx.example.org"), default)).Result);
        Assert.Equal(SpfResult.Pass, (await checker.CheckAsync(SpfRequest.ForMailFrom(client, null, null, "mx.example.org"), default)).Result);
    }

    [Theory]
    [InlineData("[192.0.2.1]")]
    [InlineData("localhost")]
    [InlineData("")]
    [InlineData("b\u00fccher_\u00a0.example")]
    [InlineData("\u2126.example")] // the mapping would change it
    public async Task DomainsThatCannotHaveARecordAreNone(string domain)
    {
        Assert.Equal(SpfResult.None, (await CheckAsync("192.0.2.1", $"a@{domain}")).Result);
        Assert.Empty(_zone.Queries);
    }

    [Fact]
    public async Task AULabelIsLookedUpAsItsALabelAndANonAsciiLocalPartNeverMatches()
    {
        _zone.Txt("xn--bcher-kva.example", "v=spf1 exists:%{l}.x.example ip4:192.0.2.1 -all");
        Assert.Equal(SpfResult.Pass, (await CheckAsync("192.0.2.1", "j\u00fcrgen@b\u00fccher.example")).Result);
        Assert.Equal([("xn--bcher-kva.example", DnsType.Txt)], _zone.Queries);
    }

    [Fact]
    public async Task SlowDnsIsATemporaryErrorAfterTwentySeconds()
    {
        await using var silent = new LoopbackDnsServer(_ => (byte[]?)null);
        var clock = new FakeTimeProvider();
        var asking = new SpfChecker(
            new DnsMailResolver(new NameServerSettings([silent.Server], TimeSpan.FromHours(1), 1), clock), clock)
            .CheckAsync(SpfRequest.ForHelo(IPAddress.Loopback, "h.example"), default).AsTask();
        while (!asking.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(20));
            await Task.WhenAny(asking, Task.Delay(10));
        }
        Assert.Equal(SpfResult.TempError, (await asking).Result);
        using var cancel = new CancellationTokenSource();
        var given = new SpfChecker(silent.Resolver(), TimeProvider.System).CheckAsync(SpfRequest.ForHelo(IPAddress.Loopback, "h.example"), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await given);
    }

    [Fact]
    public async Task TheTraceTellsEachStep()
    {
        _zone.Txt("t.example", "v=spf1 mx include:i.example -all").Txt("i.example", "v=spf1 ~all").Mx("t.example", 1, "mx.t.example")
            .Addresses("mx.t.example", "192.0.2.9");
        var request = SpfRequest.ForMailFrom(IPAddress.Parse("192.0.2.1"), "a", "t.example", "h.example") with { WantTrace = true };
        var outcome = await new SpfChecker(_zone, TimeProvider.System).CheckAsync(request, default);
        Assert.Equal(
            [
                "0 t.example [] v=spf1 mx include:i.example -all", "0 t.example [mx] no match: 192.0.2.1 is no address of mx.t.example",
                "1 i.example [] v=spf1 ~all", "1 i.example [~all] matches: always", "0 t.example [include:i.example] no match: i.example gives softfail",
                "0 t.example [-all] matches: always",
            ],
            outcome.Trace.Select(s => $"{s.Depth} {s.Domain} [{s.Term}] {s.Text}"));
    }

    private async Task<(SpfResult, string?)> ResultAsync(string client, string mailFrom)
    {
        var outcome = await CheckAsync(client, mailFrom);
        return (outcome.Result, outcome.Problem);
    }

    private async Task<SpfOutcome> CheckAsync(string client, string mailFrom, string helo = "helo.example")
    {
        var at = mailFrom.LastIndexOf('@');
        return await new SpfChecker(_zone, TimeProvider.System)
            .CheckAsync(SpfRequest.ForMailFrom(IPAddress.Parse(client), mailFrom[..at], mailFrom[(at + 1)..], helo), default);
    }
}
