using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Delivery.Trust;

public class TlsResultsTests
{
    [Fact]
    public async Task AreCountedByDayDomainPolicyAndKind()
    {
        await using var bench = new StsBench();
        bench.Results.Add("Example.NET", TlsPolicyKind.Sts, TlsResult.Success, "mx1.example.net");
        bench.Results.Add("example.net", TlsPolicyKind.StsTesting, TlsResult.Success, "mx2.example.net");
        bench.Results.Add("example.net", TlsPolicyKind.Sts, TlsResult.CertificateExpired, "mx1.example.net");
        bench.State.Flush();
        bench.Results.Add("example.net", TlsPolicyKind.Sts, TlsResult.CertificateExpired, "mx1.example.net");
        bench.Results.Add("example.net", TlsPolicyKind.Sts, TlsResult.CertificateHostMismatch, "mx2.example.net");
        bench.Results.Add("example.net", TlsPolicyKind.Dane, TlsResult.ValidationFailure, "mx1.example.net");
        bench.Results.Add("example.org", TlsPolicyKind.Route, TlsResult.StartTlsNotSupported, "mx.example.org");
        bench.Results.Add("", TlsPolicyKind.Route, TlsResult.Success, "smtp.isp.example");
        Assert.Equal("""
            example.net sts ok 2, certificate-expired mx1.example.net 2, certificate-host-mismatch mx2.example.net 1
            example.net tlsa ok 0, validation-failure mx1.example.net 1
            example.org no-policy-found ok 0, starttls-not-supported mx.example.org 1
            """.ReplaceLineEndings("\n"), bench.Counted);
        Assert.Equal("certificate-expired 2, certificate-host-mismatch 1, starttls-not-supported 1, success 2, validation-failure 1",
            string.Join(", ", bench.Results.Today().Select(p => $"{p.Key} {p.Value}")));

        bench.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty(bench.Results.Today());
        Assert.Equal(3, bench.Results.Of(DateOnly.FromDateTime(Letters.Noon.UtcDateTime)).Count);
        bench.Clock.Advance(TimeSpan.FromDays(8));
        Assert.Empty(bench.Results.Of(DateOnly.FromDateTime(Letters.Noon.UtcDateTime)));
    }

    [Fact]
    public async Task ManyHostsOfOneDomainDoNotGrowWithoutBound()
    {
        await using var bench = new StsBench();
        for (var i = 0; i < 500; i++)
            bench.Results.Add("example.net", TlsPolicyKind.Route, TlsResult.ValidationFailure, $"mx{i}.example.net");
        var tally = Assert.Single(bench.Results.Of(DateOnly.FromDateTime(Letters.Noon.UtcDateTime)));
        Assert.Equal(500, tally.Failures.Values.Sum());
        Assert.True(tally.Failures.Count <= 41);
    }
}
