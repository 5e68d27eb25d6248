using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Policy;
using Xunit;

namespace HomeMail.Server.Tests.Policy;

/// <summary>The decision about strangers, a row for each ground and each exception from it.</summary>
public class MailPolicyTests
{
    private static readonly DateTimeOffset Later = Facts.Noon.AddMinutes(5);
    private static readonly MailFacts Forged = Facts.Honest with { Dmarc = DmarcResult.Fail, DkimDomains = [], Spf = SpfResult.Pass, SpfDomain = "evil.example" };
    private static readonly MailFacts Careless = Facts.Unproven with { Reverse = "permerror", IsHelloName = false, IsEncrypted = false, Spf = SpfResult.SoftFail };
    private static readonly MailFacts Listed = Facts.Unproven with { BlockLists = ["bl.example"] };
    private static readonly MailFacts New = Facts.Unproven with { ComeAgainAt = Later };
    private static readonly MailFacts OfHouse = Facts.Unproven with { IsHouseAuthor = true, Author = "home.example" };
    private static readonly MailFacts Trouble = Facts.Unproven with { Dmarc = DmarcResult.TempError, Author = "bank.example" };
    private static readonly RecipientFacts Correspondent = Facts.Alice with { IsCorrespondent = true };

    private static readonly PolicyRules DelayFirst = new() { FirstTimeDelay = TimeSpan.FromSeconds(5) };

    private static RecipientFacts With(Standing standing, double? junk = null) => Facts.Alice with { Standing = standing, StandingOf = "domain shop.example", Junk = junk };

    private static MailFacts Rejecting(DmarcRejectAction action, MailFacts facts) => facts with { Rules = new PolicyRules { DmarcReject = action } };

