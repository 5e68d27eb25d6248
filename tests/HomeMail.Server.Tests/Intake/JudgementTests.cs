using System.Text;
using HomeMail.Server.Control;
using HomeMail.Server.Intake;
using HomeMail.Server.Learning;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage.Mail;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>What becomes of mail, from the dialogue to the mailbox, where a policy decides.</summary>
public class JudgementTests
{
    private const string Forged = "From: a@bank.example\r\nSubject: pay\r\n\r\nhi";
    private const string Honest = "From: x@example.net\r\nSubject: hello\r\n\r\nhi";

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 14, 12, 0, 0, TimeSpan.Zero));

    private TestHouse House(bool greylist = false) => new(clock: _clock, policy: JudgementOptions.Default with { Greylist = greylist });

    private static async Task<string> SendAsync(TestHouse house, string from, string message, string peer = "192.0.2.10", params string[] to)
    {
        await using var client = new Client(house.Connect(peer: peer));
        await client.ReplyAsync();
        await client.AskAsync("EHLO mx.example.net");
        var reply = await client.AskAsync($"MAIL FROM:<{from}>");
        if (!reply!.StartsWith("250", StringComparison.Ordinal))
            return reply;
        foreach (var recipient in to.Length == 0 ? ["alice@example.org"] : to)
            await client.AskAsync($"RCPT TO:<{recipient}>");
        await client.AskAsync("DATA");
        return (await client.AskAsync(message + "\r\n."))!;
    }

    private static async Task SubmitAsync(TestHouse house, string to)
    {
        await using var client = new Client(house.Connect(SmtpRole.Submissions));
        await client.SecureAsync();
        await client.ReplyAsync();
        await client.AskAsync("EHLO c");
        await client.AskAsync("AUTH PLAIN AGFsaWNlAHNlY3JldA==");
        await client.AskAsync("MAIL FROM:<alice@example.org>");
        await client.AskAsync($"RCPT TO:<{to}>");
        await client.AskAsync("DATA");
        Assert.StartsWith("250 ", await client.AskAsync("From: alice@example.org\r\n\r\nhi\r\n."), StringComparison.Ordinal);
    }

    private static void Publish(TestHouse house) => house.Zone
        .Txt("example.net", "v=spf1 ip4:192.0.2.0/24 -all").Txt("bank.example", "v=spf1 -all").Txt("_dmarc.bank.example", "v=DMARC1; p=reject");

    private static Mailbox Rejects(TestHouse house, string account) => house.Data.Mail.Account(account).FindUse(SpecialUse.Rejects)!;

    [Fact]
    public async Task What_is_refused_is_kept_and_never_counts_as_delivered()
    {
        await using var house = House();
        Publish(house);
        var reply = await SendAsync(house, "a@bank.example", Forged);
        Assert.Equal("550 5.7.1 Refused by the DMARC policy of bank.example", reply);
        Assert.Empty(house.Mailbox("alice"));
        Assert.Contains("Subject: pay", Assert.Single(house.Mailbox("alice", "Rejects")), StringComparison.Ordinal);
        Assert.Equal("dmarc-reject: bank.example", Rejects(house, "alice").Reason(1));
        Assert.DoesNotContain("dmarc-reject", house.Mailbox("alice", "Rejects")[0], StringComparison.Ordinal);
        var events = house.History.Find("a@bank.example");
        Assert.Equal("refused", Assert.Single(events).What);
        Assert.DoesNotContain(house.History.Find(events[0].Message.Value), e => e.What is "delivered" or "accepted");
        Assert.Empty(house.Queued);
    }

    [Fact]
    public async Task Where_one_takes_it_the_other_finds_it_in_Rejects_and_nobody_gets_a_DSN()
    {
        await using var house = House();
        Publish(house);
        // Bob has marked what comes from there as junk, again and again.
        for (var i = 0; i < 8; i++)
        {
            Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest + i, to: "bob@example.org"), StringComparison.Ordinal);
            var mailbox = house.Data.Mail.Account("bob").FindUse(i == 0 ? SpecialUse.None : SpecialUse.Junk) ?? house.Data.Mail.Account("bob").Find("INBOX")!;
            using var file = mailbox.OpenMessage(mailbox.Uids(out _)[^1]);
            house.Learning.Junk("bob", file);
        }
        Assert.Equal(7, house.Mailbox("bob", "Junk").Count);
        Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest, to: ["alice@example.org", "bob@example.org"]), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("alice"));
        Assert.Single(house.Mailbox("bob", "Rejects"));
        Assert.StartsWith("550 5.7.1 Refused, only junk came so far from", await SendAsync(house, "x@example.net", Honest, to: "bob@example.org"), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
    }

    [Fact]
    public async Task A_stranger_whom_nobody_vouches_for_comes_again()
    {
        await using var house = House(greylist: true);
        Assert.Equal("451 4.7.1 Not known here yet, please try again after 12:05:00 UTC", await SendAsync(house, "x@unknown.example", Honest, "198.51.100.7"));
        Assert.Empty(house.Mailbox("alice"));
        _clock.Advance(TimeSpan.FromMinutes(6));
        // From the next host of the same network.
        Assert.StartsWith("250 ", await SendAsync(house, "x@unknown.example", Honest, "198.51.100.8"), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("alice"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("192.168.1.20")]
    [InlineData("10.1.2.3")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    public async Task An_inner_address_is_never_greylisted_or_limited(string peer)
    {
        await using var house = House(greylist: true);
        house.Rates = new InboundRates(1, 1, 1, 1);
        for (var i = 0; i < 3; i++)
            Assert.StartsWith("250 ", await SendAsync(house, "x@unknown.example", Honest, peer), StringComparison.Ordinal);
        Assert.Equal(3, house.Mailbox("alice").Count);
    }

    [Fact]
    public async Task A_From_of_the_house_through_a_router_that_masks_is_never_in_the_inbox()
    {
        await using var house = House();
        house.Shared.Add(System.Net.IPAddress.Parse("192.168.1.254"));
        house.Zone.Txt("example.org", "v=spf1 ip4:192.168.1.254 -all").Txt("_dmarc.example.org", "v=DMARC1; p=reject");
        Assert.StartsWith("250 ", await SendAsync(house, "bob@example.org", "From: bob@example.org\r\n\r\nhi", "192.168.1.254"), StringComparison.Ordinal);
        Assert.Empty(house.Mailbox("alice"));
        Assert.Single(house.Mailbox("alice", "Junk"));
    }

    [Fact]
    public async Task Whom_the_user_has_written_to_gets_through()
    {
        await using var house = House();
        Publish(house);
        house.BlockLists.Add("bl.example");
        house.Zone.Addresses("2.0.0.127.bl.example", "127.0.0.2").Addresses("10.2.0.192.bl.example", "127.0.0.2");
        Assert.Equal("550 5.7.1 Refused, listed: 192.0.2.10 by bl.example", await SendAsync(house, "x@example.net", Honest));
        await SubmitAsync(house, "x@example.net");
        Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("alice"));
        // Somebody else who writes that name proves nothing.
        house.Zone.Addresses("7.100.51.198.bl.example", "127.0.0.2");
        Assert.StartsWith("550 ", await SendAsync(house, "x@example.net", Honest, "198.51.100.7"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Junk_is_not_sent_on()
    {
        await using var house = House();
        Publish(house);
        Assert.StartsWith("550 ", await SendAsync(house, "a@bank.example", Forged, to: "family@example.org"), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
        Assert.Single(house.Mailbox("bob", "Rejects"));
        Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest, to: "family@example.org"), StringComparison.Ordinal);
        Assert.Equal("aunt@example.net", Assert.Single(Assert.Single(house.Queued).Recipients).Address.ToString());
    }

    [Fact]
    public async Task A_limit_says_which_and_until_when_and_outlives_a_restart()
    {
        await using var house = House();
        Publish(house);
        house.Rates = new InboundRates(2, null, 3, null);
        for (var i = 0; i < 2; i++)
            Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest), StringComparison.Ordinal);
        house.State.Flush();
        Assert.Equal("450 4.7.1 Limit reached: 2 messages a day from 192.0.2.10; possible again at 2026-03-15 12:00 UTC", await SendAsync(house, "x@example.net", Honest));
        Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest, "192.0.2.11"), StringComparison.Ordinal);
        Assert.StartsWith("450 4.7.1 Limit reached: 3 messages a day from 192.0.2.0/24", await SendAsync(house, "x@example.net", Honest, "192.0.2.12"), StringComparison.Ordinal);
        _clock.Advance(TimeSpan.FromHours(25));
        Assert.StartsWith("250 ", await SendAsync(house, "x@example.net", Honest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Temporary_DNS_trouble_defers_and_after_hours_no_more()
    {
        await using var house = House();
        house.Zone.Fail("_dmarc.bank.example");
        Assert.StartsWith("451 4.4.3 DNS of bank.example does not answer", await SendAsync(house, "a@bank.example", Forged), StringComparison.Ordinal);
        _clock.Advance(TimeSpan.FromHours(5));
        Assert.StartsWith("250 ", await SendAsync(house, "a@bank.example", Forged), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("alice", "Junk"));
    }

    [Fact]
    public async Task Rejects_are_kept_for_two_weeks_and_no_longer_and_not_while_the_clock_is_wrong()
    {
        await using var house = House();
        Publish(house);
        await SendAsync(house, "a@bank.example", Forged);
        _clock.Advance(TimeSpan.FromDays(13));
        await SendAsync(house, "a@bank.example", Forged);
        _clock.Advance(TimeSpan.FromDays(2));
        await new RefusedMail(house.Data.Mail, static _ => null, _clock, static () => false, house.Log).TidyAsync();
        Assert.Equal([1u, 2u], Rejects(house, "alice").Uids(out _));
        await new RefusedMail(house.Data.Mail, static _ => null, _clock, static () => true, house.Log).TidyAsync();
        Assert.Equal([2u], Rejects(house, "alice").Uids(out _));
        // A share of the quota is all they may take; the oldest goes first.
        await SendAsync(house, "a@bank.example", Forged);
        var size = Rejects(house, "alice").Status().Bytes;
        await new RefusedMail(house.Data.Mail, _ => (size - 1) * 20, _clock, static () => false, house.Log).TidyAsync();
        Assert.Equal([3u], Rejects(house, "alice").Uids(out _));
    }

    [Fact]
    public async Task Explain_says_why_in_words()
    {
        await using var house = House();
        Publish(house);
        await SendAsync(house, "a@bank.example", Forged);
        var id = house.History.Find("a@bank.example")[0].Message.Value;
        var (client, server) = StreamPair.Create();
        using var end = new CancellationTokenSource();
        var session = new ControlSession(new ExplainCommand(house.History, house.Data.Mail).Table, "/", _clock, house.Log).RunAsync(server, 0, end.Token);
        await client.WriteAsync(Encoding.UTF8.GetBytes($"{{\"command\":\"explain\",\"id\":\"{id}\"}}\n"));
        var text = new StringBuilder();
        using var reader = new StreamReader(client);
        while (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10)) is { } line)
        {
            text.AppendLine(line);
            if (line.Contains("\"result\"", StringComparison.Ordinal))
                break;
        }
        await end.CancelAsync();
        await client.DisposeAsync();
        await session.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Contains("For alice: The domain in From asks everybody to refuse mail", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("It was refused for alice, and is kept in Rejects for two weeks.", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("This server refused the message of a@bank.example", text.ToString(), StringComparison.Ordinal);
    }
}
