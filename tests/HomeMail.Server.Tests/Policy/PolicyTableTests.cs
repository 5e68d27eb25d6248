using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Policy;
using Xunit;

namespace HomeMail.Server.Tests.Policy;

/// <summary>
/// The tables in the folder's README against the code. For each policy about strangers there is a pair of facts or recipients, with and without what it looks at: either
/// it changes the verdict about a known principal too, or the row says why it has no meaning and the verdict must stay what it was, for each kind of principal.
/// </summary>
public class PolicyTableTests
{
    private static readonly MailWay[] Known = [MailWay.Account, MailWay.Device, MailWay.LocalUser, MailWay.Shortcut];

    private static readonly MailFacts Base = Facts.Unproven;
    private static readonly DateTimeOffset Later = Facts.Noon.AddMinutes(5);
    private static readonly PolicyRules Delay = new() { FirstTimeDelay = TimeSpan.FromSeconds(5) };

    private sealed record Probe(Func<MailFacts, MailFacts>? Facts = null, RecipientFacts? Recipient = null, Func<MailFacts, MailFacts>? Before = null, RecipientFacts? Instead = null);

    private static RecipientFacts Has(Standing standing) => Policy.Facts.Alice with { Standing = standing, StandingOf = "sender bob@home.example" };

    private static MailFacts Forged(MailFacts f) => f with { Dmarc = DmarcResult.Fail, DmarcPolicy = DmarcPolicy.Reject };

    private static MailFacts Careless(MailFacts f) => f with { Reverse = "fail", IsHelloName = false, IsEncrypted = false, Spf = SpfResult.SoftFail };

    private static readonly Dictionary<string, Probe> Probes = new()
    {
        ["SPF fail"] = new(f => f with { Spf = SpfResult.Fail }),
        ["SPF temporary error"] = new(f => f with { Spf = SpfResult.TempError, ComeAgainAt = Later }, Before: f => f with { Spf = SpfResult.Pass, ComeAgainAt = Later }),
        ["DKIM of the sender"] = new(f => f with { DkimDomains = ["shop.example"], Spf = SpfResult.Fail }, Before: f => f with { Spf = SpfResult.Fail }),
        ["DMARC p=reject"] = new(Forged),
        ["DMARC p=quarantine"] = new(f => f with { Dmarc = DmarcResult.Fail, DmarcPolicy = DmarcPolicy.Quarantine }),
        ["DMARC temporary error"] = new(f => f with { Dmarc = DmarcResult.TempError }),
        ["DMARC permanent error"] = new(f => f with { Dmarc = DmarcResult.PermError, AuthorKind = AuthorDomainKind.SeveralFields }),
        ["trusted ARC sealer"] = new(f => Forged(f) with { TrustedSealer = "lists.example" }, Before: Forged),
        ["From of the house"] = new(f => f with { IsHouseAuthor = true }),
        ["reverse DNS"] = new(Careless, Before: f => Careless(f) with { Reverse = "pass" }),
        ["HELO syntax"] = new(Careless, Before: f => Careless(f) with { IsHelloName = true }),
        ["TLS"] = new(Careless, Before: f => Careless(f) with { IsEncrypted = true }),
        ["block lists"] = new(f => f with { BlockLists = ["bl.example"] }),
        ["allow list"] = new(f => f with { BlockLists = ["bl.example"], Allowed = Allowance.Network }, Before: f => f with { BlockLists = ["bl.example"] }),
        ["greylist"] = new(f => f with { ComeAgainAt = Later }),
        ["delay for the first time"] = new(f => f with { Rules = Delay }),
        ["address limits"] = new(),
        ["principal limits"] = new(f => f with { Limit = new LimitReached("1000 messages a day", Later) }),
        ["reputation: hopeless sender"] = new(Recipient: Has(Standing.Hopeless)),
        ["reputation: bad sender"] = new(Recipient: Has(Standing.Bad)),
        ["reputation: good sender"] = new(Recipient: Has(Standing.Good) with { Junk = 0.99 }, Instead: Has(Standing.Unknown) with { Junk = 0.99 }),
        ["correspondent"] = new(Recipient: Policy.Facts.Alice with { IsCorrespondent = true, Junk = 0.99 }, Instead: Policy.Facts.Alice with { Junk = 0.99 }),
        ["content"] = new(Recipient: Policy.Facts.Alice with { Junk = 0.99 }),
        ["junk is not sent on"] = new(Recipient: Policy.Facts.Elsewhere with { Junk = 0.99 }, Instead: Policy.Facts.Alice with { Junk = 0.99 }),
        ["masked address"] = new(f => f with { Spf = SpfResult.Fail, IsAddressUnknown = true }, Before: f => f with { Spf = SpfResult.Fail }),
    };