    public static TheoryData<string, object, object, string> Rows()
    {
        var rows = new TheoryData<string, object, object, string>();
        void Add(string what, MailFacts facts, string verdict, RecipientFacts? recipient = null) => rows.Add(what, facts, recipient ?? Facts.Alice, verdict);

        Add("all in order", Facts.Honest, "accepted");
        Add("nothing proven, nothing wrong", Facts.Unproven, "accepted");
        Add("first time", Facts.Honest with { Rules = DelayFirst }, "first-time");
        Add("first time, masked", Facts.Masked with { Rules = DelayFirst }, "accepted");
        Add("first time, known", Facts.Honest with { Rules = DelayFirst }, "accepted", With(Standing.Mixed));
        Add("limit", Facts.Honest with { Limit = new LimitReached("500 messages a day from 192.0.2.10", Later) }, "limit: 500 messages a day from 192.0.2.10; possible again at 2026-03-14 12:05 UTC");
        Add("limit, but it is stored anyway", Facts.Honest with { Limit = new LimitReached("x", Later), MayDefer = false }, "accepted");

        Add("forged", Forged, "dmarc-reject: shop.example");
        Add("forged, but wanted", Forged, "dmarc-reject: shop.example", Correspondent);
        Add("forged, but allowed", Forged with { Allowed = Allowance.Sender }, "dmarc-reject: shop.example");
        Add("forged, junk", Rejecting(DmarcRejectAction.Junk, Forged), "dmarc-reject-junk: shop.example");
        Add("forged, off", Rejecting(DmarcRejectAction.Off, Forged), "accepted");
        Add("forged, p=none", Forged with { DmarcPolicy = DmarcPolicy.None }, "accepted");
        Add("forged, p=quarantine", Forged with { DmarcPolicy = DmarcPolicy.Quarantine }, "dmarc-quarantine: shop.example");
        Add("forged, p=quarantine, good forwarder", Forged with { DmarcPolicy = DmarcPolicy.Quarantine }, "dmarc-quarantine: shop.example", With(Standing.Good));
        Add("forged, p=quarantine, off", Rejecting(DmarcRejectAction.Off, Forged with { DmarcPolicy = DmarcPolicy.Quarantine }), "dmarc-quarantine: shop.example");
        Add("forwarded by a trusted list", Forged with { TrustedSealer = "lists.example" }, "accepted: lists.example saw that shop.example had sent it");
        Add("forwarded by a trusted list, quarantine", Forged with { TrustedSealer = "lists.example", DmarcPolicy = DmarcPolicy.Quarantine }, "accepted: lists.example saw that shop.example had sent it");

        Add("listed", Listed, "dnsbl: 192.0.2.10 by bl.example");
        Add("listed, proven", Facts.Honest with { BlockLists = ["bl.example"] }, "dnsbl: 192.0.2.10 by bl.example");
        Add("listed, allowed", Listed with { Allowed = Allowance.Network }, "accepted");
        Add("listed, known as good", Listed, "reputation-good: domain shop.example", With(Standing.Good));
        Add("listed, correspondent", Listed, "correspondent", Correspondent);
        Add("listed, but nobody's address", Facts.Masked with { BlockLists = ["bl.example"] }, "accepted");

        Add("new", New, "greylist: after 12:05:00 UTC");
        Add("new, SPF", New with { Spf = SpfResult.Pass }, "accepted");
        Add("new, DKIM", New with { DkimDomains = ["esp.example"] }, "accepted");
        Add("new, allowed", New with { Allowed = Allowance.Network }, "accepted");
        Add("new, good network", New, "reputation-good: domain shop.example", With(Standing.Good));
        Add("new, sealed", New with { TrustedSealer = "lists.example" }, "accepted");
        Add("new, masked", Facts.Masked with { ComeAgainAt = Later }, "accepted");
        Add("new, relay", New with { Way = MailWay.Relay, IsAddressUnknown = true }, "accepted");
        Add("new, stored anyway", New with { MayDefer = false }, "accepted");
        Add("new and listed: refused at once", New with { BlockLists = ["bl.example"] }, "dnsbl: 192.0.2.10 by bl.example");
        Add("new and junk: first it comes again", New, "greylist: after 12:05:00 UTC", With(Standing.Unknown, 0.99));

        Add("of the house", OfHouse, "house-from: home.example");
        Add("of the house, proven", OfHouse with { Dmarc = DmarcResult.Pass, DkimDomains = ["home.example"] }, "accepted");
        Add("of the house, masked", Facts.Masked with { IsHouseAuthor = true, Author = "home.example" }, "house-from: home.example");
        Add("of the house, masked, signed", Facts.Masked with { IsHouseAuthor = true, Dmarc = DmarcResult.Pass, DkimDomains = ["home.example"] }, "accepted");
        Add("of the house, masked, known as good", Facts.Masked with { IsHouseAuthor = true, Author = "home.example" }, "house-from: home.example", With(Standing.Good));
        Add("of the house, from this machine", Facts.Masked with { IsHouseAuthor = true, IsThisMachine = true }, "accepted");
        Add("of the house, through a trusted list", OfHouse with { Dmarc = DmarcResult.Fail, DmarcPolicy = DmarcPolicy.Reject, TrustedSealer = "lists.example" }, "accepted: lists.example saw that home.example had sent it");
        Add("of the house, ours", OfHouse with { IsOurs = true }, "returned");
        Add("ours, and junk all the same", OfHouse with { IsOurs = true }, "content: 0.990", With(Standing.Unknown, 0.99));

        Add("two From fields", Facts.Unproven with { AuthorKind = AuthorDomainKind.SeveralFields, Author = "" }, "from-unclear");
        Add("From of two domains, wanted", Facts.Honest with { AuthorKind = AuthorDomainKind.SeveralDomains, Author = "" }, "from-unclear", With(Standing.Good));
        Add("no From", Facts.Unproven with { AuthorKind = AuthorDomainKind.Missing, Author = "" }, "accepted");

        Add("SPF fail", Facts.Unproven with { Spf = SpfResult.Fail }, "spf-fail: shop.example");
        Add("SPF fail, signed", Facts.Unproven with { Spf = SpfResult.Fail, DkimDomains = ["other.example"] }, "accepted");
        Add("SPF fail, DMARC pass", Facts.Honest with { Spf = SpfResult.Fail }, "accepted");
        Add("SPF fail, allowed", Facts.Unproven with { Spf = SpfResult.Fail, Allowed = Allowance.Network }, "accepted");
        Add("SPF fail at a router", Facts.Masked with { Spf = SpfResult.Fail }, "accepted");
        Add("SPF softfail", Facts.Unproven with { Spf = SpfResult.SoftFail }, "accepted");

        Add("bad", Facts.Honest, "reputation-bad: domain shop.example", With(Standing.Bad));
        Add("hopeless", Facts.Honest, "reputation-refused: domain shop.example", With(Standing.Hopeless));
        Add("hopeless, masked", Facts.Masked, "reputation-refused: domain shop.example", With(Standing.Hopeless));
        Add("allowed, though bad", Facts.Honest with { Allowed = Allowance.Sender }, "allowed", With(Standing.Hopeless));
        Add("junk words", Facts.Honest, "content: 0.990", With(Standing.Unknown, 0.99));
        Add("junk words of a good sender", Facts.Honest, "reputation-good: domain shop.example", With(Standing.Good, 0.99));
        Add("doubtful words, proven", Facts.Honest, "accepted", With(Standing.Unknown, 0.9));
        Add("doubtful words, unproven", Facts.Unproven, "content: 0.900", With(Standing.Unknown, 0.9));
        Add("doubtful words, masked", Facts.Masked, "content: 0.900", With(Standing.Unknown, 0.9));

        Add("careless", Careless, "suspicious: no reverse DNS, HELO without a host name, no TLS, SPF");
        Add("careless but for HELO", Careless with { IsHelloName = true }, "accepted");
        Add("careless but for TLS", Careless with { IsEncrypted = true }, "accepted");
        Add("careless, signed", Careless with { DkimDomains = ["a.example"] }, "accepted");
        Add("careless, masked", Careless with { Way = MailWay.Masked, IsAddressUnknown = true }, "accepted");
        Add("HELO alone", Facts.Honest with { IsHelloName = false }, "accepted");

        Add("DNS trouble", Trouble, "dns-trouble: bank.example");
        Add("DNS trouble, but it does not matter", Rejecting(DmarcRejectAction.Off, Trouble), "accepted");
        Add("DNS trouble, but it is junk", Trouble, "content: 0.990", With(Standing.Unknown, 0.99));
        Add("DNS trouble, but it is known", Trouble, "correspondent", Correspondent);
        Add("DNS trouble, but it is allowed", Trouble with { Allowed = Allowance.Sender }, "allowed");
        Add("DNS trouble, but it is sealed", Trouble with { TrustedSealer = "lists.example" }, "accepted");
        Add("DNS trouble, listed", Trouble with { BlockLists = ["bl.example"] }, "dnsbl: 192.0.2.10 by bl.example");
        Add("DNS trouble, from this machine", Trouble with { Way = MailWay.Masked, IsAddressUnknown = true, IsThisMachine = true }, "accepted");
        Add("DNS trouble for hours", Trouble with { IsTroubleLong = true }, "dns-trouble-long: bank.example");
        Add("DNS trouble, stored anyway", Trouble with { MayDefer = false }, "accepted");
        Add("reverse DNS trouble alone", Facts.Honest with { Reverse = "temperror" }, "accepted");
        Add("SPF trouble alone", Facts.Honest with { Spf = SpfResult.TempError }, "accepted");

        Add("sent on", Facts.Honest, "accepted", Facts.Elsewhere);
        Add("sent on, junk", OfHouse, "not-forwarded: house-from: home.example", Facts.Elsewhere);
        Add("sent on, refused", Forged, "not-forwarded: dmarc-reject: shop.example", Facts.Elsewhere);
        Add("sent on, new", New, "greylist: after 12:05:00 UTC", Facts.Elsewhere);
        return rows;
    }

