using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using Xunit;

namespace HomeMail.Protocol.Tests.Dmarc;

/// <summary>The tree walk and what follows from it, with the standard's own examples (RFC 9989 4.10, appendix B.4).</summary>
public sealed class DmarcEvaluationTests
{
    private readonly Dictionary<string, string[]> _zone = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _failing = [];
    private readonly HashSet<string> _existing = [];
    private readonly List<string> _asked = [];

    [Fact]
    public void AWalkIsAtMostEightNames()
    {
        Evaluate("a.b.c.d.e.f.g.h.i.j.mail.example.com");
        Assert.Equal(
            [
                "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com", "_dmarc.h.i.j.mail.example.com",
                "_dmarc.i.j.mail.example.com", "_dmarc.j.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com",
            ],
            _asked);
        _asked.Clear();
        Evaluate("b.c.d.e.f.mail.example.com"); // eight labels: the next one keeps seven
        Assert.Equal(8, _asked.Count);
        Assert.Equal("_dmarc.c.d.e.f.mail.example.com", _asked[1]);
    }

    [Fact]
    public void TheSameDomainPassesWithOneQuery()
    {
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject; adkim=s; aspf=s"];
        var outcome = Evaluate("example.com", dkim: ["EXAMPLE.com"]);
        Assert.Equal((DmarcResult.Pass, "EXAMPLE.com", null), (outcome.Result, outcome.AlignedDkim, outcome.AlignedSpf));
        outcome = Evaluate("example.com", spf: "example.com");
        Assert.Equal((DmarcResult.Pass, null, "example.com"), (outcome.Result, outcome.AlignedDkim, outcome.AlignedSpf));
        Assert.Equal(["_dmarc.example.com", "_dmarc.example.com"], _asked);
    }

    [Theory]
    [InlineData("mail.example.com", "example.com", true)]
    [InlineData("example.com", "mail.example.com", true)]
    [InlineData("news.example.com", "mail.example.com", true)]
    [InlineData("news.example.com", "example.net", false)]
    [InlineData("news.example.com", "evilexample.com", false)]
    [InlineData("news.example.com", "com", false)]
    [InlineData("example.com", "example.com.evil.net", false)]
    public void RelaxedAlignmentIsTheSameOrganization(string author, string identifier, bool aligned)
    {
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject"];
        Assert.Equal(aligned ? DmarcResult.Pass : DmarcResult.Fail, Evaluate(author, dkim: [identifier]).Result);
        Assert.Equal(aligned ? DmarcResult.Pass : DmarcResult.Fail, Evaluate(author, spf: identifier).Result);
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject; adkim=s; aspf=s"];
        Assert.Equal(DmarcResult.Fail, Evaluate(author, [identifier], identifier).Result);
    }

    [Fact]
    public void StrictnessIsSaidForEachMechanism()
    {
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject; adkim=s"];
        Assert.Equal(DmarcResult.Fail, Evaluate("example.com", dkim: ["mail.example.com"]).Result);
        Assert.Equal(DmarcResult.Pass, Evaluate("example.com", spf: "mail.example.com").Result);
    }

    // B.4.1: the policy is the author's own, the organization is above it.
    [Fact]
    public void ASubdomainsRecordIsItsPolicyButNotItsOrganization()
    {
        _zone["_dmarc.mail.example.com"] = ["v=DMARC1; p=quarantine; sp=reject"];
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=none"];
        var outcome = Evaluate("mail.example.com", dkim: ["other.example.com"]);
        Assert.Equal((DmarcResult.Pass, DmarcPolicy.Quarantine, "mail.example.com", "example.com"),
            (outcome.Result, outcome.Policy, outcome.PolicyDomain, outcome.OrganizationalDomain));
    }

    // Field case: sp= of a record between the author and its organization does not count.
    [Fact]
    public void SpIsTakenOnlyFromTheOrganizationalDomain()
    {
        _zone["_dmarc.sub.example.com"] = ["v=DMARC1; p=none; sp=reject"];
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject; sp=quarantine"];
        _existing.Add("deep.sub.example.com");
        Assert.Equal((DmarcPolicy.Quarantine, "example.com"), PolicyOf("deep.sub.example.com"));
        Assert.Equal((DmarcPolicy.None, "sub.example.com"), PolicyOf("sub.example.com"));
    }

