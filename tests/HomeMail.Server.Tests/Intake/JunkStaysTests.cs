using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>Junk goes to Junk: no rule moves it, no vacation answers it, and it never leaves the house.</summary>
public sealed class JunkStaysTests
{
    // DMARC asks for quarantine, and fails.
    private const string Junk = "From: x@shop.example\r\nTo: bob@example.org\r\nSubject: sale\r\nMessage-ID: <1@shop.example>\r\nDate: Sat, 14 Mar 2026 09:26:53 +0000\r\n\r\nbuy";

    private static TestHouse House(MailRule rule)
    {
        var house = new TestHouse(policy: JudgementOptions.Default with { Greylist = false }).With(
            [new HostedDomain("example.org", "home")],
            [
                TestHouse.Account("alice", "alice@example.org"),
                TestHouse.Account("bob", "bob@example.org") with { Rules = [rule], Vacation = new VacationText("away") },
            ],
            ("family@example.org", ["bob@example.org", "aunt@example.net"]), ("away@example.org", ["aunt@example.net"]));
        // The sender is proven, so that only the verdict stands between it and an answer.
        house.Zone.Txt("sender.example", "v=spf1 ip4:192.0.2.10 -all").Txt("_dmarc.shop.example", "v=DMARC1; p=quarantine").Txt("shop.example", "v=spf1 -all");
        return house;
    }

    public static TheoryData<string> Actions => new("mailbox", "forward", "discard");

    [Theory, MemberData(nameof(Actions))]
    public async Task No_rule_acts_on_it(string action)
    {
        var rule = new MailRule("10") { Subject = "sale" };
        await using var house = House(action switch
        {
            "mailbox" => rule with { Mailbox = "Shops" },
            "forward" => rule with { Forward = [TestHouse.A("x@elsewhere.example")] },
            _ => rule with { Discard = true },
        });
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@sender.example>", "<family@example.org>", Junk), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("bob", "Junk"));
        Assert.Empty(house.Mailbox("bob"));
        Assert.Empty(house.Mailbox("bob", "Shops"));
        Assert.Empty(house.Queued); // neither the rule's nor the alias's, and no answer
    }

    [Fact]
    public async Task Where_it_could_only_go_outside_it_is_refused()
    {
        await using var house = House(new MailRule("10") { Subject = "none", Discard = true });
        Assert.StartsWith("550 5.7.1", await Post.DeliverAsync(house, "<x@sender.example>", "<away@example.org>", Junk), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
    }
}
