using BenchmarkDotNet.Attributes;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Benchmarks;

/// <summary>Command lines and addresses.</summary>
public class ParserBenchmarks
{
    private static readonly byte[] MailLine = [.. "MAIL FROM:<some.body+tag@mail.example.org> SIZE=12345 BODY=8BITMIME RET=HDRS ENVID=QQ314159"u8];
    private static readonly byte[] RcptLine = [.. "RCPT TO:<somebody.else@example.net> NOTIFY=FAILURE,DELAY ORCPT=rfc822;somebody.else@example.net"u8];
    private static readonly byte[] FromValue = [.. " \"Body, Some\" (at home) <some.body@mail.example.org>"u8];

    [Benchmark]
    public SmtpVerb Verb() => SmtpCommandLine.Parse(MailLine, out _);

    [Benchmark]
    public SmtpReply? Mail()
    {
        SmtpCommandLine.Parse(MailLine, out var arguments);
        return SmtpArguments.ParseMail(arguments, SmtpOffer.Dsn | SmtpOffer.SmtpUtf8, out _);
    }

    [Benchmark]
    public SmtpReply? Rcpt()
    {
        SmtpCommandLine.Parse(RcptLine, out var arguments);
        return SmtpArguments.ParseRcpt(arguments, SmtpOffer.Dsn | SmtpOffer.SmtpUtf8, "mail.example.org", out _);
    }

    [Benchmark]
    public bool FromField() => AddressList.TryParse(FromValue, new List<Address>(1));
}
