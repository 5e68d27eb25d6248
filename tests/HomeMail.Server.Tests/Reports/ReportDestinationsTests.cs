using HomeMail.Protocol.Dmarc;
using HomeMail.Server.Dns;
using HomeMail.Server.Reports;
using Xunit;

namespace HomeMail.Server.Tests.Reports;

/// <summary>RFC 9990 4: nobody gets reports whom his own domain does not let have them.</summary>
public sealed class ReportDestinationsTests
{
    private static ZoneResolver Zone() => new ZoneResolver().Txt("_dmarc.example.com", "v=DMARC1; p=reject").Txt("_dmarc.sub.example.com", "v=DMARC1; p=none");

    private static async Task<string?> FindAsync(ZoneResolver zone, string rua, string domain = "example.com")
    {
        Assert.True(DmarcRecord.TryParse($"v=DMARC1; p=none; rua={rua}", out var record));
        var found = await new ReportDestinations(zone).FindAsync(domain, record, default);
        return found is null ? null : string.Join(' ', found);
    }

    [Theory]
    [InlineData("mailto:a@example.com", "a@example.com")]
    [InlineData("mailto:a@example.com!10m", "a@example.com")] // RFC 9989 4.8: the size is obsolete and ignored
    [InlineData("mailto:a@example.com?subject=x", "a@example.com")]
    [InlineData("mailto:a%2Bb@example.com, mailto:c@sub.example.com , MAILTO:a%2Bb@EXAMPLE.com", "a+b@example.com c@sub.example.com")]
    [InlineData("https://example.com/r, mailto:a@example.com", "a@example.com")]
    [InlineData("mailto:a@other.example", "")]
    [InlineData("mailto:nobody, mailto:@, mailto:a@[192.0.2.1], mailto:a%0d%0aTo:b@example.com", "")]
    [InlineData("mailto:a@evilexample.com", "")]
    public async Task Within_the_organization_no_leave_is_needed(string rua, string expected) => Assert.Equal(expected, await FindAsync(Zone(), rua));

    [Fact]
    public async Task Outside_of_it_the_destination_has_to_say_so()
    {
        var zone = Zone().Txt("example.com._report._dmarc.collect.example", "v=DMARC1").Txt("example.com._report._dmarc.wrong.example", "v=DMARC2;")
            .Txt("example.com._report._dmarc.txt.example", "hello");
        Assert.Equal("a@collect.example", await FindAsync(zone, "mailto:a@collect.example, mailto:b@wrong.example, mailto:c@txt.example, mailto:d@none.example"));
        Assert.Equal("", await FindAsync(zone, "mailto:a@collect.example", "example.org"));
        // A sister domain with an organization of its own is outside.
        zone.Txt("_dmarc.own.example.com", "v=DMARC1; p=none; psd=n");
        Assert.Equal("", await FindAsync(zone, "mailto:a@own.example.com"));
    }

    [Fact]
    public async Task The_destination_may_name_another_address_at_its_own_host_only()
    {
        var zone = Zone().Txt("example.com._report._dmarc.collect.example", "v=DMARC1; rua=mailto:other@collect.example")
            .Txt("example.com._report._dmarc.trick.example", "v=DMARC1; rua=mailto:victim@victim.example");
        Assert.Equal("other@collect.example", await FindAsync(zone, "mailto:a@collect.example, mailto:b@trick.example"));
    }

    [Fact]
    public async Task What_DNS_does_not_tell_now_is_asked_later()
    {
        Assert.Null(await FindAsync(Zone().Fail("example.com._report._dmarc.collect.example"), "mailto:a@collect.example"));
        Assert.Null(await FindAsync(Zone().Fail("_dmarc.x.example.com"), "mailto:a@x.example.com"));
    }

    [Fact]
    public async Task A_name_that_DNS_cannot_have_is_no_destination()
    {
        var longName = string.Join('.', Enumerable.Repeat(new string('a', 60), 4));
        Assert.Equal("", await FindAsync(Zone(), $"mailto:a@{longName}", string.Join('.', Enumerable.Repeat(new string('b', 60), 3))));
    }
}
