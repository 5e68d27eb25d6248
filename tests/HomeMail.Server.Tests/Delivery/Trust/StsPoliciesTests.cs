using HomeMail.Protocol.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Delivery.Trust;

/// <summary>MTA-STS policies over a real TLS connection: what is fetched, what is believed, and how long.</summary>
public class StsPoliciesTests
{
    private const string Known = "Enforce mx1.example.net";

    public static TheoryData<string, string, string, string, string> Fetches { get; } = new()
    {
        // what, certificate, answer, policy, counted
        { "good", "good", "", Known, "" },
        { "certificate for another name", "other", "", "none", "example.net sts ok 0, sts-webpki-invalid mta-sts.example.net 1" },
        { "certificate out of date", "old", "", "none", "example.net sts ok 0, sts-webpki-invalid mta-sts.example.net 1" },
        { "certificate out of date, but who knows the date", "old insane", "", Known, "" },
        { "not there", "good", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "none", "example.net sts ok 0, sts-policy-fetch-error mta-sts.example.net 1" },
        { "redirect", "good", "HTTP/1.1 302 Over there\r\nLocation: https://mta-sts.example.net/other.txt\r\nContent-Length: 0\r\n\r\n", "none", "example.net sts ok 0, sts-policy-fetch-error mta-sts.example.net 1" },
        { "a web page", "good", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + StsBench.Enforce, "none", "example.net sts ok 0, sts-policy-fetch-error mta-sts.example.net 1" },
        { "without a length", "good", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + StsBench.Enforce, Known, "" },
        { "malformed", "good", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nversion: STSv1\n", "none", "example.net sts ok 0, sts-policy-invalid mta-sts.example.net 1" },
        { "too long", "good", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 65537\r\n\r\n", "none", "example.net sts ok 0, sts-policy-fetch-error mta-sts.example.net 1" },
        { "no end", "good", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nx", "none", "example.net sts ok 0, sts-policy-invalid mta-sts.example.net 1" },
    };

    [Theory]
    [MemberData(nameof(Fetches))]
    public async Task IsFetched(string what, string certificate, string answer, string expected, string counted)
    {
        Assert.NotEmpty(what);
        await using var bench = new StsBench { ClockIsSane = !certificate.Contains("insane", StringComparison.Ordinal) };
        bench.Announce("1");
        bench.Host.Publish(StsBench.Enforce);
        if (answer.Length > 0)
            bench.Host.Answer = answer;
        if (certificate.StartsWith("other", StringComparison.Ordinal))
            bench.Host.Certificate = TestCertificates.For("mta-sts.example.org");
        else if (certificate.StartsWith("old", StringComparison.Ordinal))
            bench.Host.Certificate = TestCertificates.For("mta-sts.example.net", -30, -2);
        Assert.Equal(expected, await bench.FindAsync());
        Assert.Equal(counted, bench.Counted);
        Assert.Equal(["192.0.2.43:443"], bench.Host.Dials);
        if (certificate == "good")
            Assert.StartsWith("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.net\r\n", bench.Host.Requests.Single(), StringComparison.Ordinal);
        else if (expected == "none")
            Assert.Empty(bench.Host.Requests);
        // A failure is not repeated at once, a success not at all.
        Assert.Equal(expected, await bench.FindAsync());
        Assert.Single(bench.Host.Dials);
    }

    [Fact]
    public async Task ADomainWithoutARecordIsNotAsked()
    {
        await using var bench = new StsBench();
        Assert.Equal("none", await bench.FindAsync());
        bench.Zone.Txt("_mta-sts.example.net", "v=STSv1; id=1").Txt("_mta-sts.example.net", "v=STSv1; id=2");
        Assert.Equal("none", await bench.FindAsync());
        bench.Zone.Remove("_mta-sts.example.net").Fail("_mta-sts.example.net", "SERVFAIL");
        Assert.Equal("none", await bench.FindAsync());
        Assert.Empty(bench.Host.Dials);
    }

    [Fact]
    public async Task AStrangersDnsDoesNotLeadIntoTheHouse()
    {
        await using var bench = new StsBench();
        bench.Announce("1");
        bench.Zone.Remove("mta-sts.example.net").Addresses("mta-sts.example.net", "192.168.1.1", "127.0.0.1", "::1", "fd00::1");
        Assert.Equal("none", await bench.FindAsync());
        Assert.Empty(bench.Host.Dials);
        Assert.Equal("example.net sts ok 0, sts-policy-fetch-error mta-sts.example.net 1", bench.Counted);
    }

    [Fact]
    public async Task APolicyHoldsUntilItHasRunOutWhateverStandsInTheWay()
    {
        await using var bench = new StsBench();
        bench.Announce("1");
        bench.Host.Publish(StsBench.Enforce);
        Assert.Equal(Known, await bench.FindAsync());

        bench.Zone.Remove("_mta-sts.example.net");
        Assert.Equal(Known, await bench.FindAsync());
        bench.Zone.Fail("_mta-sts.example.net", "SERVFAIL");
        Assert.Equal(Known, await bench.FindAsync());
        bench.Announce("2");
        bench.Host.Refuses = true;
        Assert.Equal(Known, await bench.FindAsync());
        Assert.Equal(2, bench.Host.Dials.Count);
        Assert.Equal(Known, await bench.FindAsync());
        Assert.Equal(2, bench.Host.Dials.Count);

        // A start forgets nothing, and neither does a clock that cannot be believed.
        bench.State.Flush();
        bench.Open();
        Assert.Equal(Known, await bench.FindAsync());
        bench.Zone.Remove("_mta-sts.example.net");
        bench.State.MayExpire = false;
        bench.Clock.Advance(TimeSpan.FromDays(8));
        Assert.Equal(Known, await bench.FindAsync());
        bench.State.MayExpire = true;
        Assert.Equal("none", await bench.FindAsync());
    }

    [Fact]
    public async Task ANewIdBringsTheNewPolicyAtOnce()
    {
        await using var bench = new StsBench();
        bench.Announce("1");
        bench.Host.Publish(StsBench.Enforce);
        Assert.Equal(Known, await bench.FindAsync());
        bench.Host.Publish(StsBench.Enforce.Replace("enforce", "none", StringComparison.Ordinal));
        Assert.Equal(Known, await bench.FindAsync());
        bench.Announce("2");
        Assert.Equal("None mx1.example.net", await bench.FindAsync());
        Assert.Equal(2, bench.Host.Requests.Count);
    }

    [Fact]
    public async Task AFailureIsTriedAgainAfterAWhile()
    {
        await using var bench = new StsBench();
        bench.Announce("1");
        bench.Host.Publish(StsBench.Enforce);
        bench.Host.Refuses = true;
        Assert.Equal("none", await bench.FindAsync());
        bench.Host.Refuses = false;
        Assert.Equal("none", await bench.FindAsync());
        bench.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(Known, await bench.FindAsync());
    }

    [Fact]
    public async Task APolicyIsLookedAtAgainDailyWithoutKeepingMailWaiting()
    {
        await using var bench = new StsBench();
        bench.Announce("1");
        bench.Host.Publish(StsBench.Enforce);
        Assert.Equal(Known, await bench.FindAsync());
        bench.Host.Publish(StsBench.Enforce.Replace("mx1", "mx9", StringComparison.Ordinal));
        bench.Clock.Advance(TimeSpan.FromHours(23));
        Assert.Equal(Known, await bench.FindAsync());
        Assert.Single(bench.Host.Dials);
        bench.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(Known, await bench.FindAsync());
        for (var patience = 0; await bench.FindAsync() == Known; patience++)
        {
            Assert.True(patience < 1000, "it is never looked at again");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        Assert.Equal("Enforce mx9.example.net", await bench.FindAsync());
    }

    [Fact]
    public async Task ManyMessagesFetchOnce()
    {
        await using var bench = new StsBench();
        bench.Announce("1");
        bench.Host.Publish(StsBench.Enforce);
        var found = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => bench.FindAsync()));
        Assert.All(found, policy => Assert.Equal(Known, policy));
        Assert.Single(bench.Host.Dials);
        Assert.Contains(("_mta-sts.example.net", DnsType.Txt), bench.Zone.Queries);
    }
}
