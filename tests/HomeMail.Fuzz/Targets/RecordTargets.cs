using System.Text;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Spf;

namespace HomeMail.Fuzz.Targets;

/// <summary>What other servers and DNS say.</summary>
public static class RecordTargets
{
    private const string Question = "\x07example\x03org\x00";

    private static readonly string[] Tags =
        ["v=1; ", "a=rsa-sha256; ", "d=example.org; ", "s=hm1; ", "h=from:to; ", "bh=AAAA=; ", "b=AA AA\r\n =; ", "c=relaxed/simple; ", "l=10; ", "t=1; ", "x=2; ", "i=1; ", "cv=none; ", "p=", "k=rsa; ", "=", ";", " ", "\r\n ", "\0", "\xc3\xbc"];

    /// <summary>Replies of SMTP servers.</summary>
    public static FuzzTarget Reply { get; } = new(
        "smtp-reply", RunReply, ["250 2.1.0 OK\r\n", "250-mail.example\r\n250-SIZE 100\r\n250 AUTH PLAIN LOGIN\r\n", "421\r\n", "354 go\n"],
        ["250-", "250 ", "550 5.7.1 ", "\r\n", "\n", "\r", "PIPELINING", "SIZE ", "LIMITS RCPTMAX=1", "AUTH=PLAIN", "9", "-", "\0", "\xff"]);

    /// <summary>Answers of DNS.</summary>
    public static FuzzTarget Dns { get; } = new(
        "dns-response", RunDns,
        [
            "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + Question + "\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x01",
            "\x12\x34\x81\x83\x00\x01\x00\x00\x00\x01\x00\x00" + Question + "\x00\x0f\x00\x01\xc0\x0c\x00\x06\x00\x01\x00\x00\x0e\x10\x00\x16\x01\x61\x00\x01\x62\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05",
            "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00" + Question + "\x00\x10\x00\x01\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x02\xc0\x0c\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x0b\x0av=spf1 all",
        ],
        ["\xc0\x0c", "\xc0\xff", "\xc0\x00", "\x00\x01\x00\x01", "\x00\x10\x00\x01", "\x00\x05\x00\x01", "\x00\x0f\x00\x01", "\x3f", "\x00", "\xff\xff", Question, "\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"]);

