using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Storage;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>What was composed, read by another's parser.</summary>
public class DsnComposerTests
{
    private const string NoSuchUser = "mx.example.net: 550 5.1.1 <no@example.net>: no such user";

    [Fact]
    public void AFailureIsAReportOfThreeParts()
    {
        var (text, message) = Compose(Report(DsnKind.Failure, Recipient("no@example.net", NoSuchUser)));
        Assert.Equal("Mail Delivery System", message.From.Mailboxes.Single().Name);
        Assert.Equal("MAILER-DAEMON@mail.home.example", message.From.Mailboxes.Single().Address);
        Assert.Equal("alice@home.example", message.To.Mailboxes.Single().Address);
        Assert.Equal("Not delivered: Tea", message.Subject);
        Assert.Equal("auto-replied", message.Headers["Auto-Submitted"]);
        Assert.Equal("1@home.example", message.InReplyTo);
        Assert.Equal(Letters.Noon.AddHours(1), message.Date);
        Assert.EndsWith("@mail.home.example", message.MessageId, StringComparison.Ordinal);

        var report = Assert.IsType<MultipartReport>(message.Body);
        Assert.Equal("delivery-status", report.ReportType);
        Assert.Equal(3, report.Count);
        var words = Assert.IsType<TextPart>(report[0]).Text;
        Assert.Contains("could not be delivered to this address", words, StringComparison.Ordinal);
        Assert.Contains("There is no such mailbox at example.net.", words, StringComparison.Ordinal);
        Assert.Contains("mx.example.net said: 550 5.1.1 <no@example.net>: no such user", words, StringComparison.Ordinal);

        var status = Assert.IsType<MessageDeliveryStatus>(report[1]).StatusGroups;
        Assert.Equal(2, status.Count);
        Assert.Equal("dns; mail.home.example", status[0]["Reporting-MTA"]);
        Assert.Equal("Wed, 25 Nov 2026 12:00:00 +0000", status[0]["Arrival-Date"]);
        Assert.False(status[0].Contains("Original-Envelope-Id"));
        Assert.Equal("rfc822; no@example.net", status[1]["Final-Recipient"]);
        Assert.False(status[1].Contains("Original-Recipient"));
        Assert.Equal("failed", status[1]["Action"]);
        Assert.Equal("5.1.1", status[1]["Status"]);
        Assert.Equal("dns; mx.example.net", status[1]["Remote-MTA"]);
        Assert.Equal("smtp; 550 5.1.1 <no@example.net>: no such user", status[1]["Diagnostic-Code"]);
        Assert.Equal("Wed, 25 Nov 2026 13:00:00 +0000", status[1]["Last-Attempt-Date"]);
        Assert.False(status[1].Contains("Will-Retry-Until"));

        var returned = Assert.IsType<MessagePart>(report[2]);
        Assert.Equal("Tea", returned.Message!.Subject);
        Assert.Contains("At four?\r\n.hidden\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Return-Path", text, StringComparison.Ordinal);
        AssertLines(text);
    }

    [Fact]
    public void WhatTheSenderGaveComesBackAsItWas()
    {
        var recipient = new EnvelopeRecipient
        {
            Address = Letters.Parse("no@example.net"),
            OriginalRecipient = "rfc822;Team+List=x@Example.ORG",
            LastReply = NoSuchUser,
        };
        var (_, message) = Compose(Report(DsnKind.Failure, recipient) with { Envelope = Envelope([recipient], id: "Env Id+1", returns: DsnReturn.Full) });
        var status = ((MessageDeliveryStatus)((MultipartReport)message.Body!)[1]).StatusGroups;
        Assert.Equal("Env Id+1", status[0]["Original-Envelope-Id"]);
        Assert.Equal("rfc822; Team+List=x@Example.ORG", status[1]["Original-Recipient"]);
    }