    // Field case: "the last two labels" is not an organization; the walk finds it without a list of suffixes.
    [Fact]
    public void AnOrganizationBelowAPublicSuffixOfTwoLabels()
    {
        _zone["_dmarc.fed.us"] = ["v=DMARC1; p=reject; psd=y"];
        _zone["_dmarc.agency.fed.us"] = ["v=DMARC1; p=quarantine"];
        Assert.Equal(DmarcResult.Fail, Evaluate("x.agency.fed.us", dkim: ["y.other.fed.us"]).Result);
        Assert.Equal(DmarcResult.Fail, Evaluate("x.agency.fed.us", dkim: ["fed.us"]).Result);
        var outcome = Evaluate("x.agency.fed.us", dkim: ["y.agency.fed.us"]);
        Assert.Equal((DmarcResult.Pass, "agency.fed.us", DmarcPolicy.Quarantine), (outcome.Result, outcome.OrganizationalDomain, outcome.Policy));
    }

    // 4.10.2, last example, and B.4.3: only the suffix has a record.
    [Fact]
    public void APublicSuffixSpeaksForOrganizationsWithoutARecord()
    {
        _zone["_dmarc.com"] = ["v=DMARC1; p=reject; sp=quarantine; np=none; psd=y"];
        _existing.Add("a.mail.example.com");
        var outcome = Evaluate("a.mail.example.com", dkim: ["example.com"]);
        Assert.Equal((DmarcResult.Pass, "example.com", "com", DmarcPolicy.Quarantine),
            (outcome.Result, outcome.OrganizationalDomain, outcome.PolicyDomain, outcome.Policy));
        Assert.Equal(DmarcResult.Fail, Evaluate("a.mail.example.com", dkim: ["other.com"]).Result);
        Assert.Equal((DmarcPolicy.None, "com"), PolicyOf("missing.example.com"));
        Assert.Equal((DmarcPolicy.Reject, "com"), PolicyOf("com")); // a suffix that sends mail itself
    }

    [Fact]
    public void PsdNEndsTheWalk()
    {
        _zone["_dmarc.mail.example.com"] = ["v=DMARC1; p=reject; psd=n"];
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=none"];
        var outcome = Evaluate("a.mail.example.com", dkim: ["example.com"]);
        Assert.Equal((DmarcResult.Fail, "mail.example.com"), (outcome.Result, outcome.OrganizationalDomain));
        Assert.Equal(DmarcResult.Fail, Evaluate("example.com", dkim: ["mail.example.com"]).Result); // another organization, though below
        Assert.Equal(DmarcResult.Pass, Evaluate("a.mail.example.com", dkim: ["b.mail.example.com"]).Result);
    }

    [Fact]
    public void NpIsForNamesThatDoNotExist()
    {
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=none; sp=quarantine; np=reject"];
        _existing.Add("there.example.com");
        Assert.Equal(DmarcPolicy.Reject, PolicyOf("missing.example.com").Policy);
        Assert.Equal(DmarcPolicy.Quarantine, PolicyOf("there.example.com").Policy);
        Assert.Equal(DmarcPolicy.None, PolicyOf("example.com").Policy);
        _asked.Clear();
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=none; np=none"];
        Assert.Equal(DmarcPolicy.None, PolicyOf("missing.example.com").Policy);
        Assert.DoesNotContain("missing.example.com", _asked); // it makes no difference
    }

    [Theory]
    [InlineData("reject", DmarcPolicy.Quarantine)]
    [InlineData("quarantine", DmarcPolicy.None)]
    [InlineData("none", DmarcPolicy.None)]
    public void TestingTakesALevelOff(string policy, DmarcPolicy applied)
    {
        _zone["_dmarc.example.com"] = [$"v=DMARC1; p={policy}; t=y"];
        Assert.Equal(applied, PolicyOf("example.com").Policy);
    }

    [Fact]
    public void NoRecordOrSeveralOrAUselessOneMeansThatDmarcDoesNotApply()
    {
        Assert.Equal(DmarcResult.None, Evaluate("example.com", ["example.com"], "example.com").Result);
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject", "v=DMARC1; p=none"];
        Assert.Equal(DmarcResult.None, Evaluate("example.com", ["example.com"]).Result);
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject", "other text"];
        Assert.Equal(DmarcResult.Pass, Evaluate("example.com", ["example.com"]).Result);
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=nonsense"];
        Assert.Equal(DmarcResult.None, Evaluate("example.com", ["example.com"]).Result);
    }

