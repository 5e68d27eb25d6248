using HomeMail.Server.Delivery;
using HomeMail.Server.Intake;
using HomeMail.Server.Queue;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Queue;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

public class HeldMailTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 14, 9, 26, 53, TimeSpan.Zero));
    private readonly StubNetwork _network = new();

    private async Task<Envelope> SubmitAsync(TestHouse house, string mail, params string[] recipients)
    {
        await using var client = new Client(house.Connect(SmtpRole.Submissions));
        await client.SecureAsync();
        await client.ReplyAsync();
        await client.AskAsync("EHLO c");
        Assert.StartsWith("235 ", await client.AskAsync("AUTH PLAIN AGFsaWNlAHNlY3JldA=="));
        Assert.StartsWith("250 ", await client.AskAsync(mail));
        foreach (var recipient in recipients)
            Assert.StartsWith("250 ", await client.AskAsync(recipient));
        Assert.StartsWith("354 ", await client.AskAsync("DATA"));
        Assert.StartsWith("250 ", await client.AskAsync("From: alice@example.org\r\nSubject: later\r\n\r\ntext\r\n."));
        return Assert.Single(house.Queued);
    }

    private QueueRunner Runner(TestHouse house)
    {
        var store = new SpoolQueueStore(house.Data.Spool);
        var dsn = new DsnSender(house.Intake, store, new DsnComposer("mail.example.org", _clock), _clock, house.Log);
        return new QueueRunner(
            store, new HeldMail(_network, house.Data.Spool, () => house.Names, house.Log), new Routes([]), dsn, new QueueOptions(), new Random(1), _clock, house.Log);
    }

    [Fact]
    public async Task What_is_held_for_an_account_here_comes_when_it_is_due_and_goes_outside_then_too()
    {
        await using var house = new TestHouse(clock: _clock);
        using var end = new CancellationTokenSource();
        var envelope = await SubmitAsync(house, "MAIL FROM:<alice@example.org> HOLDFOR=3600", "RCPT TO:<family@example.org>", "RCPT TO:<a.smith@example.org>", "RCPT TO:<x@remote.example>");
        Assert.Equal(["alice@example.org", "bob@example.org", "aunt@example.net", "x@remote.example"], envelope.Recipients.Select(r => r.Address.ToString()));
        await using var runner = Runner(house);
        runner.Add(envelope);
        var running = runner.RunAsync(end.Token);
        await QueueBench.Until(() => runner.IsResting, "rest");
        _clock.Advance(TimeSpan.FromMinutes(59));
        await QueueBench.Until(() => runner.IsResting, "rest");
        Assert.Empty(house.Mailbox("bob"));
        Assert.Empty(_network.Attempts);
        _clock.Advance(TimeSpan.FromMinutes(2));
        await QueueBench.Until(() => runner.Count == 0, "an empty queue");
        Assert.EndsWith("\r\n\r\ntext\r\n", Assert.Single(house.Mailbox("bob")));
        Assert.Single(house.Mailbox("alice"));
        Assert.Equal(["aunt@example.net", "x@remote.example"], _network.Attempts.SelectMany(a => a.Recipients).Order());
        Assert.Contains("delivered id=" + envelope.Id + " account=bob mailbox=INBOX uid=1 ", house.LogText);
        await end.CancelAsync();
        await running;
    }

    [Fact]
    public async Task It_survives_a_restart_and_who_asked_is_told()
    {
        await using var house = new TestHouse(clock: _clock);
        using var end = new CancellationTokenSource();
        await SubmitAsync(house, "MAIL FROM:<alice@example.org> HOLDFOR=60", "RCPT TO:<bob@example.org> NOTIFY=SUCCESS");
        await using var runner = Runner(house);
        // Nothing but the file is left of it.
        runner.Recover();
        var running = runner.RunAsync(end.Token);
        _clock.Advance(TimeSpan.FromSeconds(61));
        await QueueBench.Until(() => runner.Count == 0, "an empty queue");
        Assert.Single(house.Mailbox("bob"));
        Assert.Contains("Action: delivered", Assert.Single(house.Mailbox("alice")));
        await end.CancelAsync();
        await running;
    }

    [Fact]
    public async Task An_account_that_is_gone_by_then_makes_a_DSN()
    {
        await using var house = new TestHouse(clock: _clock);
        using var end = new CancellationTokenSource();
        await SubmitAsync(house, "MAIL FROM:<alice@example.org> HOLDFOR=60", "RCPT TO:<bob@example.org>");
        var store = new SpoolQueueStore(house.Data.Spool);
        var dsn = new DsnSender(house.Intake, store, new DsnComposer("mail.example.org", _clock), _clock, house.Log);
        var names = new HostedNames("mail.example.org", house.Names.Domains, [house.Names.Accounts[0]], [], "a secret"u8);
        await using var runner = new QueueRunner(
            store, new HeldMail(_network, house.Data.Spool, () => names, house.Log), new Routes([]), dsn, new QueueOptions(), new Random(1), _clock, house.Log);
        runner.Recover();
        var running = runner.RunAsync(end.Token);
        _clock.Advance(TimeSpan.FromSeconds(61));
        await QueueBench.Until(() => runner.Count == 0, "an empty queue");
        Assert.Empty(house.Mailbox("bob"));
        Assert.Contains("Status: 5.1.1", Assert.Single(house.Mailbox("alice")));
        await end.CancelAsync();
        await running;
    }
}
