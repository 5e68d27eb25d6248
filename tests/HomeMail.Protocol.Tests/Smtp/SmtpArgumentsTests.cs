using System.Text;
using FsCheck.Xunit;
using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Smtp;

public class SmtpArgumentsTests
{
    private const SmtpOffer All = SmtpOffer.SmtpUtf8 | SmtpOffer.Dsn | SmtpOffer.RequireTls | SmtpOffer.FutureRelease;

    [Theory]
    [InlineData("MAIL FROM:<a@b.example>", SmtpVerb.Mail, "FROM:<a@b.example>")]
    [InlineData("mail from:<>", SmtpVerb.Mail, "from:<>")]
    [InlineData("AUTH  PLAIN  AAA=", SmtpVerb.Auth, "PLAIN  AAA=")]
    [InlineData("StartTls", SmtpVerb.StartTls, "")]
    [InlineData("STARTTLS x", SmtpVerb.StartTls, "x")]
    [InlineData("DATA ", SmtpVerb.Data, "")]
    [InlineData("BDAT 9 LAST", SmtpVerb.Bdat, "9 LAST")]
    [InlineData("GET / HTTP/1.1", SmtpVerb.Foreign, "/ HTTP/1.1")]
    [InlineData("POST / HTTP/1.1", SmtpVerb.Foreign, "/ HTTP/1.1")]
    [InlineData("RCPTO:<x>", SmtpVerb.Unknown, "")]
    [InlineData("", SmtpVerb.Unknown, "")]
    [InlineData("ETRN x", SmtpVerb.Obsolete, "x")]
    public void Verbs(string line, SmtpVerb verb, string arguments)
    {
        Assert.Equal(verb, SmtpCommandLine.Parse(Encoding.ASCII.GetBytes(line), out var rest));
        Assert.Equal(arguments, Encoding.ASCII.GetString(rest));
    }

    [Fact]
    public void Every_other_word_of_four_octets_is_unknown()
    {
        Assert.Equal(SmtpVerb.Unknown, SmtpCommandLine.Parse("DAT\x01"u8, out _));
        Assert.Equal(SmtpVerb.Unknown, SmtpCommandLine.Parse([0xc4, 0x41, 0x54, 0x41], out _));
    }

    [Theory]
    [InlineData("FROM:<a@b.example>", "a@b.example")]
    [InlineData("FROM: <a@b.example>", "a@b.example")]
    [InlineData("FROM:  a@b.example  SIZE=10", "a@b.example")]
    [InlineData("from:<>", null)]
    [InlineData("FROM:<> SIZE=1000  BODY=8bitmime", null)]
    [InlineData("FROM:<a@b.example> AUTH=<>", "a@b.example")]
    [InlineData("FROM:<a@b.example> AUTH=user@dom", "a@b.example")]
    [InlineData("FROM:<boun+ces@test.example>", "boun+ces@test.example")]
    [InlineData("FROM:<@relay.example,@r2.example:a@b.example>", "a@b.example")]
    [InlineData("FROM:<\"a>b\"@c.example> RET=HDRS ENVID=QQ314159", "\"a>b\"@c.example")]
    [InlineData("FROM:<грета@пример.example> SMTPUTF8", "грета@пример.example")]
    public void Mail_is_taken(string text, string? sender)
    {
        Assert.Null(SmtpArguments.ParseMail(Encoding.UTF8.GetBytes(text), All, out var mail));
        Assert.Equal(sender, mail.Sender?.ToString());
    }

