using HomeMail.Server.Sendmail;
using Xunit;

namespace HomeMail.Server.Tests.Sendmail;

/// <summary>What users of this machine may send and to whom, and what becomes of what they write.</summary>
public sealed class LocalDialogueTests
{
    [Fact]
    public async Task Crons_mail_comes_to_whoever_keeps_the_machine()
    {
        await using var bench = new SendmailBench();
        const string message = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@pi-box> run-parts\nContent-Type: text/plain\n\n.\n..two\nlast";
        var outcome = await bench.SendAsync("root", new LocalMail { FullName = "CronDaemon", Recipients = { "root" } }, message);
        Assert.True(outcome.IsTaken, outcome.Reply);
        var stored = Assert.Single(bench.House.Mailbox("alice"));
        Assert.StartsWith("Return-Path: <root@mail.example.org>\r\nReceived: from localhost (a user of this machine)\r\n\tby mail.example.org (HomeMail) id ", stored, StringComparison.Ordinal);
        Assert.Contains("\r\nFrom: root@mail.example.org (Cron Daemon)\r\nTo: root@mail.example.org\r\n", stored, StringComparison.Ordinal);
        Assert.Contains("\r\nMessage-ID: ", stored, StringComparison.Ordinal);
        Assert.Contains("\r\nDate: ", stored, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n.\r\n..two\r\nlast\r\n", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("auth=", stored, StringComparison.Ordinal);
    }

    [Theory]
    // user, -f, From, whether it may
    [InlineData("root", null, null, true)]
    [InlineData("root", "root", "root", true)]
    [InlineData("root", "root@localhost", "root@pi-box", true)]
    [InlineData("root", "root+x@mail.example.org", null, true)]
    [InlineData("root", "", null, true)]
    [InlineData("pi", "alice@example.org", "Alice <alice@example.org>", true)]
    [InlineData("pi", "a.smith@example.org", "pi", true)]
    [InlineData("root", "alice@example.org", null, false)]
    [InlineData("root", null, "alice@example.org", false)]
    [InlineData("www", null, "root", false)]
    [InlineData("www", "root", null, false)]
    [InlineData("www", "www@example.org", null, false)]
    [InlineData("pi", "bob@example.org", null, false)]
    [InlineData("pi", null, "bob@example.org", false)]
    [InlineData("pi", null, "alice@example.org\nSender: bob@example.org", false)]
    [InlineData("alice", "alice@example.org", null, false)] // the account's name alone is no right
    [InlineData("root", "x@remote.example", null, false)]
    [InlineData("postmaster", "postmaster@example.org", null, false)]
    public async Task Who_may_send_as_whom(string user, string? sender, string? from, bool may)
    {
        await using var bench = new SendmailBench();
        var message = (from is null ? "" : $"From: {from}\n") + "Subject: x\n\nhi\n";
        var outcome = await bench.SendAsync(user, new LocalMail { Sender = sender, Recipients = { "bob@example.org" } }, message);
        Assert.True(may == outcome.IsTaken, outcome.Reply);
        if (!may)
            Assert.StartsWith("550 5.7.1", outcome.Reply, StringComparison.Ordinal);
        Assert.Equal(may ? 1 : 0, bench.House.Mailbox("bob").Count);
    }

    [Theory]
    [InlineData("root", "alice")]
    [InlineData("www@localhost", "alice")] // a user without an account: postmaster's, who is the first
    [InlineData("pi", "alice")]
    [InlineData("bob", "bob")] // an account of that name
    [InlineData("bob@pi-box", "bob")]
    [InlineData("bob@example.org", "bob")]
    [InlineData("postmaster", "alice")]
    [InlineData("nobody-of-that-name", null)]
    public async Task Where_mail_for_users_goes(string recipient, string? account)
    {
        await using var bench = new SendmailBench();
        var outcome = await bench.SendAsync("root", SendmailBench.To(recipient), "Subject: x\n\nhi\n");
        if (account is not null)
            Assert.Single(bench.House.Mailbox(account));
        else
            Assert.StartsWith("550 5.1.1", outcome.Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Strangers_reach_users_that_have_an_account_and_no_others()
    {
        await using var bench = new SendmailBench();
        Assert.StartsWith("250 ", await Intake.Post.DeliverAsync(bench.House, "<x@remote.example>", "<pi@mail.example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1", await Intake.Post.DeliverAsync(bench.House, "<x@remote.example>", "<www@mail.example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1", await Intake.Post.DeliverAsync(bench.House, "<x@remote.example>", "<root@mail.example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1", await Intake.Post.DeliverAsync(bench.House, "<x@remote.example>", "<bob@mail.example.org>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recipients_of_the_header_are_taken_and_Bcc_is_not_told()
    {
        await using var bench = new SendmailBench();
        var outcome = await bench.SendAsync("pi", new LocalMail { FromHeader = true }, "To: Bob <bob@example.org>,\n root\nCc: bob@example.org\nBcc: aunt@example.net\nSubject: x\n\nhi\n");
        Assert.True(outcome.IsTaken, outcome.Reply);
        Assert.DoesNotContain("aunt", Assert.Single(bench.House.Mailbox("bob")), StringComparison.Ordinal);
        Assert.Single(bench.House.Mailbox("alice"));
        var envelope = Assert.Single(bench.House.Queued);
        Assert.Equal("aunt@example.net", Assert.Single(envelope.Recipients).Address.ToString());
        Assert.Equal(("local:pi", "pi@mail.example.org"), (envelope.Principal, envelope.Sender!.ToString()));
    }

    [Fact]
    public async Task What_was_resent_goes_to_whom_it_was_resent()
    {
        await using var bench = new SendmailBench();
        await bench.SendAsync("pi", new LocalMail { FromHeader = true }, "Resent-To: bob@example.org\nResent-From: pi\nFrom: alice@example.org\nTo: aunt@example.net\n\nhi\n");
        Assert.Single(bench.House.Mailbox("bob"));
        Assert.Empty(bench.House.Queued);
    }

    [Fact]
    public async Task All_recipients_are_taken_or_none()
    {
        await using var bench = new SendmailBench();
        var outcome = await bench.SendAsync("root", SendmailBench.To("bob@example.org", "typo@example.org"), "Subject: x\n\nhi\n");
        Assert.Equal("typo@example.org", outcome.About);
        Assert.StartsWith("550 5.1.1", outcome.Reply, StringComparison.Ordinal);
        Assert.Empty(bench.House.Mailbox("bob"));
        Assert.Equal(554, (await bench.SendAsync("root", new LocalMail { FromHeader = true }, "Subject: x\n\nhi\n")).Code);
    }

    [Theory]
    [InlineData("just text\nand more\n", "\r\n\r\njust text\r\nand more\r\n")]
    [InlineData("", "\r\n\r\n")]
    [InlineData("Subject: only a header", "Subject: only a header\r\nFrom: root@mail.example.org\r\n")]
    [InlineData("From root Sat Mar 14 09:26:53 2026\nSubject: of an mbox\n\nx\n", "Subject: of an mbox\r\nFrom: root@mail.example.org\r\n")]
    [InlineData("Subject: CRLF\r\n\r\nx\r\ny\rz\r\n", "\r\n\r\nx\r\ny\r\nz\r\n")]
    [InlineData("Subject: a\n folded\n\nx\n", "Subject: a\r\n folded\r\nFrom:")]
    public async Task Anything_is_a_message(string message, string stored)
    {
        await using var bench = new SendmailBench();
        var outcome = await bench.SendAsync("root", SendmailBench.To("bob@example.org"), message);
        Assert.True(outcome.IsTaken, outcome.Reply);
        Assert.Contains(stored, Assert.Single(bench.House.Mailbox("bob")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_stands_in_the_From_that_is_made()
    {
        await using var bench = new SendmailBench();
        await bench.SendAsync("root", new LocalMail { FullName = "Charlie \"Root\"", Recipients = { "bob@example.org" } }, "\nx\n");
        await bench.SendAsync("root", new LocalMail { FullName = "J\u00f6rg", Recipients = { "bob@example.org" } }, "\nx\n");
        Assert.Contains("From: \"Charlie \\\"Root\\\"\" <root@mail.example.org>\r\n", bench.House.Mailbox("bob")[0], StringComparison.Ordinal);
        Assert.Contains("From: =?utf-8?B?SsO2cmc=?= <root@mail.example.org>\r\n", bench.House.Mailbox("bob")[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_asked_of_delivery_reports_travels()
    {
        await using var bench = new SendmailBench();
        await bench.SendAsync("pi", new LocalMail { Notify = "SUCCESS,FAILURE", Return = "HDRS", EnvelopeId = "x+3D1", Recipients = { "aunt@example.net" } }, "Subject: x\n\nhi\n");
        Assert.Equal(
            "from <pi@mail.example.org> as local:pi envid=x=1 ret=Headers 8bit to <aunt@example.net> notify=Success,Failure orcpt=",
            Transcripts.InProcess.Describe(Assert.Single(bench.House.Queued)) + " orcpt=");
    }

    [Theory]
    [InlineData("bob@example.org>\r\nRCPT TO:<aunt@example.net")]
    [InlineData("bob@example.org\nDATA")]
    public async Task No_command_is_smuggled_in_by_an_address(string recipient)
    {
        await using var bench = new SendmailBench();
        Assert.Equal(501, (await bench.SendAsync("root", SendmailBench.To(recipient), "Subject: x\n\nhi\n")).Code);
        Assert.Empty(bench.House.Queued);
    }

    [Fact]
    public async Task What_leaves_the_house_is_signed_by_the_domain_above_the_host()
    {
        await using var bench = new SendmailBench();
        bench.House.DkimKeys.Use("example.org", "hm1");
        await bench.SendAsync("root", SendmailBench.To("bob@example.org"), "Subject: x\n\nhi\n");
        Assert.Contains("d=example.org;", Assert.Single(bench.House.Mailbox("bob")), StringComparison.Ordinal);
    }
}
