using System.Diagnostics;
using System.Text;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

/// <summary>A mailbox of 100,000 messages, on the real file system: what it costs to open is printed, what it costs to keep is held.</summary>
[Collection(nameof(Alone))]
public sealed class LargeMailboxTests(ITestOutputHelper output) : IDisposable
{
    private const int Messages = 100_000;
    private const int MostBytesEach = 64;

    private readonly string _path = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "large-" + Guid.NewGuid().ToString("N"))).FullName;

    public void Dispose() => Directory.Delete(_path, true);

    [Fact]
    public async Task A_hundred_thousand_messages()
    {
        await using (var data = DataFolder.Open(_path, TimeProvider.System))
        {
            data.Spool.Recover();
            using var message = data.Spool.Begin(MessageId.New(TimeProvider.System));
            message.Append("body\r\n"u8);
            Assert.True((await data.Spool.CommitAsync(new CommitRequest
            {
                Message = message,
                Header = Encoding.ASCII.GetBytes("Subject: x\r\n\r\n"),
                Local = [new LocalDelivery("alice", LocalDelivery.Inbox)],
            })).IsCommitted);
        }
        // As if the journal had lost them all: links that no record knows are taken up. A file bears some 65,000 links on ext4, so there are two.
        var inbox = Path.Combine(_path, "mail", "alice", "INBOX");
        File.Copy(Path.Combine(inbox, "1.eml"), Path.Combine(inbox, "2.eml"));
        for (var uid = 3; uid <= Messages; uid++)
            RealFileSystem.Instance.Link($"{inbox}/{1 + uid % 2}.eml", $"{inbox}/{uid}.eml");

        var rebuilt = await OpenAsync();
        var opened = await OpenAsync();
        output.WriteLine($"large mailbox: {Messages} messages rebuilt in {rebuilt.Time.TotalMilliseconds:0} ms, opened in {opened.Time.TotalMilliseconds:0} ms, {opened.Bytes / Messages} octets of memory each");
        Assert.InRange(opened.Bytes / Messages, 1, MostBytesEach);
    }

    private async Task<(TimeSpan Time, long Bytes)> OpenAsync()
    {
        await using var data = DataFolder.Open(_path, TimeProvider.System);
        data.Spool.Recover();
        var before = GC.GetTotalMemory(true);
        var watch = Stopwatch.StartNew();
        var mailbox = data.Mail.Account("alice").Find("INBOX")!;
        Assert.True(mailbox.TryGet(Messages, out _));
        watch.Stop();
        Assert.Equal(Messages, mailbox.Status().Messages);
        var bytes = GC.GetTotalMemory(true) - before;
        GC.KeepAlive(mailbox);
        return (watch.Elapsed, bytes);
    }
}
