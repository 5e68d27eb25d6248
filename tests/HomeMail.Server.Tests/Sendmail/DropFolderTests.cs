using System.Text;
using HomeMail.Server.Control;
using HomeMail.Server.Sendmail;
using HomeMail.Storage.Files;
using Xunit;

namespace HomeMail.Server.Tests.Sendmail;

/// <summary>What was dropped while the server was down arrives once, from whose it was; what is no such file is nobody's.</summary>
public sealed class DropFolderTests : IAsyncDisposable
{
    private readonly SendmailBench _bench = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("homemail-drop-").FullName + "/drop";
    private readonly DropFolder _drop;
    private string? _user = "root";

    public DropFolderTests()
    {
        DroppedFile.MakeFolder(_folder);
        _drop = new DropFolder(_folder, _bench.Sessions, id => id == PeerCredentials.OwnUser ? _user : null, "pi-box", _bench.House.Intake, static () => "mail.example.org", _bench.House.Clock, _bench.House.Log);
    }

    public async ValueTask DisposeAsync()
    {
        await _bench.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(_folder)!, true);
    }

    private void Drop(LocalMail mail, string message) => DroppedFile.Put(_folder, file =>
    {
        mail.WriteTo(file);
        file.Write(Encoding.Latin1.GetBytes(message));
    });

    private Task<int> TakeAsync() => _drop.TakeAsync(TestContext.Current.CancellationToken);

    [Fact]
    public void Everybody_may_put_a_file_there_and_only_its_owner_sees_which()
    {
        Assert.Equal("1733", Convert.ToString((int)File.GetUnixFileMode(_folder), 8));
        Drop(SendmailBench.To("bob"), "x");
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(Assert.Single(Directory.GetFiles(_folder))), 8));
    }

    [Fact]
    public async Task A_message_arrives_once()
    {
        Drop(new LocalMail { FullName = "Cron Daemon", FromHeader = true, Recipients = { "root" } }, "To: bob@example.org\nBcc: aunt@example.net\nSubject: dropped\n\n.\nhi\n");
        Assert.Equal(1, await TakeAsync());
        Assert.Equal(0, await TakeAsync());
        Assert.Empty(Directory.GetFiles(_folder));
        var stored = Assert.Single(_bench.House.Mailbox("bob"));
        Assert.Contains("From: \"Cron Daemon\" <root@mail.example.org>\r\n", stored, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n.\r\nhi\r\n", stored, StringComparison.Ordinal);
        Assert.Single(_bench.House.Mailbox("alice"));
        Assert.Equal("local:root", Assert.Single(_bench.House.Queued).Principal);
    }

    [Fact]
    public async Task The_null_reverse_path_stays_one()
    {
        Drop(new LocalMail { Sender = "", Recipients = { "bob@example.org" } }, "Subject: x\n\nhi\n");
        Assert.Equal(1, await TakeAsync());
        Assert.StartsWith("Return-Path: <>\r\n", Assert.Single(_bench.House.Mailbox("bob")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("typo@example.org", null, "550 5.1.1")]
    [InlineData("bob@example.org", "bob@example.org", "550 5.7.1")]
    public async Task What_is_refused_comes_back(string recipient, string? sender, string reply)
    {
        Drop(new LocalMail { Sender = sender, Recipients = { recipient } }, "Subject: lost?\n\nno\n");
        Assert.Equal(0, await TakeAsync());
        Assert.Empty(Directory.GetFiles(_folder));
        Assert.Empty(_bench.House.Mailbox("bob"));
        var notice = Assert.Single(_bench.House.Mailbox("alice"));
        Assert.Contains(reply, notice, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String("Subject: lost?\r\n\r\nno\r\n"u8), notice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_taken_now_waits()
    {
        _bench.House.UsedBytes = static _ => long.MaxValue;
        _bench.House.With(
            [new Server.Intake.HostedDomain("example.org", "home")], [new Server.Intake.HostedAccount("bob", [Smtp.TestHouse.A("bob@example.org")], null, 1)]);
        Drop(SendmailBench.To("bob@example.org"), "Subject: x\n\nhi\n");
        Assert.Equal(0, await TakeAsync());
        Assert.Single(Directory.GetFiles(_folder));
        _bench.House.UsedBytes = static _ => 0;
        Assert.Equal(0, await TakeAsync()); // not at once
        Assert.Equal(1, await new DropFolder(_folder, _bench.Sessions, _ => "root", "", _bench.House.Intake, static () => "mail.example.org", _bench.House.Clock, _bench.House.Log)
            .TakeAsync(TestContext.Current.CancellationToken));
        Assert.Single(_bench.House.Mailbox("bob"));
    }

    [Fact]
    public async Task What_is_no_file_of_its_own_is_nobodys()
    {
        var secret = Path.GetDirectoryName(_folder) + "/secret";
        await File.WriteAllTextAsync(secret, "HomeMail-Drop: 1\nRecipient: bob@example.org\n\nsecret", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(_folder + "/link.mail", secret);
        using (var hard = System.Diagnostics.Process.Start("ln", [secret, _folder + "/hard.mail"]))
            await hard.WaitForExitAsync(TestContext.Current.CancellationToken);
        using (var pipe = System.Diagnostics.Process.Start("mkfifo", [_folder + "/pipe.mail"]))
            await pipe.WaitForExitAsync(TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder + "/garbage.mail", "hello", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder + "/unknown.mail", "HomeMail-Drop: 1\nRoot: yes\n\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder + "/half.mail", "HomeMail-Drop: 1\nRecipient: bob", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder + "/writing.part", "HomeMail-Drop: 1\n", TestContext.Current.CancellationToken);
        Assert.Equal(0, await TakeAsync());
        Assert.Equal("writing.part", Path.GetFileName(Assert.Single(Directory.GetFileSystemEntries(_folder))));
        Assert.True(File.Exists(secret));
        Assert.Empty(_bench.House.Mailbox("bob"));
        Assert.Empty(_bench.House.Mailbox("alice"));
    }

    [Fact]
    public async Task A_user_that_is_not_there_sends_nothing()
    {
        _user = null;
        Drop(SendmailBench.To("bob@example.org"), "Subject: x\n\nhi\n");
        Assert.Equal(0, await TakeAsync());
        Assert.Empty(_bench.House.Mailbox("bob"));
        Assert.Contains("drop-refused", _bench.House.LogText, StringComparison.Ordinal);
    }
}