    [Theory, MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public void A_stranger(string what, object facts, object recipient, string verdict)
    {
        Assert.NotEmpty(what);
        Assert.Equal(verdict, MailPolicy.Decide((MailFacts)facts, (RecipientFacts)recipient).ToString());
    }

    [Fact]
    public void Every_ground_of_strangers_has_a_row()
    {
        var seen = Rows().Select(row => PolicyReasons.Find(row.Data.Item4, out _)!.Name).ToHashSet();
        Assert.Empty(PolicyReasons.All.Where(r => (r.Ways & MailWay.Outside) != 0 && !seen.Contains(r.Name)).Select(r => r.Name));
    }

    [Fact]
    public void HELO_never_turns_the_scale_without_two_signs_that_are_none_of_its()
    {
        foreach (var reverse in new[] { "pass", "fail", "none", "temperror", "permerror" })
            foreach (var encrypted in new[] { true, false })
            {
                var facts = Facts.Unproven with { Reverse = reverse, IsEncrypted = encrypted };
                Assert.Equal(MailPolicy.Decide(facts, Facts.Alice), MailPolicy.Decide(facts with { IsHelloName = false }, Facts.Alice));
            }
    }

    [Fact]
    public void A_hopeless_address_says_nothing_where_the_address_is_nobodys()
    {
        // Whatever would be said about the address of a masking router, the verdict is that of facts without an address.
        foreach (var spf in Enum.GetValues<SpfResult>())
            foreach (var reverse in new[] { "pass", "fail", "none", "permerror" })
            {
                var facts = Facts.Masked with { Spf = spf, Reverse = reverse, BlockLists = ["bl.example"], ComeAgainAt = Later, IsHelloName = false, Rules = DelayFirst };
                Assert.Equal("accepted", MailPolicy.Decide(facts, Facts.Alice).ToString());
            }
    }

    [Theory]
    [InlineData("accepted", null)]
    [InlineData("accepted dmarc-reject", null)]
    [InlineData("dmarc-reject content", null)]
    [InlineData("dmarc-reject greylist", 451)]
    [InlineData("greylist dnsbl dmarc-reject", 451)]
    [InlineData("dmarc-reject", 550)]
    [InlineData("dmarc-reject dnsbl", 550)]
    [InlineData("not-forwarded accepted", null)]
    [InlineData("not-forwarded", 550)]
    [InlineData("limit", 450)]
    public void The_reply_for_all_recipients(string verdicts, int? code) =>
        Assert.Equal(code, Verdict.ReplyTo([.. verdicts.Split(' ').Select(name => new Verdict(PolicyReasons.Find(name, out _)!, "x"))])?.Code);

    [Fact]
    public void Only_what_is_not_taken_has_a_reply_and_the_reply_fits_the_verdict()
    {
        foreach (var reason in PolicyReasons.All)
        {
            var reply = new Verdict(reason, "shop.example").Reply;
            switch (reason.Kind)
            {
                case VerdictKind.Accept or VerdictKind.Junk:
                    Assert.Null(reply);
                    break;
                case VerdictKind.Defer:
                    Assert.True(reply!.IsTransient);
                    Assert.StartsWith("4.", reply.Enhanced, StringComparison.Ordinal);
                    break;
                default:
                    Assert.True(reply!.IsPermanent);
                    Assert.StartsWith("5.", reply.Enhanced, StringComparison.Ordinal);
                    break;
            }
        }
    }
}