    private static string[] Readme => field ??= File.ReadAllLines(Path.Combine(Repository.Root, "src/HomeMail.Server/Policy/README.md"));

    private static string[][] TableOf(string firstColumn) =>
        [.. Readme.SkipWhile(line => !line.StartsWith($"| {firstColumn} |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Split('|')[1..^1].Select(cell => cell.Trim()).ToArray())];

    public static TheoryData<string> Policies => new(TableOf("policy").Select(row => row[0]));

    [Fact]
    public void The_table_of_policies_is_whole()
    {
        var names = TableOf("policy").Select(row => row[0]).ToArray();
        Assert.True(names.Length >= 20, $"{names.Length} rows");
        Assert.Equal(Probes.Keys.Order(), names.Order());
    }

    [Theory, MemberData(nameof(Policies))]
    public void It_acts_on_a_known_principal_or_has_no_meaning_there(string policy)
    {
        var row = TableOf("policy").Single(r => r[0] == policy);
        var probe = Probes[policy];
        // Who has no account has no limits of one, and the other way round: which counter is asked is settled before the facts are filled in.
        if (row[1] != "-" && probe != new Probe())
            Assert.NotEqual(Decide(probe, MailWay.Stranger, before: true), Decide(probe, MailWay.Stranger, before: false));
        foreach (var way in Known)
        {
            var (without, with) = (Decide(probe, way, before: true), Decide(probe, way, before: false));
            if (row[2] == "-")
            {
                Assert.Equal(without, with);
                Assert.NotEqual("", row[3]);
            }
            else
            {
                Assert.NotEqual(without, with);
                Assert.Equal(row[2], with.Kind.ToString().ToLowerInvariant());
            }
        }
    }

    [Fact]
    public void The_table_of_grounds_is_that_of_the_code()
    {
        var expected = string.Join('\n', PolicyReasons.All.Select(Row));
        var stands = string.Join('\n', TableOf("ground").Select(row => $"| {string.Join(" | ", row)} |"));
        Assert.True(expected == stands, "README.md should have these rows:\n" + expected);
    }

    [Fact]
    public void A_ground_is_found_by_what_stands_in_the_metadata()
    {
        foreach (var reason in PolicyReasons.All)
        {
            Assert.Same(reason, PolicyReasons.Find(new Verdict(reason, "a: b").ToString(), out var detail));
            Assert.Equal("a: b", detail);
        }
        Assert.Null(PolicyReasons.Find("rule: lists", out _));
    }

    private static Verdict Decide(Probe probe, MailWay way, bool before)
    {
        var facts = Base with { Way = way };
        var change = before ? probe.Before : probe.Facts;
        return MailPolicy.Decide(change?.Invoke(facts) ?? facts, (before ? probe.Instead : probe.Recipient) ?? Policy.Facts.Alice);
    }

    private static string Row(PolicyReason reason)
    {
        var reply = reason.Reply?.Invoke("...").ToString() ?? "250";
        return $"| `{reason.Name}` | {reason.Kind.ToString().ToLowerInvariant()} | {reply} | {Letters(reason.Ways)} | {reason.Inputs} |";
    }

    private static string Letters(MailWay ways) => string.Concat("SRMADLC".Where((_, i) => ((int)ways & (1 << i)) != 0));
}