    [Theory]
    [InlineData(DsnReturn.Unspecified, false, DsnKind.Failure, "message/rfc822")]
    [InlineData(DsnReturn.Full, false, DsnKind.Failure, "message/rfc822")]
    [InlineData(DsnReturn.Headers, false, DsnKind.Failure, "text/rfc822-headers")]
    [InlineData(DsnReturn.Full, true, DsnKind.Failure, "text/rfc822-headers")]
    [InlineData(DsnReturn.Full, false, DsnKind.Delay, "text/rfc822-headers")]
    [InlineData(DsnReturn.Full, false, DsnKind.Success, "text/rfc822-headers")]
    public void ReturnsAsMuchAsIsRight(DsnReturn asked, bool requireTls, DsnKind kind, string type)
    {
        var recipient = Recipient("no@example.net", NoSuchUser);
        var (text, message) = Compose(Report(kind, recipient) with { Envelope = Envelope([recipient], requireTls: requireTls, returns: asked) });
        var last = ((MultipartReport)message.Body!)[2];
        Assert.Equal(type, last.ContentType.MimeType);
        Assert.Equal(type == "message/rfc822", text.Contains("At four?", StringComparison.Ordinal));
        Assert.Contains("Subject: Tea\r\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ABigMessageComesBackAsItsHeader()
    {
        var (text, message) = Compose(Report(DsnKind.Failure, Recipient("no@example.net", NoSuchUser)), Letters.Plain + new string('x', 70_000) + "\r\n");
        Assert.Equal("text/rfc822-headers", ((MultipartReport)message.Body!)[2].ContentType.MimeType);
        Assert.True(text.Length < 4000);
    }

    [Theory]
    [InlineData("account:alice", "message/rfc822", true)]
    [InlineData("internet", "text/rfc822-headers", false)]
    public void An8BitMessageComesBackWholeOnlyToSomebodyHere(string principal, string type, bool isEightBit)
    {
        var recipient = Recipient("no@example.net", NoSuchUser);
        var (text, message) = Compose(
            Report(DsnKind.Failure, recipient) with { Envelope = Envelope([recipient], principal) },
            "Subject: Tea\r\nX-Raw: \u00e4\r\n\r\nGr\u00fc\u00dfe\r\n");
        Assert.Equal(type, ((MultipartReport)message.Body!)[2].ContentType.MimeType);
        Assert.Equal(isEightBit, text.Contains("Content-Transfer-Encoding: 8bit", StringComparison.Ordinal));
        Assert.Equal(isEightBit, text.Any(c => c > 127));
        if (!isEightBit)
            Assert.Contains("X-Raw: ?", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ADelayNamesTheTimeUntilWhichItIsTried()
    {
        var (_, message) = Compose(Report(DsnKind.Delay, Recipient("later@example.net", "mx.example.net: 450 4.2.0 greylisted")) with { RetryUntil = Letters.Noon.AddDays(5) });
        Assert.Equal("Delayed: Tea", message.Subject);
        var report = (MultipartReport)message.Body!;
        Assert.Contains("30 November 2026, 12:00 UTC", ((TextPart)report[0]).Text, StringComparison.Ordinal);
        var group = ((MessageDeliveryStatus)report[1]).StatusGroups[1];
        Assert.Equal("delayed", group["Action"]);
        Assert.Equal("4.2.0", group["Status"]);
        Assert.Equal("Mon, 30 Nov 2026 12:00:00 +0000", group["Will-Retry-Until"]);
    }

    [Theory]
    [InlineData(true, "delivered", "Delivered: Tea")]
    [InlineData(false, "relayed", "Passed on: Tea")]
    public void SuccessSaysHowFarItWent(bool isLocal, string action, string subject)
    {
        var recipient = Recipient("bob@example.net", "mx.example.net: 250 2.0.0 queued");
        recipient.Local = isLocal ? new LocalIntent("bob", "INBOX", 1, 1) : null;
        var (_, message) = Compose(Report(DsnKind.Success, recipient));
        Assert.Equal(subject, message.Subject);
        var group = ((MessageDeliveryStatus)((MultipartReport)message.Body!)[1]).StatusGroups[1];
        Assert.Equal(action, group["Action"]);
        Assert.Equal("2.0.0", group["Status"]);
    }

    [Fact]
    public void PostmasterIsToldWhyItIsNotTheSender()
    {
        var recipient = Recipient("no@example.net", NoSuchUser);
        var (_, message) = Compose(Report(DsnKind.Failure, recipient) with { ToPostmaster = true });
        Assert.Equal("postmaster@mail.home.example", message.To.Mailboxes.Single().Address);
        Assert.Equal("auto-generated", message.Headers["Auto-Submitted"]);
        Assert.Contains("nothing\r\nproves that this address sent it", ((TextPart)((MultipartReport)message.Body!)[0]).Text.ReplaceLineEndings("\r\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5.1.2 the domain example.net does not exist", "5.1.2", "x-homemail; the domain example.net does not exist", null)]
    [InlineData("mx.example.net: 4.4.1 connection refused (192.0.2.1)", "4.4.1", "x-homemail; mx.example.net: connection refused (192.0.2.1)", null)]
    [InlineData("mx.example.net: 554 5.0.0", "5.0.0", "smtp; 554 5.0.0", "dns; mx.example.net")]
    [InlineData("nonsense", "4.0.0", "x-homemail; nonsense", null)]
    [InlineData(null, "5.0.0", null, null)]
    public void TheReasonIsWhatItIs(string? lastReply, string status, string? diagnostic, string? remote)
    {
        var (_, message) = Compose(Report(DsnKind.Failure, Recipient("no@example.net", lastReply)));
        var group = ((MessageDeliveryStatus)((MultipartReport)message.Body!)[1]).StatusGroups[1];
        Assert.Equal(status, group["Status"]);
        Assert.Equal(diagnostic, group["Diagnostic-Code"]);
        Assert.Equal(remote, group["Remote-MTA"]);
    }

    [Fact]
    public void LongAndForeignRepliesDoNoHarm()
    {
        var reply = "mx.example.net: 550 5.7.1 " + string.Join(' ', Enumerable.Repeat("https://policy.example.net/why?code=123", 20)) + " Stra\u00dfe \u4e16\u754c";
        var (text, message) = Compose(Report(DsnKind.Failure, Recipient("no@example.net", reply)));
        AssertLines(text);
        var report = (MultipartReport)message.Body!;
        Assert.Contains("Stra\u00dfe \u4e16\u754c", ((TextPart)report[0]).Text, StringComparison.Ordinal);
        Assert.Contains("Stra?e ??", ((MessageDeliveryStatus)report[1]).StatusGroups[1]["Diagnostic-Code"], StringComparison.Ordinal);
        Assert.True(Ascii.IsValid(text));
    }

    [Theory]
    [InlineData("alice@home.example", false)]
    [InlineData("\u00e9@home.example", true)]
    public void AnInternationalMessageHasInternationalParts(string sender, bool smtpUtf8)
    {
        var recipient = new EnvelopeRecipient
        {
            Address = Letters.Parse("\u7528\u6237@example.net"),
            OriginalRecipient = "utf-8;\u7528\u6237@example.net",
            LastReply = NoSuchUser,
        };
        var envelope = new Envelope
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = Letters.Noon,
            Sender = Letters.Parse(sender),
            Principal = "account:alice",
            SenderVerified = true,
            SmtpUtf8 = true,
            TravelOffset = Letters.Local.Length,
            Recipients = [recipient],
        };
        var composer = new DsnComposer("mail.home.example", new FakeTimeProvider(Letters.Noon.AddHours(1)));
        using var content = Letters.Content();
        var dsn = composer.Compose(Report(DsnKind.Failure, recipient) with { Envelope = envelope }, ReturnedMessage.Read(content));
        Assert.Equal(smtpUtf8, dsn.SmtpUtf8);
        var text = Encoding.UTF8.GetString(dsn.Octets);
        Assert.Equal(smtpUtf8, !Ascii.IsValid(text));
        var report = (MultipartReport)MimeMessage.Load(new MemoryStream(dsn.Octets)).Body!;
        Assert.Equal(["text/plain", "message/global-delivery-status", "message/global"], report.Select(p => p.ContentType.MimeType));
        var fields = Decoded(report[1]);
        Assert.Contains("Final-Recipient: utf-8; \u7528\u6237@example.net\r\n", fields, StringComparison.Ordinal);
        Assert.Contains("Original-Recipient: utf-8; \u7528\u6237@example.net\r\n", fields, StringComparison.Ordinal);
        Assert.Contains("At four?", Decoded(report[2]), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsReturnedHasNoBareLineEndings()
    {
        var (text, _) = Compose(Report(DsnKind.Failure, Recipient("no@example.net", NoSuchUser)), "Subject: x\r\n\r\na\nb\rc\0d\r\n.\r\r\nend");
        AssertLines(text);
        Assert.Contains("a\r\nb\r\ncd\r\n.\r\n\r\nend\r\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("\r\nbody only\r\n", null)]
    [InlineData("no header at all", null)]
    [InlineData("Subject:\r\n\r\nx", null)]
    [InlineData("Subject: a\r\n\tb\r\nSubject: c\r\n\r\n", "a b")]
    [InlineData("Subject: =?utf-8?q?=C3=A9?=\r\n\r\n", "=?utf-8?q?=C3=A9?=")]
    [InlineData("Subject: caf\u00e9\r\n", "caf?")]
    public void OddMessagesAreReadToo(string travels, string? subject)
    {
        using var content = Letters.Content(travels);
        var returned = ReturnedMessage.Read(content);
        Assert.Equal(subject, returned.Subject);
        var recipient = Recipient("no@example.net", NoSuchUser);
        AssertLines(Encoding.Latin1.GetString(new DsnComposer("mail.home.example", TimeProvider.System).Compose(Report(DsnKind.Failure, recipient), returned).Octets));
    }

    private static string Decoded(MimeEntity part)
    {
        using var stream = new MemoryStream();
        part.WriteTo(stream, contentOnly: true);
        stream.Position = 0;
        if (part is MimePart { Content: { } content })
        {
            using var decoded = new MemoryStream();
            content.DecodeTo(decoded);
            return Encoding.UTF8.GetString(decoded.ToArray());
        }
        if (part is MessagePart { Message: { } message })
            return message.ToString();
        return part is MessageDeliveryStatus status
            ? string.Concat(status.StatusGroups.SelectMany(g => g).Select(h => $"{h.Field}: {h.Value}\r\n"))
            : Encoding.UTF8.GetString(stream.ToArray());
    }

    private static (string Text, MimeMessage Message) Compose(DsnReport report, string travels = Letters.Plain)
    {
        var composer = new DsnComposer("mail.home.example", new FakeTimeProvider(Letters.Noon.AddHours(1)));
        using var content = Letters.Content(travels);
        var dsn = composer.Compose(report, ReturnedMessage.Read(content));
        Assert.False(dsn.SmtpUtf8);
        return (Encoding.Latin1.GetString(dsn.Octets), MimeMessage.Load(new MemoryStream(dsn.Octets)));
    }

    private static void AssertLines(string text)
    {
        var rest = text.Replace("\r\n", "", StringComparison.Ordinal);
        Assert.DoesNotContain('\r', rest);
        Assert.DoesNotContain('\n', rest);
        Assert.DoesNotContain('\0', rest);
        Assert.EndsWith("--\r\n", text, StringComparison.Ordinal);
        Assert.All(text.Split("\r\n"), line => Assert.True(line.Length <= 998));
    }

    private static EnvelopeRecipient Recipient(string address, string? lastReply) => new() { Address = Letters.Parse(address), LastReply = lastReply };

    private static DsnReport Report(DsnKind kind, params EnvelopeRecipient[] recipients) =>
        new(Envelope(recipients), recipients, kind) { LastAttempt = Letters.Noon.AddHours(1) };

    private static Envelope Envelope(
        EnvelopeRecipient[] recipients, string principal = "account:alice", string? id = null, DsnReturn returns = DsnReturn.Unspecified, bool requireTls = false) => new()
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = Letters.Noon,
            Sender = new Address("alice", "home.example"),
            Principal = principal,
            SenderVerified = true,
            EnvelopeId = id,
            Return = returns,
            RequireTls = requireTls,
            TravelOffset = Letters.Local.Length,
            Recipients = recipients,
        };
}