    [Fact]
    public void WhatDnsLeavesOpenIsATemporaryErrorUnlessAnotherIdentifierPasses()
    {
        _failing.Add("_dmarc.example.com");
        Assert.Equal(DmarcResult.TempError, Evaluate("example.com", ["example.com"]).Result);
        Assert.Equal(DmarcResult.TempError, Evaluate("a.example.com", ["a.example.com"]).Result);
        _failing.Clear();
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject"];
        _failing.Add("_dmarc.sub.example.com");
        Assert.Equal(DmarcResult.TempError, Evaluate("example.com", ["sub.example.com"]).Result);
        Assert.Equal(DmarcResult.Pass, Evaluate("example.com", ["sub.example.com", "other.example.com"]).Result);
        Assert.Equal(DmarcResult.Fail, Evaluate("example.com", ["sub.example.net"]).Result);

        var undecided = new DmarcRequest("example.com", [], null, ["mail.example.com"]);
        Assert.Equal(DmarcResult.TempError, Run(undecided).Result);
        Assert.Equal(DmarcResult.Fail, Run(undecided with { UndecidedDkim = ["evil.example.net"] }).Result);
        Assert.Equal(DmarcResult.TempError, Run(undecided with { UndecidedDkim = null, UndecidedSpf = "example.com" }).Result);
        Assert.Equal(DmarcResult.Pass, Run(undecided with { SpfDomain = "example.com" }).Result);
    }

    [Fact]
    public void IdentifiersOutsideTheOrganizationCostNoQuery()
    {
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject"];
        Evaluate("example.com", [.. Enumerable.Range(0, 500).Select(i => $"a.b.c.d.e.f{i}.example.net")], "x.y.z.example.org");
        Assert.Equal(["_dmarc.example.com", "_dmarc.com"], _asked);
        _asked.Clear();
        Evaluate("example.com", [.. Enumerable.Range(0, 500).Select(i => $"a.b.c.d.e.f{i}.example.com")]);
        Assert.True(_asked.Count <= 2 + (16 * 8));
    }

    // RFC 9990 3.1.1.9: a report tells of both identifiers, which a verdict alone need not know.
    [Fact]
    public void ForAReportBothIdentifiersAreCompared()
    {
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject; rua=mailto:a@example.com"];
        var request = new DmarcRequest("example.com", ["example.com"], "bounce.example.com");
        Assert.Null(Run(request).AlignedSpf);
        Assert.Equal(["_dmarc.example.com"], _asked);
        var outcome = Run(request with { ForReport = true });
        Assert.Equal((DmarcResult.Pass, "example.com", "bounce.example.com"), (outcome.Result, outcome.AlignedDkim, outcome.AlignedSpf));
        outcome = Run(new DmarcRequest("example.com", ["mail.example.com", "other.example"], "example.com", ForReport: true));
        Assert.Equal(("mail.example.com", "example.com"), (outcome.AlignedDkim, outcome.AlignedSpf));
        outcome = Run(request with { ForReport = true, SpfDomain = "other.example" });
        Assert.Equal(("example.com", null), (outcome.AlignedDkim, outcome.AlignedSpf));

        // What DNS does not tell takes nothing from a pass; and who wants no report costs no more.
        _failing.Add("_dmarc.bounce.example.com");
        Assert.Equal(DmarcResult.Pass, Run(request with { ForReport = true }).Result);
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject"];
        _asked.Clear();
        Run(request with { ForReport = true });
        Assert.Equal(["_dmarc.example.com"], _asked);
        _zone["_dmarc.example.com"] = ["v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:a@example.com"];
        Assert.Null(Run(request with { ForReport = true }).AlignedSpf);
    }

    private (DmarcPolicy Policy, string? Domain) PolicyOf(string author)
    {
        var outcome = Evaluate(author);
        return (outcome.Policy, outcome.PolicyDomain);
    }

    private DmarcOutcome Evaluate(string author, string[]? dkim = null, string? spf = null) => Run(new DmarcRequest(author, dkim ?? [], spf));

    private DmarcOutcome Run(DmarcRequest request)
    {
        var evaluation = new DmarcEvaluation(request);
        var seen = new HashSet<string>();
        while (evaluation.Next(out var question))
        {
            Assert.Equal(DnsType.Txt, question.Type);
            Assert.True(seen.Add(question.Name), question.Name);
            _asked.Add(question.Name);
            evaluation.Answer(
                _failing.Contains(question.Name) ? new DnsReply(DnsReplyStatus.TemporaryFailure)
                : _zone.TryGetValue(question.Name, out var texts) ? new DnsReply(DnsReplyStatus.Found, Texts: texts)
                : new DnsReply(_existing.Contains(question.Name) ? DnsReplyStatus.NoData : DnsReplyStatus.NoSuchDomain));
        }
        return evaluation.Outcome!;
    }
}
