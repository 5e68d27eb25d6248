using System.Text;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Transfer;

public sealed class FolderBackupTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail-backup").FullName;

    private string Data => _root + "/data";

    private string Target => _root + "/backup";

    public void Dispose() => Directory.Delete(_root, true);

    private static async Task DeliverAsync(DataFolder data, string mailbox, string text, bool queue = false)
    {
        using var message = data.Spool.Begin(MessageId.New(TimeProvider.System));
        message.Append(Encoding.UTF8.GetBytes(text));
        var envelope = queue ? Crash.CrashLab.NewEnvelope(message.Id) : null;
        var local = queue ? [] : (LocalDelivery[])[new LocalDelivery("alice", mailbox) { Flags = MessageFlags.Flagged }];
        Assert.True((await data.Spool.CommitAsync(new CommitRequest { Message = message, Local = local, Envelope = envelope })).IsCommitted);
    }

    private static List<string> Texts(DataFolder data, string mailbox) =>
        [.. Crash.Witness.Messages(data.Mail.Account("alice").Find(mailbox)!).Select(message => message.Content)];

    [Fact]
    public async Task What_happens_between_the_passes_is_in_it()
    {
        await using var data = DataFolder.Open(Data, TimeProvider.System);
        File.WriteAllText(Data + "/secret", "s");
        File.SetUnixFileMode(Data + "/secret", UnixFileMode.UserRead);
        await DeliverAsync(data, "INBOX", "one");
        await DeliverAsync(data, "INBOX", "two");
        await DeliverAsync(data, "INBOX", "queued", queue: true);
        var backup = new FolderBackup(Data, Target);
        backup.Begin();
        Assert.StartsWith("incomplete", File.ReadAllText(Target + "/" + FolderBackup.MarkName), StringComparison.Ordinal);
        backup.TakeMessages(_ => { }, TestContext.Current.CancellationToken);

        var account = data.Mail.Account("alice");
        await account.Find("INBOX")!.MoveAsync([new UidRange(1, 1)], await account.CreateAsync("Old/Deep"));
        await DeliverAsync(data, "INBOX", "three");
        await using (var pause = await data.PauseAsync(TimeSpan.FromMinutes(1)))
        {
            var late = DeliverAsync(data, "INBOX", "four");
            backup.TakeRest(TestContext.Current.CancellationToken);
            Assert.False(late.IsCompleted);
            Assert.True(await pause.EndAsync());
            await late;
        }
        backup.Complete(TimeProvider.System.GetUtcNow());
        Assert.StartsWith("complete: 2", File.ReadAllText(Target + "/" + FolderBackup.MarkName), StringComparison.Ordinal);
        Assert.Equal(4, backup.Messages);
        Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(Target + "/secret"));

        // Put back, and used.
        await using var restored = DataFolder.Open(Target, TimeProvider.System);
        Assert.Single(restored.Spool.Recover());
        Assert.Equal(["two", "three"], Texts(restored, "INBOX"));
        Assert.Equal(["one"], Texts(restored, "Old/Deep"));
        Assert.True(restored.Mail.Account("alice").Find("INBOX")!.TryGet(2, out var info));
        Assert.Equal(MessageFlags.Flagged, info.Flags);

        // A UID that was given out since does not come to mean another message.
        await DeliverAsync(restored, "INBOX", "five");
        Assert.True(restored.Mail.Account("alice").Find("INBOX")!.Status().UidNext > 1_000_000);
        Assert.Equal(account.Find("INBOX")!.Status().UidValidity, restored.Mail.Account("alice").Find("INBOX")!.Status().UidValidity);
    }

    [Fact]
    public async Task A_second_one_takes_what_is_new_and_drops_what_is_gone()
    {
        await using var data = DataFolder.Open(Data, TimeProvider.System);
        await DeliverAsync(data, "INBOX", "one");
        await DeliverAsync(data, "INBOX", "two");
        await DeliverAsync(data, "Gone", "three");
        var first = Take();
        Assert.Equal(3, first.Linked);
        await data.Mail.Account("alice").DeleteAsync("Gone");
        await data.Mail.Account("alice").Find("INBOX")!.ExpungeAsync([new UidRange(1, 1)], onlyDeleted: false);
        await DeliverAsync(data, "INBOX", "four");
        var second = Take();
        Assert.Equal((1, 2), (second.Linked, second.Messages));
        Assert.Equal(["2.eml", "3.eml"], Directory.GetFiles(Target + "/mail/alice/INBOX", "*.eml").Select(Path.GetFileName).Order());
        Assert.False(Directory.Exists(Target + "/mail/alice/Gone"));

        FolderBackup Take()
        {
            var backup = new FolderBackup(Data, Target);
            backup.Begin();
            backup.TakeMessages(_ => { }, CancellationToken.None);
            backup.TakeRest(CancellationToken.None);
            backup.Complete(TimeProvider.System.GetUtcNow());
            return backup;
        }
    }

    [Fact]
    public async Task A_link_to_a_larger_disk_is_followed()
    {
        await using (var data = DataFolder.Open(Data, TimeProvider.System))
            await DeliverAsync(data, "INBOX", "one");
        Directory.Move(Data, _root + "/disk");
        Directory.CreateSymbolicLink(Data, _root + "/disk");
        Directory.CreateDirectory(_root + "/elsewhere");
        File.WriteAllText(_root + "/elsewhere/photo", "");
        for (var round = 0; round < 2; round++)
        {
            var backup = new FolderBackup(Data, Target);
            backup.Begin();
            backup.TakeMessages(_ => { }, CancellationToken.None);
            backup.TakeRest(CancellationToken.None);
            Assert.Equal(1, backup.Messages);
            Assert.True(File.Exists(Target + "/mail/alice/INBOX/1.eml"));
            // A link that somebody has put into the copy goes; what it leads to stays.
            Assert.False(File.Exists(Target + "/link"));
            Assert.True(File.Exists(_root + "/elsewhere/photo"));
            Directory.CreateSymbolicLink(Target + "/link", _root + "/elsewhere");
        }
        Assert.Equal(DataFolder.OwnerOf(_root + "/disk"), DataFolder.OwnerOf(Data));
    }

    [Fact]
    public void Nothing_else_is_overwritten()
    {
        Directory.CreateDirectory(Data + "/mail");
        Directory.CreateDirectory(Target);
        File.WriteAllText(Target + "/photo", "");
        Assert.Throws<IOException>(() => new FolderBackup(Data, Target).Begin());
        Assert.Throws<IOException>(() => new FolderBackup(Data, Data + "/backup").Begin());
        Assert.Throws<IOException>(() => new FolderBackup(Data, _root).Begin());
        Assert.Equal(["photo"], Directory.GetFileSystemEntries(Target).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_pause_that_nobody_ends_ends_by_itself()
    {
        await using var data = DataFolder.Open(Data, TimeProvider.System);
        await using var pause = await data.PauseAsync(TimeSpan.FromMilliseconds(1));
        await DeliverAsync(data, "INBOX", "one");
        Assert.False(await pause.EndAsync());
    }
}
