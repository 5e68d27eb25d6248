using System.Text;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

public class SmtpSessionTests
{
    private static async Task<string> TalkAsync(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_message_from_outside_reaches_a_mailbox()
    {
        await using var house = new TestHouse();
        var replies = await TalkAsync(house.Connect(), "EHLO client.example\r\nMAIL FROM:<x@remote.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nSubject: hi\r\n\r\n..dot\r\nbody\r\n.\r\nQUIT\r\n");
        Assert.Contains("\r\n250 2.6.0 Accepted as ", replies);
        Assert.EndsWith("221 2.0.0 Bye\r\n", replies);
        var message = Assert.Single(house.Mailbox("alice"));
        Assert.Matches("(?s)^Return-Path: <x@remote.example>\r\nAuthentication-Results: mail.example.org;.*\r\nReceived-SPF: none.*\r\nReceived: from client.example \\(\\[192.0.2.10\\]\\)\r\n\tby mail.example.org \\(HomeMail\\) with ESMTP id [0-9a-z]{14}\r\n\tfor <alice@example.org>;\r\n\t.*\\+0000\r\nSubject: hi\r\n\r\n\\.dot\r\nbody\r\n$", message);
    }

    [Fact]
    public async Task A_stranger_cannot_relay()
    {
        await using var house = new TestHouse();
        var replies = await TalkAsync(house.Connect(), "EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<x@remote.example>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\nQUIT\r\n");
        Assert.Contains("\r\n550 5.7.1 Relaying denied\r\n550 5.1.1 No such user here\r\n554 5.5.1 No valid recipients\r\n221", replies);
    }

    [Fact]
    public async Task Submission_over_TLS_with_each_mechanism_offered()
    {
        await using var house = new TestHouse();
        await using var plain = house.Connect(SmtpRole.Submission);
        using (var reader = new StreamReader(plain, Encoding.Latin1, false, 1024, leaveOpen: true))
        {
            await plain.WriteAsync("EHLO c\r\n"u8.ToArray());
            string? line;
            do
                line = await reader.ReadLineAsync();
            while (line != "250 LIMITS" && line![3] == '-' || line!.StartsWith("220"));
            await plain.WriteAsync("STARTTLS\r\n"u8.ToArray());
            Assert.StartsWith("220 2.0.0", await reader.ReadLineAsync());
        }
        await using var tls = await TestHouse.SecureAsync(plain);
        var token = Convert.ToBase64String("\0alice\0secret"u8);
        var replies = await TalkAsync(tls, $"EHLO c\r\nAUTH PLAIN {token}\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<x@remote.example>\r\nDATA\r\nFrom: Alice <alice@example.org>\r\nBcc: y@z.example\r\nSubject: hi\r\n\r\nbody\n.\r\nmore\r\n.\r\nQUIT\r\n");
        Assert.Contains("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN", replies);
        Assert.Contains("\r\n235 2.7.0", replies);
        Assert.Contains("\r\n250 2.6.0 Accepted as ", replies);
        var message = Assert.Single(house.Mailbox("bob"));
        Assert.Contains("Authentication-Results: mail.example.org; auth=pass smtp.auth=alice\r\n", message);
        Assert.Contains("Received: from localhost (authenticated)\r\n\tby mail.example.org (HomeMail) with ESMTPSA id ", message);
        Assert.Contains("\r\nMessage-ID: <", message);
        Assert.Contains("\r\nDate: ", message);
        Assert.DoesNotContain("Bcc", message);
        Assert.EndsWith("\r\n\r\nbody\r\n\r\nmore\r\n", message);
        Assert.Equal("x@remote.example", Assert.Single(Assert.Single(house.Queued).Recipients).Address.ToString());
        Assert.DoesNotContain(token, house.LogText);
    }

    [Fact]
    public async Task A_client_that_waits_for_each_reply_gets_it()
    {
        await using var house = new TestHouse();
        await using var tls = await TestHouse.SecureAsync(house.Connect(SmtpRole.Submissions));
        using var reader = new StreamReader(tls, Encoding.Latin1);
        Assert.StartsWith("220 ", await ReplyAsync(reader));
        foreach (var (command, code) in new[]
        {
            ("EHLO c", "250 "), ("AUTH LOGIN", "334 VXNlcm5hbWU6"), (Convert.ToBase64String("alice"u8), "334 UGFzc3dvcmQ6"),
            (Convert.ToBase64String("secret"u8), "235 "), ("MAIL FROM:<alice@example.org>", "250 "), ("RCPT TO:<bob@example.org>", "250 "),
            ("BDAT 31", "250 "), ("BDAT 6 LAST", "250 2.6.0"), ("NOOP", "250 "), ("QUIT", "221 "),
        })
        {
            await tls.WriteAsync(Encoding.Latin1.GetBytes(command + "\r\n" + (command == "BDAT 31" ? "From: alice@example.org\r\n\r\nbody" : command == "BDAT 6 LAST" ? " end\r\n" : "")));
            Assert.StartsWith(code, await ReplyAsync(reader));
        }
        Assert.EndsWith("\r\n\r\nbody end\r\n", Assert.Single(house.Mailbox("bob")));
    }

    private static async Task<string> ReplyAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)) is { } line)
            if (line[3] == ' ')
                return line;
        return "";
    }
}
