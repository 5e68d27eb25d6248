using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Fuzz.Targets;

/// <summary>Command lines of SMTP.</summary>
public static class CommandTargets
{
    private const SmtpOffer All = SmtpOffer.SmtpUtf8 | SmtpOffer.Dsn | SmtpOffer.RequireTls | SmtpOffer.FutureRelease;

    private static readonly string[] Parameters =
    [
        " SIZE=1000", " SIZE=", " SIZE=99999999999999999999", " BODY=8BITMIME", " BODY=BINARYMIME", " SMTPUTF8", " RET=FULL", " RET=HDRS", " ENVID=QQ+2B1", " AUTH=<>", " AUTH=a+40b",
        " REQUIRETLS", " HOLDFOR=60", " HOLDUNTIL=2026-03-14T09:26:53Z", " NOTIFY=SUCCESS,FAILURE,DELAY", " NOTIFY=NEVER", " ORCPT=rfc822;a@b.example", "+2", "+ZZ", "=", ",", ";",
        "<", ">", "@", "\"", "\\", ".", ":", "[192.0.2.1]", "[IPv6:2001:db8::1]", "@relay.example:", "\xc3\xbc", "\xff", "\0", "\t", "  ",
    ];

    /// <summary>The verb of a line.</summary>
    public static FuzzTarget Command { get; } = new(
        "command", RunCommand,
        ["MAIL FROM:<a@b.example>", "EHLO x", "STARTTLS", "BDAT 10 LAST", "AUTH PLAIN AAAA", "GET / HTTP/1.1", "\x16\x03\x01"],
        ["MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "EHLO", "HELO", "BDAT", "AUTH", "STARTTLS", "POST ", " ", "\t", "\r", "\0"]);

    /// <summary>The arguments of MAIL.</summary>
    public static FuzzTarget Mail { get; } = new(
        "mail", RunMail,
        ["FROM:<a@b.example>", "FROM:<> SIZE=1 BODY=8BITMIME", "FROM:<\"a b\"@c.example> RET=HDRS ENVID=x+2By", "FROM: a@[IPv6:::1] HOLDFOR=60", "FROM:<\xc3\xbc@b\xc3\xbc.example> SMTPUTF8"], Parameters);

    /// <summary>The arguments of RCPT.</summary>
    public static FuzzTarget Rcpt { get; } = new(
        "rcpt", RunRcpt,
        ["TO:<a@b.example>", "TO:<Postmaster>", "TO:<@a.example,@b.example:c@d.example> NOTIFY=NEVER", "TO:<a@b.example> NOTIFY=SUCCESS ORCPT=rfc822;a+2Bb@c.example"], Parameters);

    private static void RunCommand(ReadOnlySpan<byte> input)
    {
        var verb = SmtpCommandLine.Parse(input, out var arguments);
        FuzzException.Check(verb is >= SmtpVerb.Unknown and <= SmtpVerb.Foreign, "a verb that is none");
        FuzzException.Check(arguments.IsEmpty || (arguments[0] is not ((byte)' ' or (byte)'\t') && arguments[^1] is not ((byte)' ' or (byte)'\t')), "white space around the arguments");
    }

    private static void RunMail(ReadOnlySpan<byte> input)
    {
        var reply = SmtpArguments.ParseMail(input, All, out var mail);
        FuzzException.Check(reply is null or { IsPermanent: true }, "a refusal that is no 5xx");
        // What is not offered is not known, and changes nothing else.
        var plain = SmtpArguments.ParseMail(input, SmtpOffer.None, out var less);
        if (reply is not null)
            return;
        FuzzException.Check(mail.Size >= -1, "a negative size");
        FuzzException.Check(plain is not null || Equals(mail.Sender, less.Sender), "the offer changes the address");
        CheckPath(mail.Sender);
        CheckText(mail.EnvelopeId);
    }

    private static void RunRcpt(ReadOnlySpan<byte> input)
    {
        if (SmtpArguments.ParseRcpt(input, All, "mail.example.org", out var rcpt) is { } reply)
        {
            FuzzException.Check(reply.IsPermanent, "a refusal that is no 5xx");
            return;
        }
        FuzzException.Check(rcpt.Recipient is not null, "accepted without a recipient");
        CheckPath(rcpt.Recipient);
        CheckText(rcpt.OriginalRecipient);
    }

    private static void CheckPath(Address? address)
    {
        if (address is null)
            return;
        CheckText(address.Domain);
        CheckText(address.LocalPart.Replace(' ', '_'));
        // What was taken from a path can be put into one again, and is the same then.
        var path = Encoding.UTF8.GetBytes("FROM:<" + address + "> SMTPUTF8");
        FuzzException.Check(SmtpArguments.ParseMail(path, All, out var again) is null && address.Equals(again.Sender), "the address does not survive its own form");
    }

    private static void CheckText(string? text)
    {
        if (text is null)
            return;
        foreach (var c in text)
            FuzzException.Check(c > ' ' && c != '\x7f' && !char.IsControl(c), "a control character in what was taken");
    }
}
