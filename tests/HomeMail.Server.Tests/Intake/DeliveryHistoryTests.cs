using HomeMail.Server.Delivery;
using HomeMail.Server.Queue;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Queue;
using HomeMail.Server.Tests.Smtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>What <c>homemail log</c> can tell of a message that came by SMTP.</summary>
public class DeliveryHistoryTests
{
    private readonly FakeTimeProvider _clock = new(Letters.Noon);
    private readonly StubNetwork _network = new();

    private static async Task<string> SubmitAsync(TestHouse house, string header, params string[] recipients)
    {
        await using var client = new Client(house.Connect(SmtpRole.Submissions));
        await client.SecureAsync();
        await client.ReplyAsync();
        await client.AskAsync("EHLO c");
        Assert.StartsWith("235 ", await client.AskAsync("AUTH PLAIN AGFsaWNlAHNlY3JldA=="), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await client.AskAsync("MAIL FROM:<alice@example.org>"), StringComparison.Ordinal);
        foreach (var recipient in recipients)
            Assert.StartsWith("250 ", await client.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
        Assert.StartsWith("354 ", await client.AskAsync("DATA"), StringComparison.Ordinal);
        return (await client.AskAsync($"{header}\r\n\r\ntext\r\n."))!;
    }

    private static string[] Events(TestHouse house, string what) =>
        [.. house.History.Find(what).Select(e => $"{e.What} {e.Address} {e.Detail}".TrimEnd())];

    [Fact]
    public async Task From_acceptance_to_the_last_recipient()
    {
        await using var house = new TestHouse(clock: _clock);
        Assert.StartsWith("250 ", await SubmitAsync(house, "From: alice@example.org", "bob@example.org", "x@remote.example", "y@other.example"), StringComparison.Ordinal);
        var envelope = Assert.Single(house.Queued);
        var id = envelope.Id.Value;
        Assert.Equal("delivered bob@example.org bob/INBOX, UID 1", Assert.Single(Events(house, "bob@example.org")));
        var events = Events(house, id);
        Assert.Matches("^accepted alice@example\\.org [0-9]+ octets from [0-9a-f.:]+, account:alice$", events[0]);
        Assert.Equal(["delivered bob@example.org bob/INBOX, UID 1", "queued x@remote.example", "queued y@other.example"], events[1..]);

        var store = new SpoolQueueStore(house.Data.Spool);
        var dsn = new DsnSender(house.Intake, store, new DsnComposer("mail.example.org", _clock), _clock, house.Log) { History = house.History };
        using var end = new CancellationTokenSource();
        await using var runner = new QueueRunner(store, _network, new Routes([]), dsn, new QueueOptions(), new Random(1), _clock, house.Log) { History = house.History };
        _network.Answer = static to => to[0] == 'x' ? "450 4.2.0 later" : "550 5.1.1 nobody";
        runner.Add(envelope);
        var running = runner.RunAsync(end.Token);
        await QueueBench.Until(() => _network.Attempts.Count == 2 && runner.IsResting, "two attempts");
        Assert.Equal("deferred x@remote.example mx.example.net: 450 4.2.0 later", Events(house, "x@remote.example")[^1]);
        Assert.Equal("failed y@other.example mx.example.net: 550 5.1.1 nobody", Events(house, "y@other.example")[^1]);
        Assert.Contains("told alice@example.org Failure of y@other.example", Events(house, id));
        await runner.HoldAsync(envelope.Id);
        await runner.ReleaseAsync(envelope.Id);
        await QueueBench.Until(() => _network.Attempts.Count == 3 && runner.IsResting, "a third attempt");
        await runner.DropAsync(envelope.Id);
        Assert.Equal(["held", "released", "deferred x@remote.example mx.example.net: 450 4.2.0 later", "dropped"], Events(house, id)[^4..]);
        await end.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_message_that_is_refused_after_its_content_is_known_by_its_sender()
    {
        await using var house = new TestHouse(clock: _clock);
        var reply = await SubmitAsync(house, "From: bob@example.org", "bob@example.org");
        Assert.Equal($"refused alice@example.org {reply}", Assert.Single(Events(house, "alice@example.org")));
        Assert.Empty(Events(house, "bob@example.org"));
    }
}