    /// <summary>SPF records.</summary>
    public static FuzzTarget Spf { get; } = new(
        "spf-record", RunSpf, ["v=spf1 -all", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx:example.org/24//64 include:%{d2r}.example.org ~all", "v=spf1 redirect=_spf.example.org exp=%{s}.example.org", "v=spf1 exists:%{ir}.%{v}.%{l1r-}._spf.%{d} ?all"],
        ["%{", "}", "%%", "%_", "%-", "ip4:", "ip6:", "a:", "mx/", "//", "ptr", "exists:", "include:", "redirect=", "exp=", "all", "+", "-", "~", "?", " ", ".", "s1r+-", "\xc3\xbc", "/33", "/999999999999"]);

    /// <summary>DMARC records.</summary>
    public static FuzzTarget Dmarc { get; } = new(
        "dmarc-record", RunDmarc, ["v=DMARC1; p=none", "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=r; rua=mailto:a@b.example!10m; psd=n; t=y"],
        ["v=DMARC1", "p=", "none", "reject", "quarantine", "; ", "=", "rua=mailto:", ",", "!", "psd=", "t=", " ", "\t", "\xc3\xbc"]);

    /// <summary>DKIM signatures.</summary>
    public static FuzzTarget DkimSignature { get; } = new("dkim-signature", RunDkimSignature, [" v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=hm1; h=from:subject; bh=AAAA; b=AAAA"], Tags);

    /// <summary>DKIM keys.</summary>
    public static FuzzTarget DkimKey { get; } = new("dkim-key", RunDkimKey, ["v=DKIM1; k=rsa; p=MIGf", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "p="], Tags);

    /// <summary>The ARC sets of a header.</summary>
    public static FuzzTarget Arc { get; } = new(
        "arc", RunArc,
        ["ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.org; s=a; t=1; b=AAAA\r\nARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=a; h=from; bh=AAAA; b=AAAA\r\nARC-Authentication-Results: i=1; mx.example; none\r\nFrom: a@b.example\r\n\r\n"],
        ["ARC-Seal: ", "ARC-Message-Signature: ", "ARC-Authentication-Results: ", "i=2; ", "i=51; ", "cv=pass; ", "cv=fail; ", "\r\n", .. Tags]);

    /// <summary>The author's domain of a header.</summary>
    public static FuzzTarget Author { get; } = new(
        "author", RunAuthor, ["From: a@b.example\r\n\r\n", "From: x@a.example, y@b.example\r\n\r\n", "From: a@b.example\r\nFrom: c@d.example\r\n\r\n"], ["From: ", "from : ", "\r\n", " ", "@", ",", "<", ">", "\"", "(", ")", ":", ";", "[", "]", "a@b.example", "\xc3\xbc", "\xff", "\0"]);

    private static void RunReply(ReadOnlySpan<byte> input)
    {
        var whole = Replies(input, input.Length + 1);
        FuzzException.Check(whole == Replies(input, 1) && whole == Replies(input, 3), "cut it is another reply");
    }

    private static string Replies(ReadOnlySpan<byte> input, int block)
    {
        var parser = new SmtpReplyParser();
        var seen = new StringBuilder();
        var rest = input;
        while (!rest.IsEmpty)
        {
            var piece = rest[..Math.Min(block, rest.Length)];
            var progress = parser.Read(piece, out var consumed);
            FuzzException.Check(consumed <= piece.Length, "consumed more than there is");
            rest = rest[consumed..];
            seen.Append(progress == ReplyProgress.NeedMore ? "" : progress.ToString());
            if (progress == ReplyProgress.Complete)
            {
                var reply = parser.Reply!;
                FuzzException.Check(reply.Code is >= 200 and <= 599, "a code that is none");
                seen.Append(reply.Code).Append(reply.Text).Append('|');
                if (reply.Code == 250)
                    EhloCapabilities.Parse(reply);
            }
            else if (progress != ReplyProgress.NeedMore || consumed == 0)
            {
                break;
            }
        }
        return seen.ToString();
    }

    private static void RunDns(ReadOnlySpan<byte> input)
    {
        foreach (var type in (ReadOnlySpan<DnsType>)[DnsType.A, DnsType.Txt, DnsType.Mx])
        {
            if (DnsResponse.Read(input, 0x1234, Encoding.Latin1.GetBytes(Question), type, out var response) != DnsMatch.Answer)
                continue;
            FuzzException.Check(response is not null && response.Answers.Count <= input.Length, "more answers than octets");
            long data = 0;
            foreach (var record in response!.Answers)
                data += record.Data.Length;
            FuzzException.Check(data <= (long)input.Length * Math.Max(1, response.Answers.Count), "more data than octets");
        }
    }

    private static void RunSpf(ReadOnlySpan<byte> input)
    {
        var fine = SpfRecord.TryParse(Encoding.Latin1.GetString(input), out var record, out var problem);
        FuzzException.Check(fine ? record is not null : problem is not null || record is null, "neither a record nor a reason");
    }

    private static void RunDmarc(ReadOnlySpan<byte> input) => DmarcRecord.TryParse(Encoding.Latin1.GetString(input), out _);

    private static void RunDkimSignature(ReadOnlySpan<byte> input)
    {
        Protocol.Dkim.DkimSignature.TryParse(input, out _, out _);
        Protocol.Dkim.DkimSignature.TryParseArc(input, out _, out _);
    }

    private static void RunDkimKey(ReadOnlySpan<byte> input) => DkimKeyRecord.TryParse(Encoding.Latin1.GetString(input), out _, out _);

    private static void RunArc(ReadOnlySpan<byte> input)
    {
        var chain = ArcChain.Read(new SignedHeader(input.ToArray()));
        FuzzException.Check(chain.Sets.Count <= ArcChain.MaxSets, "more sets than there may be");
    }

    private static void RunAuthor(ReadOnlySpan<byte> input) => AuthorDomain.Of(input);
}
