using System.Globalization;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests;

/// <summary>
/// What a flash card has to bear: octets written for a message of 4 kB and for one flag, as the kernel counts them for this process
/// (<c>write_bytes</c>, whole pages) and, beside it, for the device with its own journal and whatever else runs.
/// </summary>
[Collection(nameof(Alone))]
public sealed class FlashTests(ITestOutputHelper output) : IAsyncDisposable
{
    private const int MessageSize = 4096;
    private const int Rounds = 200;

    // Beside the program, since a temporary folder may be in memory, where nothing is ever written.
    private readonly string _path = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "flash-" + Guid.NewGuid().ToString("N"))).FullName;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_path, true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Octets_written_for_a_message_and_for_a_flag()
    {
        await using var data = DataFolder.Open(_path, TimeProvider.System);
        data.Spool.Recover();
        await AcceptAsync(data, 1, false);

        var one = await MeasureAsync("one mailbox", async () => await AcceptAsync(data, 1, false));
        var five = await MeasureAsync("five mailboxes", async () => await AcceptAsync(data, 5, false));
        var sent = await MeasureAsync("queued and sent", async () =>
        {
            var envelope = (await AcceptAsync(data, 0, true))!;
            envelope.Recipients[0].Status = RecipientStatus.Delivered;
            await data.Spool.CloseAsync(envelope);
        });
        var inbox = data.Mail.Account("user1").Find("INBOX")!;
        var seen = false;
        var flag = await MeasureAsync("one flag change", async () =>
        {
            seen = !seen;
            await inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(1, 1)], Operation = seen ? FlagOperation.Add : FlagOperation.Remove, Flags = MessageFlags.Seen });
        });

        if (one == 0)
            Assert.Skip("this file system does not count what is written");
        Assert.True(one <= 3 * MessageSize, $"{one} octets for a message to one mailbox; 3 times its size at most");
        Assert.True(five < 2 * one + 5 * MessageSize, $"{five} octets for five mailboxes: the body must be there once");
        Assert.True(sent <= 6 * MessageSize, $"{sent} octets for a message that is sent");
        Assert.True(flag <= 2 * MessageSize, $"{flag} octets for a flag");
    }

    private async Task<long> MeasureAsync(string name, Func<Task> act)
    {
        var (own, device) = (Own(), Device());
        for (var i = 0; i < Rounds; i++)
            await act();
        own = (Own() - own) / Rounds;
        device = device < 0 ? device : (Device() - device) / Rounds;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"flash: {name,-16} {own,7} octets by this process, {own / (double)MessageSize:0.0} x 4 kB; {device,7} on the device"));
        return own;
    }

    private static async Task<Envelope?> AcceptAsync(DataFolder data, int mailboxes, bool queue)
    {
        var id = MessageId.New(TimeProvider.System);
        using var message = data.Spool.Begin(id);
        var header = Encoding.ASCII.GetBytes("From: a@example.org\r\nTo: b@example.org\r\nSubject: measured\r\n\r\n");
        message.Append(Encoding.ASCII.GetBytes(new string('x', MessageSize - header.Length - 2) + "\r\n"));
        var envelope = !queue ? null : new Envelope
        {
            Id = id,
            Arrived = DateTimeOffset.UtcNow,
            Principal = "account:a",
            Recipients = [new EnvelopeRecipient { Address = new Address("x", "remote.example"), NextAttempt = DateTimeOffset.UtcNow }],
        };
        var result = await data.Spool.CommitAsync(new CommitRequest
        {
            Message = message,
            Header = header,
            Local = [.. Enumerable.Range(1, mailboxes).Select(i => new LocalDelivery("user" + i, LocalDelivery.Inbox))],
            Envelope = envelope,
        });
        Assert.True(result.IsCommitted, result.Detail);
        return envelope;
    }

    private static long Own() => long.Parse(
        File.ReadLines("/proc/self/io").Single(line => line.StartsWith("write_bytes:", StringComparison.Ordinal))[12..], CultureInfo.InvariantCulture);

    // The tenth column of diskstats is sectors written, of 512 octets each; the busiest device is taken for ours.
    private static long Device()
    {
        if (!File.Exists("/proc/diskstats"))
            return -1;
        return File.ReadLines("/proc/diskstats").Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Max(columns => long.Parse(columns[9], CultureInfo.InvariantCulture)) * 512;
    }
}
