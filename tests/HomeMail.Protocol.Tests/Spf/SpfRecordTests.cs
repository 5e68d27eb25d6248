using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Protocol.Spf;
using Xunit;

namespace HomeMail.Protocol.Tests.Spf;

public sealed class SpfRecordTests
{
    private static readonly string[] Terms =
    [
        "all", "-all", "~ALL", "?all", "+all", "include:_spf.example.org", "a", "a:mail.example.org", "a/24", "a//64", "a/24//64", "mx", "mx:%{d}/0",
        "-mx:foo:bar/baz.example.com/24", "ptr", "ptr:example.org", "ip4:192.0.2.1", "ip4:192.0.2.0/0", "ip6:2001:db8::/32", "ip6:::ffff:192.0.2.1",
        "exists:%{ir}.%{l1r+-}._spf.%{d}", "x-custom=%{s}%%%_%-", "unknown=",
    ];

    private static readonly string[] Spoilers =
    [
        "all:x", "all/8", "include", "include:", "include:host", "a:", "a:host", "a/33", "a//129", "a/024", "a/", "a:x.1", "a:x.-com", "mx//", "ptr/24", "ip4",
        "ip4:", "ip4:1.2.3", "ip4:1.2.3.4.5", "ip4:1.2.3.256", "ip4:1.2.3.04", "ip4:1.2.3.4/33", "ip4:1.2.3.4//24", "ip6:1.2.3.4", "ip6:fe80::1%eth0",
        "ip6:[::1]", "ip6:::1/129", "exists", "exists:%{c}.example.org", "exists:%{d", "exists:%{d0}.example.org", "exists:%x.example.org", "%all", "--all",
        "1x=y", "=y", "redirect=host", "exp=", "x=%", "foo", "a\tmx", "a:caf\u00e9.example.org", "-redirect=example.org",
    ];

    [Fact]
    public void EveryTermOfTheGrammarIsRead()
    {
        foreach (var term in Terms)
            Assert.True(SpfRecord.TryParse($"v=spf1 {term}", out _, out var problem), problem);
        Assert.True(SpfRecord.TryParse("V=SPF1  a   -all  redirect=r.example exp=e.example", out var record, out _));
        Assert.Equal((2, "r.example", "e.example"), (record!.Directives.Count, record.Redirect, record.Explanation));
        Assert.True(SpfRecord.TryParse("v=spf1", out record, out _));
        Assert.Empty(record!.Directives);
    }

    [Fact]
    public void EveryErrorSpoilsTheWholeRecordAndIsNamed()
    {
        foreach (var term in Spoilers)
        {
            Assert.False(SpfRecord.TryParse($"v=spf1 +all {term}", out _, out var problem), term);
            Assert.EndsWith(term, problem, StringComparison.Ordinal);
        }
        Assert.False(SpfRecord.TryParse("v=spf1 redirect=a.example redirect=a.example", out _, out _));
        Assert.False(SpfRecord.TryParse("v=spf1 exp=a.example exp=a.example", out _, out _));
        Assert.False(SpfRecord.IsSpf("v=spf10"));
        Assert.False(SpfRecord.IsSpf("v=spf1\t-all"));
        Assert.False(SpfRecord.IsSpf(" v=spf1 -all"));
    }

    [Property(MaxTest = 500)]
    public Property AnyOrderOfValidTermsIsValidAndKept() =>
        Prop.ForAll(Gen.Elements(Terms).ListOf().ToArbitrary(), terms =>
            SpfRecord.TryParse("v=spf1 " + string.Join("  ", terms), out var record, out _)
            && record!.Directives.Select(d => d.Text).SequenceEqual(terms.Where(t => !t.Contains('=', StringComparison.Ordinal))));

    [Property(MaxTest = 2000)]
    public Property NoTextBreaksTheParser()
    {
        var pieces = Terms.Concat(Spoilers).SelectMany(t => new[] { t, t[..(t.Length / 2)] })
            .Concat([" ", "%{", "}", "/", ":", "=", "\0", "\u00ff", "%{p1r.-}", new string('9', 400)]).ToArray();
        return Prop.ForAll(Gen.Elements(pieces).ListOf().ToArbitrary(), parts =>
        {
            var text = "v=spf1 " + string.Concat(parts);
            return SpfRecord.TryParse(text, out var record, out var problem) == (record is not null) && (record is null) == (problem is not null);
        });
    }
}
