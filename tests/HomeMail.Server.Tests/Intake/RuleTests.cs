using System.Diagnostics;
using System.Text;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>An account's rules: which mail they are for, and what becomes of it.</summary>
public sealed class RuleTests
{
    [Theory]
    [InlineData("*", "", true)]
    [InlineData("", "", true)]
    [InlineData("", "x", false)]
    [InlineData("abc", "ABC", true)]
    [InlineData("abc", "abcd", false)]
    [InlineData("a*c", "abbbc", true)]
    [InlineData("a*c", "ac", true)]
    [InlineData("a*b*c", "a1b2c", true)]
    [InlineData("a*b*c", "acb", false)]
    [InlineData("ab*ba", "aba", false)] // the two ends do not share a letter
    [InlineData("*@shop.example", "news@shop.example", true)]
    [InlineData("*@shop.example", "news@shop.example.evil.example", false)]
    [InlineData("*ab*ab", "abab", true)]
    [InlineData("**", "x", true)]
    [InlineData("*b\u00fccher*", "Viele B\u00dcCHER hier", true)]
    public void A_pattern(string pattern, string text, bool matches) => Assert.Equal(matches, Glob.Matches(pattern, text));

    [Fact]
    public void A_pattern_made_to_take_long_does_not()
    {
        var watch = Stopwatch.StartNew();
        Assert.False(Glob.Matches(string.Concat(Enumerable.Repeat("*a", 2000)) + "*b", new string('a', 100_000)));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2));
    }

    /// <summary>A rule, and whether the message below is one for it.</summary>
    public static TheoryData<string, bool> Conditions => new()
    {
        { "from=news@shop.example", true },
        { "from=*@SHOP.example", true },
        { "from=The Sh\u00f6p*", true }, // the name is an encoded word
        { "from=*other*", false },
        { "to=bob@example.org", true },
        { "to=*copy@remote.example*", true }, // Cc counts
        { "to=carol@example.org", false },
        { "subject=*Gr\u00fc\u00dfe*", true }, // decoded, and folded
        { "subject=*=?utf-8*", false },
        { "header=X-Kind: Flash *", true },
        { "header=X-Kind: sale", false },
        { "header=X-None: *", false },
        { "list-id=*", true },
        { "list-id=deals.shop.example", true },
        { "list-id=Deals for*", false }, // what stands before the identifier is not it
        { "larger-than=100", true },
        { "larger-than=100000", false },
        { "from=*shop*;subject=*none*", false },
        { "from=*shop*;list-id=*", true },
    };

    [Theory, MemberData(nameof(Conditions))]
    public void A_condition(string text, bool fits)
    {
        const string Header = "From: =?utf-8?Q?The_Sh=C3=B6p?= <news@shop.example>\r\nTo: bob@example.org\r\nCc: copy@remote.example\r\nSubject: =?utf-8?B?R3LDvMOf?=\r\n"
            + " =?utf-8?B?ZSBhbGxlcnNlaXRz?=\r\nX-Kind: Flash\r\n\tsale\r\nList-Id: Deals for all <deals.shop.example>\r\n\r\n";
        var rule = new MailRule("10");
        foreach (var condition in text.Split(';'))
        {
            var (name, value) = (condition[..condition.IndexOf('=')], condition[(condition.IndexOf('=') + 1)..]);
            rule = name switch
            {
                "from" => rule with { From = value },
                "to" => rule with { To = value },
                "subject" => rule with { Subject = value },
                "header" => rule with { HeaderName = value[..value.IndexOf(':')], HeaderPattern = value[(value.IndexOf(':') + 2)..] },
                "list-id" => rule with { ListId = value },
                _ => rule with { LargerThan = long.Parse(value) },
            };
        }
        Assert.Equal(fits, rule.Fits(new RuleSubject(Encoding.UTF8.GetBytes(Header), 5000, null)));
    }

    private static TestHouse House(params MailRule[] rules) => new TestHouse().With(
        [new HostedDomain("example.org", "home")],
        [TestHouse.Account("alice", "alice@example.org"), TestHouse.Account("bob", "bob@example.org") with { Rules = rules }, TestHouse.Account("carol", "carol@example.org") with
        {
            Rules = [new MailRule("10") { From = "*", Forward = [TestHouse.A("bob@example.org")] }],
        }]);

    [Fact]
    public async Task The_first_that_fits_counts_and_makes_its_mailbox()
    {
        await using var house = House(new MailRule("10") { Subject = "sale", Mailbox = "Shops/Loud" }, new MailRule("20") { From = "*", Mailbox = "Rest" });
        await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", "From: x@remote.example\r\nSubject: sale\r\n\r\nhi");
        await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", "From: x@remote.example\r\nSubject: hi\r\n\r\nhi");
        await Post.DeliverAsync(house, "<x@remote.example>", "<alice@example.org>", "From: x@remote.example\r\nSubject: sale\r\n\r\nhi");
        Assert.Single(house.Mailbox("bob", "Rest"));
        Assert.Empty(house.Mailbox("bob"));
        Assert.Single(house.Mailbox("alice"));
        Assert.Contains("mailbox=Shops/Loud", house.LogText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_discarded_is_taken_kept_nowhere_and_told_in_the_history()
    {
        await using var house = House(new MailRule("10") { From = "*@remote.example", Discard = true });
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org> & <alice@example.org>"), StringComparison.Ordinal);
        Assert.Empty(house.Mailbox("bob"));
        Assert.Single(house.Mailbox("alice"));
        Assert.Equal(2, house.History.Find("bob@example.org").Count(happened => happened.What == DeliveryWords.Discarded && happened.Detail == "rule 10 of bob"));
    }

    [Fact]
    public async Task What_is_forwarded_goes_on_as_what_it_is()
    {
        await using var house = House(new MailRule("10") { From = "*", Forward = [TestHouse.A("away@elsewhere.example"), TestHouse.A("alice@example.org")] });
        house.DkimKeys.Use("example.org", "hm1");
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>"), StringComparison.Ordinal);
        var envelope = Assert.Single(house.Queued);
        Assert.Equal(("internet", "away@elsewhere.example"), (envelope.Principal, Assert.Single(envelope.Recipients).Address.ToString()));
        Assert.StartsWith("SRS0=", envelope.Sender!.LocalPart, StringComparison.Ordinal);
        Assert.Equal("example.org", envelope.Sender.Domain);
        Assert.Empty(house.Mailbox("bob"));
        Assert.DoesNotContain("DKIM-Signature", Assert.Single(house.Mailbox("alice")), StringComparison.Ordinal);
        // Of one of the house it goes on with its own reverse-path, signed as it was sent.
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", "From: alice@example.org\r\n\r\nhi");
        Assert.Equal(("account:alice", "alice@example.org"), (house.Queued[1].Principal, house.Queued[1].Sender!.ToString()));
    }

    [Theory]
    [InlineData("From: alice@example.org\r\n\r\nforged")]
    [InlineData("Received: by mail.example.org (HomeMail) id 1; x\r\nReceived: by mail.example.org (HomeMail) id 2; x\r\nReceived: by mail.example.org (HomeMail) id 3; x\r\nReceived: by mail.example.org (HomeMail) id 4; x\r\nFrom: x@remote.example\r\n\r\nround and round")]
    public async Task What_may_not_be_forwarded_stays(string message)
    {
        await using var house = House(new MailRule("10") { From = "*", Forward = [TestHouse.A("away@elsewhere.example")] });
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", message), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
        Assert.Single(house.Mailbox("bob"));
    }

    [Fact]
    public async Task Rules_that_forward_to_each_other_are_no_circle()
    {
        await using var house = House(new MailRule("10") { From = "*", Forward = [TestHouse.A("carol@example.org")] });
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<carol@example.org> & <bob@example.org>"), StringComparison.Ordinal);
        // Carol's rule sends it to Bob, and Bob has it: his own rule does not act on it once more.
        Assert.Single(house.Mailbox("bob"));
        Assert.Empty(house.Mailbox("carol"));
        Assert.Empty(house.Queued);
    }

    [Theory]
    [InlineData("v=spf1 ip4:192.0.2.10 -all", "x@shop.example", true)]
    [InlineData("v=spf1 ip4:198.51.100.1 -all", "x@shop.example", false)]
    [InlineData("v=spf1 ip4:192.0.2.10 -all", "x@other.example", false)]
    public async Task A_verified_domain_is_a_proven_one(string spf, string from, bool proven)
    {
        await using var house = House(new MailRule("10") { VerifiedDomain = "shop.example", Mailbox = "Shop" });
        house.Zone.Txt("shop.example", spf);
        await Post.DeliverAsync(house, "<x@shop.example>", "<bob@example.org>", $"From: {from}\r\n\r\nhi");
        Assert.Equal(proven ? 1 : 0, house.Mailbox("bob", "Shop").Count);
        Assert.Equal(proven ? 0 : 1, house.Mailbox("bob").Count);
    }

    [Fact]
    public async Task What_is_held_is_sorted_when_it_comes()
    {
        await using var house = House(new MailRule("10") { Subject = "later", Mailbox = "Later" });
        Assert.StartsWith("250 ", await Post.SubmitAsync(house, "alice", "<alice@example.org> HOLDFOR=60", "<bob@example.org>", "From: alice@example.org\r\nSubject: later\r\n\r\nhi"), StringComparison.Ordinal);
        var local = Assert.Single(Assert.Single(house.Queued).Recipients).Local!;
        Assert.Equal(("bob", "Later", "rule 10"), (local.Account, local.Mailbox, local.Reason));
    }
}
