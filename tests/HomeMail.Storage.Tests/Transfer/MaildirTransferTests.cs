using System.Globalization;
using System.Text;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Transfer;

/// <summary>A Maildir goes in and comes out, on the real file system.</summary>
public sealed class MaildirTransferTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail-transfer").FullName;

    public void Dispose() => Directory.Delete(_root, true);

    private string Path(string name) => System.IO.Path.Combine(_root, name);

    private void Add(string maildir, string file, string text, int seconds)
    {
        var path = Path($"{maildir}/{file}");
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(path)!);
        foreach (var part in (string[])["cur", "new", "tmp"])
            Directory.CreateDirectory($"{folder}/{part}");
        File.WriteAllText(path, text);
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(seconds));
    }

    private async Task<MailImport> ImportAsync(string maildir, string mailbox = "INBOX", int most = int.MaxValue)
    {
        await using var data = DataFolder.Open(Path("data"), TimeProvider.System);
        await using var import = new MailImport(data, "alice", TimeProvider.System);
        var source = MaildirSource.Open(Path(maildir), mailbox);
        Assert.NotNull(source);
        var buffer = new byte[100];
        foreach (var name in source.Mailboxes)
            await import.MakeAsync(name);
        foreach (var message in source.Read().Take(most))
        {
            var stored = import.Begin();
            while (message.Read(buffer) is var read and > 0)
                stored.Append(buffer.AsSpan(0, read));
            await import.PutAsync(stored, message.Marks);
        }
        await import.FlushAsync();
        Assert.Empty(source.Problems);
        return import;
    }

    private async Task ExportAsync(string maildir)
    {
        await using var data = DataFolder.Open(Path("data"), TimeProvider.System);
        var target = new MaildirTarget(Path(maildir));
        foreach (var mailbox in data.Mail.Account("alice").Mailboxes())
        {
            using var folder = target.Open(mailbox.Name, mailbox.Status().UidValidity);
            foreach (var uid in mailbox.Uids(out _))
            {
                Assert.True(mailbox.TryGet(uid, out var info));
                var marks = new MessageMarks(mailbox.Name, info.Flags, mailbox.KeywordNames(info.Keywords), info.InternalDate);
                if (folder.Uids.Any(range => range.First <= uid && uid <= range.Last))
                {
                    folder.Update(uid, marks);
                    continue;
                }
                folder.Begin(uid);
                using var file = mailbox.OpenMessage(uid);
                var octets = new byte[file.Length];
                file.Read(octets, 0);
                foreach (var octet in octets)
                    folder.Append([octet]);
                folder.End(uid, marks);
            }
            folder.Finish();
        }
    }

    // Folder, text, flags with keywords by name, time.
    private SortedSet<string> Content(string maildir)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var root = Path(maildir);
        foreach (var path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            var part = System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(path)!);
            if (part is not ("cur" or "new"))
                continue;
            var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(path)!)!;
            var name = System.IO.Path.GetFileName(path);
            var flags = name.Contains(":2,", StringComparison.Ordinal) ? name[(name.IndexOf(":2,", StringComparison.Ordinal) + 3)..] : "";
            var list = folder + "/dovecot-keywords";
            var words = File.Exists(list) ? File.ReadAllLines(list).ToDictionary(line => (char)('a' + int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture)), line => line.Split(' ')[1]) : [];
            var marks = string.Join(' ', flags.Select(letter => words.GetValueOrDefault(letter, letter.ToString())).Order(StringComparer.Ordinal));
            found.Add($"{System.IO.Path.GetRelativePath(root, folder)}|{File.ReadAllText(path)}|{marks}|{new DateTimeOffset(File.GetLastWriteTimeUtc(path)).ToUnixTimeSeconds()}");
        }
        return found;
    }

    private void MakeMaildir()
    {
        Directory.CreateDirectory(Path("in/tmp"));
        Add("in", "tmp/9.torn", "torn", 9);
        Add("in", "cur/1000000001.a.host:2,S", "Subject: one\n\nbody\n", 1_000_000_001);
        Add("in", "cur/1000000003.c.host,S=20:2,FRSab", "Subject: three\n\n\rodd\r and 8-bit \u00e9\u00df\n\n", 1_000_000_003);
        Add("in", "new/1000000002.b.host", "Subject: two\n\nno end of line", 1_000_000_007);
        Add("in", ".Sent/cur/1000000004.d:2,DPST", "Subject: four\n\n", 1_000_000_004);
        Add("in", ".Old.Letters of 1999/cur/1000000005.e:2,", string.Concat(Enumerable.Repeat("line\n", 100_000)), 1_000_000_005);
        Add("in", ".Entw&APw-rfe/new/1000000006.f", "", 1_000_000_006);
        File.WriteAllText(Path("in/dovecot-keywords"), "0 $work\n1 holiday\n");
    }

    [Fact]
    public async Task What_goes_in_comes_out()
    {
        MakeMaildir();
        var import = await ImportAsync("in");
        Assert.Equal((6, 0), (import.Stored, import.Present));
        Assert.Equal("Subject: one\r\n\r\nbody\r\n", File.ReadAllText(Path("data/mail/alice/INBOX/1.eml")));
        Assert.Equal("Subject: two\r\n\r\nno end of line", File.ReadAllText(Path("data/mail/alice/INBOX/2.eml")));

        await ExportAsync("out");
        Assert.Equal(Content("in"), Content("out"));
        Assert.True(Directory.Exists(Path("out/.Old.Letters of 1999/tmp")));

        // Nothing is there twice, and flags are brought up to date.
        await using (var data = DataFolder.Open(Path("data"), TimeProvider.System))
            await data.Mail.Account("alice").Find("INBOX")!.StoreAsync(new FlagRequest { Uids = [new UidRange(1, 1)], Operation = FlagOperation.Replace, Flags = MessageFlags.Draft, Keywords = ["$new"] });
        var files = Directory.GetFiles(Path("out"), "*", SearchOption.AllDirectories).Length;
        await ExportAsync("out");
        Assert.Equal(files, Directory.GetFiles(Path("out"), "*", SearchOption.AllDirectories).Length);
        Assert.Contains(Content("out"), line => line.StartsWith(".|Subject: one", StringComparison.Ordinal) && line.Contains("|$new D|", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_import_that_broke_off_is_begun_anew()
    {
        MakeMaildir();
        Add("in", "cur/1000000003.twin:2,S", "Subject: three\n\n\rodd\r and 8-bit \u00e9\u00df\n\n", 1_000_000_003);
        Assert.Equal(3, (await ImportAsync("in", most: 3)).Stored);
        var second = await ImportAsync("in");
        Assert.Equal((4, 3), (second.Stored, second.Present));
        var third = await ImportAsync("in");
        Assert.Equal((0, 7), (third.Stored, third.Present));

        // The same octets at another time are another message.
        File.SetLastWriteTimeUtc(Path("in/cur/1000000001.a.host:2,S"), DateTime.UnixEpoch.AddSeconds(1_000_000_111));
        Assert.Equal(1, (await ImportAsync("in")).Stored);
    }

    [Fact]
    public async Task Flags_that_a_power_cut_took_come_back()
    {
        MakeMaildir();
        await ImportAsync("in");
        await using (var data = DataFolder.Open(Path("data"), TimeProvider.System))
            await data.Mail.Account("alice").Find("INBOX")!.StoreAsync(new FlagRequest { Uids = [new UidRange(1, uint.MaxValue)], Operation = FlagOperation.Replace });
        Assert.Equal(6, (await ImportAsync("in")).Present);
        await ExportAsync("out");
        Assert.Equal(Content("in"), Content("out"));
    }

    [Fact]
    public async Task Folders_in_folders_and_another_mailbox()
    {
        Add("in", "INBOX/cur/1.a:2,S", "a\n", 11);
        Add("in", "Lists/cur/2.b:2,", "b\n", 12);
        Add("in", "Lists/Birds/new/3.c", "c\n", 13);
        Directory.CreateDirectory(Path("in/Empty/cur"));
        Assert.Equal(["Empty", "INBOX", "Lists", "Lists/Birds"], MaildirSource.Open(Path("in"))!.Mailboxes);
        Assert.Equal(["Old/Empty", "Old/INBOX", "Old/Lists", "Old/Lists/Birds"], MaildirSource.Open(Path("in") + "/", "Old")!.Mailboxes);
        await ImportAsync("in");
        await using var data = DataFolder.Open(Path("data"), TimeProvider.System);
        Assert.Equal(["Empty", "Lists", "Lists/Birds"], data.Mail.Account("alice").Subscriptions());
        Assert.Equal(1, data.Mail.Account("alice").Find("Lists/Birds")!.Status().Messages);
    }

    [Fact]
    public void A_folder_without_mail_is_no_Maildir()
    {
        Directory.CreateDirectory(Path("in/photos"));
        Assert.Null(MaildirSource.Open(Path("in")));
    }

    [Fact]
    public async Task A_message_that_was_cut_short_is_written_again()
    {
        Add("in", "cur/1.a:2,S", "whole\n", 11);
        await ImportAsync("in");
        await ExportAsync("out");
        var file = Directory.GetFiles(Path("out/cur")).Single();
        File.WriteAllText(file, "");
        await ExportAsync("out");
        Assert.Equal("whole\n", File.ReadAllText(file));
    }

    [Fact]
    public async Task Keywords_beyond_the_alphabet_are_counted()
    {
        await using (var data = DataFolder.Open(Path("data"), TimeProvider.System))
        {
            using var message = data.Spool.Begin(MessageId.New(TimeProvider.System));
            message.Append("x\r\n"u8);
            var keywords = Enumerable.Range(0, 30).Select(number => $"k{number}").ToArray();
            Assert.True((await data.Spool.CommitAsync(new CommitRequest { Message = message, Local = [new LocalDelivery("alice", "INBOX") { Keywords = keywords }] })).IsCommitted);
            var mailbox = data.Mail.Account("alice").Find("INBOX")!;
            using var folder = new MaildirTarget(Path("out")).Open("INBOX", 1);
            Assert.True(mailbox.TryGet(1, out var info));
            folder.Begin(1);
            folder.Append("x\r\n"u8);
            folder.End(1, new MessageMarks("INBOX", info.Flags, mailbox.KeywordNames(info.Keywords), info.InternalDate));
            Assert.Equal(4, folder.KeywordsLost);
        }
        Assert.EndsWith(":2,abcdefghijklmnopqrstuvwxyz", Directory.GetFiles(Path("out/cur")).Single(), StringComparison.Ordinal);
        Assert.Equal(26, Encoding.UTF8.GetString(File.ReadAllBytes(Path("out/dovecot-keywords"))).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }
}