    [Theory]
    [InlineData("", "501 5.5.4")]
    [InlineData("TO:<a@b.example>", "501 5.5.4")]
    [InlineData("FROM: asd@asd..cz", "501 5.1.7")]
    [InlineData("FROM:<a@b.example", "501 5.1.7")]
    [InlineData("FROM:<a@b.example>x", "501 5.1.7")]
    [InlineData("FROM:<>x", "501 5.1.7")]
    [InlineData("FROM:<just\"not\"right@d.example>", "501 5.1.7")]
    [InlineData("FROM:<a@b.example> SIZE=abc", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> SIZE=-1", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> SIZE=", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> SIZE=99999999999999999999", "552 5.3.4")]
    [InlineData("FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> BODY=BINARYMIME", "555 5.6.1")]
    [InlineData("FROM:<a@b.example> BODY=9BIT", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> FOO=BAR", "555 5.5.4")]
    [InlineData("FROM:<a@b.example> RET=BOTH", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> ENVID=a=b", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> ENVID=a+0Ab", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> ENVID=a+09b", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> SMTPUTF8=1", "501 5.5.4")]
    [InlineData("FROM:<грета@пример.example>", "553 5.6.7")]
    [InlineData("FROM:<a@b.example> HOLDFOR=99999999999", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> HOLDUNTIL=tomorrow", "501 5.5.4")]
    [InlineData("FROM:<a@b.example> HOLDFOR=1 HOLDUNTIL=2026-01-01T00:00:00Z", "501 5.5.4")]
    public void Mail_is_refused(string text, string reply)
    {
        var answer = SmtpArguments.ParseMail(Encoding.UTF8.GetBytes(text), All, out _);
        Assert.StartsWith(reply, answer?.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Mail_parameters()
    {
        Assert.Null(SmtpArguments.ParseMail(
            "FROM:<a@b.example> SIZE=1234 BODY=8BITMIME RET=FULL ENVID=x+2B+20y REQUIRETLS SMTPUTF8 HOLDUNTIL=2026-12-01T08:30:00Z"u8, All, out var mail));
        Assert.Equal(1234, mail.Size);
        Assert.True(mail.EightBitMime && mail.RequireTls && mail.SmtpUtf8);
        Assert.Equal(DsnReturn.Full, mail.Return);
        Assert.Equal("x+ y", mail.EnvelopeId);
        Assert.Equal(new DateTimeOffset(2026, 12, 1, 8, 30, 0, TimeSpan.Zero), mail.HoldUntil);
    }

    [Theory]
    [InlineData("RET=FULL")]
    [InlineData("ENVID=x")]
    [InlineData("SMTPUTF8")]
    [InlineData("REQUIRETLS")]
    [InlineData("HOLDFOR=5")]
    public void What_is_not_offered_is_not_known(string parameter) =>
        Assert.Equal("555 5.5.4", SmtpArguments.ParseMail(Encoding.ASCII.GetBytes("FROM:<a@b.example> " + parameter), SmtpOffer.None, out _)?.ToString()[..9]);

    [Theory]
    [InlineData("TO:<Postmaster>", "postmaster@mail.example.org")]
    [InlineData("TO: <a@b.example>", "a@b.example")]
    [InlineData("TO:<@hosta.example:a@b.example>", "a@b.example")]
    [InlineData("TO:<a%c.example@b.example>", "a%c.example@b.example")]
    [InlineData("TO:<a@[192.0.2.1]>", "a@[192.0.2.1]")]
    public void Rcpt_is_taken(string text, string recipient)
    {
        Assert.Null(SmtpArguments.ParseRcpt(Encoding.ASCII.GetBytes(text), All, "mail.example.org", out var rcpt));
        Assert.Equal(recipient, rcpt.Recipient.ToString());
    }

    [Theory]
    [InlineData("TO:<>", "501 5.1.3")]
    [InlineData("TO:<a>", "501 5.1.3")]
    [InlineData("TO:<a@b.example> NOTIFY=", "501 5.5.4")]
    [InlineData("TO:<a@b.example> NOTIFY=NEVER,SUCCESS", "501 5.5.4")]
    [InlineData("TO:<a@b.example> NOTIFY=SOMETIMES", "501 5.5.4")]
    [InlineData("TO:<a@b.example> ORCPT=nosemicolon", "501 5.5.4")]
    [InlineData("TO:<a@b.example> ORCPT=rfc822;a+ZZ", "501 5.5.4")]
    [InlineData("TO:<a@b.example> ORCPT=rfc822;a+C2+85b", "501 5.5.4")]
    [InlineData("TO:<a@b.example> SIZE=1", "555 5.5.4")]
    [InlineData("FROM:<a@b.example>", "501 5.5.4")]
    public void Rcpt_is_refused(string text, string reply) =>
        Assert.StartsWith(reply, SmtpArguments.ParseRcpt(Encoding.ASCII.GetBytes(text), All, "h.example", out _)?.ToString(), StringComparison.Ordinal);

    [Fact]
    public void Rcpt_parameters()
    {
        Assert.Null(SmtpArguments.ParseRcpt("TO:<a@b.example> NOTIFY=success,DELAY ORCPT=rfc822;x+2By@c.example"u8, All, "h.example", out var rcpt));
        Assert.Equal(DsnNotify.Success | DsnNotify.Delay, rcpt.Notify);
        Assert.Equal("rfc822;x+y@c.example", rcpt.OriginalRecipient);
    }

    [Property(MaxTest = 3000)]
    public void Any_octets_get_an_answer_and_no_exception(byte[] octets)
    {
        var line = octets ?? [];
        SmtpCommandLine.Parse(line, out _);
        SmtpArguments.ParseMail([.. "FROM:<"u8, .. line], All, out _);
        SmtpArguments.ParseRcpt([.. "TO:<"u8, .. line], All, "h.example", out _);
        SmtpArguments.ParseMail([.. "FROM:<a@b.example> "u8, .. line], All, out _);
    }

    [Fact]
    public void Replies_keep_to_their_lines()
    {
        Assert.Equal("550 5.7.1 a?b?\r\n", Encoding.ASCII.GetString(new SmtpReply(550, "5.7.1", "a\rb\0").Octets));
        Assert.Equal("214-one\r\n214 two\r\n", Encoding.ASCII.GetString(new SmtpReply(214, null, "one\ntwo").Octets));
        Assert.Equal(SmtpReply.MaxLine, new SmtpReply(550, null, new string('x', 2000)).Octets.Length);
    }
}
