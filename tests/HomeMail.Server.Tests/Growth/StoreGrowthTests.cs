using System.Text;
using HomeMail.Server.Intake;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Imap;
using HomeMail.Server.Tests.Intake;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Growth;

/// <summary>What a large mailbox, many mailboxes and a long history cost: counts of steps and of what is kept, never time.</summary>
public sealed class StoreGrowthTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("homemail-growth-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_path, true);

    [Fact]
    public async Task A_delivery_takes_the_same_steps_into_a_small_and_a_large_mailbox()
    {
        var small = await StepsAsync("small", 10);
        var large = await StepsAsync("large", 10_000);
        Assert.Equal(small, large);
    }

    [Fact]
    public async Task Rejects_are_not_read_again_and_again()
    {
        var files = new CountingFiles();
        await using var data = DataFolder.Open(_path, _clock, files: files);
        data.Spool.Recover();
        for (var i = 0; i < 20; i++)
            await DeliverAsync(data, new LocalDelivery($"u{i}", "Rejects") { Use = SpecialUse.Rejects });
        var refused = new RefusedMail(data.Mail, static _ => null, _clock, static () => true, new Log(TextWriter.Null, _clock, LogLevel.Info));
        await refused.TidyAsync();
        await data.Mail.TrimAsync(TimeSpan.Zero);
        // Minutes go by: nothing is due, nothing is opened, and so the mailboxes stay out of memory.
        var before = files.Opened;
        for (var minute = 0; minute < 10; minute++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            await refused.TidyAsync();
        }
        Assert.Equal(before, files.Opened);
        for (var day = 0; day < 15; day++)
        {
            _clock.Advance(TimeSpan.FromDays(1));
            await refused.TidyAsync();
        }
        Assert.Equal(0, data.Mail.Account("u7").FindUse(SpecialUse.Rejects)!.Status().Messages);
    }

    [Fact]
    public void Of_a_busy_address_the_latest_events_are_told()
    {
        var history = new DeliveryHistory(_path + "/history", _clock);
        for (var i = 0; i < 5000; i++)
        {
            history.Add(MessageId.New(_clock), "busy@example.net", "delivered", $"{i}");
            if (i % 1500 == 0)
            {
                history.Flush();
                _clock.Advance(TimeSpan.FromHours(13));
            }
        }
        history.Flush();
        Assert.Equal(Enumerable.Range(4300, 700).Select(i => $"{i}"), history.Find("busy@example.net", 700).Select(e => e.Detail!));
        Assert.Equal(5000, history.Find("busy@example.net", 10_000).Count);
    }

    [Fact]
    public void A_history_of_one_day_keeps_to_its_size_too()
    {
        var history = new DeliveryHistory(_path + "/history", _clock, bytes: 200_000);
        for (var i = 0; i < 20_000; i++)
        {
            history.Add(MessageId.New(_clock), $"someone{i}@example.net", "delivered", "250 2.0.0 taken by the next host");
            if (i % 100 == 99)
                Assert.True(history.Flush());
        }
        Assert.InRange(Directory.GetFiles(_path + "/history").Sum(file => new FileInfo(file).Length), 100_000, 200_000);
        Assert.Single(history.Find("someone19999@example.net"));
        Assert.Single(history.Find("someone19100@example.net"));
        Assert.Empty(history.Find("someone0@example.net"));
        Assert.Equal(history.CountToday()["delivered"], Directory.GetFiles(_path + "/history").Sum(file => File.ReadAllLines(file).Length));
    }

    [Fact]
    public async Task Transactions_for_which_there_is_no_room_are_put_off()
    {
        await using var house = new TestHouse();
        // Room for two: a quarter of it.
        house.Options = house.Options with { Memory = new MemoryBudget(4 * 24 * 1024, static () => 0) };
        var clients = new List<Client>();
        for (var i = 0; i < 3; i++)
        {
            clients.Add(new Client(house.Connect(peer: $"192.0.2.{i + 1}")));
            await clients[i].ReplyAsync();
            await clients[i].AskAsync("EHLO c");
        }
        Assert.StartsWith("250 ", await clients[0].AskAsync("MAIL FROM:<x@remote.example>"));
        Assert.StartsWith("250 ", await clients[1].AskAsync("MAIL FROM:<x@remote.example>"));
        Assert.StartsWith("452 4.3.1", await clients[2].AskAsync("MAIL FROM:<x@remote.example>"));
        Assert.StartsWith("250 ", await clients[1].AskAsync("RSET"));
        Assert.StartsWith("250 ", await clients[2].AskAsync("MAIL FROM:<x@remote.example>"));
        Assert.StartsWith("452 4.3.1", await clients[1].AskAsync("MAIL FROM:<x@remote.example>"));
        await clients[0].DisposeAsync();
        await Until(async () => (await clients[1].AskAsync("MAIL FROM:<x@remote.example>"))!.StartsWith("250 ", StringComparison.Ordinal));
        await clients[1].DisposeAsync();
        await clients[2].DisposeAsync();
    }

    [Fact]
    public async Task Views_of_mailboxes_for_which_there_is_no_room_are_refused()
    {
        await using var house = new ImapHouse();
        var cancel = TestContext.Current.CancellationToken;
        // Three messages are twelve octets; there is room for two sessions' view.
        house.Options = house.Options with { Memory = new MemoryBudget(4 * 24, static () => 0, static () => { }) };
        for (var i = 0; i < 3; i++)
            await house.DeliverAsync("alice", "INBOX", $"Subject: {i}\r\n\r\nx\r\n");
        using var first = await ImapMailKitTests.ConnectAsync(house, "alice");
        using var second = await ImapMailKitTests.ConnectAsync(house, "alice");
        using var third = await ImapMailKitTests.ConnectAsync(house, "alice");
        await first.Inbox!.OpenAsync(MailKit.FolderAccess.ReadOnly, cancel);
        await second.Inbox!.OpenAsync(MailKit.FolderAccess.ReadOnly, cancel);
        await Assert.ThrowsAsync<MailKit.Net.Imap.ImapCommandException>(() => third.Inbox!.OpenAsync(MailKit.FolderAccess.ReadOnly, cancel));
        await first.Inbox.CloseAsync(false, cancel);
        await third.Inbox!.OpenAsync(MailKit.FolderAccess.ReadOnly, cancel);
        await second.Inbox.OpenAsync(MailKit.FolderAccess.ReadOnly, cancel);
    }

    private static async Task Until(Func<Task<bool>> condition)
    {
        var end = Environment.TickCount64 + 20_000;
        while (!await condition())
            Assert.True(Environment.TickCount64 < end, "waited in vain");
    }

    private async Task<int> StepsAsync(string account, int messages)
    {
        var files = new CountingFiles();
        await using (var first = DataFolder.Open(_path + "/" + account, _clock))
        {
            first.Spool.Recover();
            await DeliverAsync(first, new LocalDelivery(account, LocalDelivery.Inbox));
        }
        var inbox = Path.Combine(_path, account, "mail", account, "INBOX");
        for (var uid = 2; uid <= messages; uid++)
            RealFileSystem.Instance.Link($"{inbox}/1.eml", $"{inbox}/{uid}.eml");
        await using var data = DataFolder.Open(_path + "/" + account, _clock, files: files);
        data.Spool.Recover();
        Assert.Equal(messages, data.Mail.Account(account).Find("INBOX")!.Status().Messages);
        await DeliverAsync(data, new LocalDelivery(account, LocalDelivery.Inbox));
        var before = files.Steps;
        for (var i = 0; i < 20; i++)
            await DeliverAsync(data, new LocalDelivery(account, LocalDelivery.Inbox));
        return files.Steps - before;
    }

    private static async Task DeliverAsync(DataFolder data, LocalDelivery delivery)
    {
        using var message = data.Spool.Begin(MessageId.New(TimeProvider.System));
        message.Append("body\r\n"u8);
        Assert.True((await data.Spool.CommitAsync(new CommitRequest { Message = message, Header = Encoding.ASCII.GetBytes("Subject: x\r\n\r\n"), Local = [delivery] })).IsCommitted);
    }
}
