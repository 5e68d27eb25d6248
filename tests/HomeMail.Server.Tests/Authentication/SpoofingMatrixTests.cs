using System.Buffers;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>
/// Messages whose visible From is the house's or a protected foreign domain, sent by somebody who owns evil.example, passes SPF for it and can
/// sign with its keys. None may pass DMARC for the domain it pretends, nor leave a forged result where ours are read.
/// </summary>
public sealed partial class SpoofingMatrixTests
{
    private const string Us = "mx.home.example";

    // {0} is the domain that is forged.
    private static readonly string[] Headers =
    [
        "From: a@{0}\r\n",
        "From: a@{0}\r\nFrom: b@evil.example\r\n",
        "From: b@evil.example\r\nFrom: a@{0}\r\n",
        "From: b@evil.example\r\nfrom : a@{0}\r\n",
        "From: b@evil.example\r\nX: y\r\nFROM\t: a@{0}\r\n",
        "From: a@{0}, b@evil.example\r\n",
        "From: b@evil.example, a@{0}\r\n",
        "From: House: a@{0}, b@evil.example;\r\n",
        "From: a@{0} (b@evil.example)\r\n",
        "From: (b@evil.example) a@{0}\r\n",
        "From: a@{0}(\r\n <b@evil.example>\r\n",
        "From: \"b@evil.example\" <a@{0}>\r\n",
        "From: <b@evil.example> <a@{0}>\r\n",
        "From: <a@{0}> <b@evil.example>\r\n",
        "From: a@{0} <b@evil.example>\r\n",
        "From: b@evil.example <a@{0}>\r\n",
        "From: <@evil.example:a@{0}>\r\n",
        "From: <@evil.example,@{0}:a@{0}>\r\n",
        "From: =?utf-8?q?b=40evil=2Eexample?= <a@{0}>\r\n",
        "From: =?utf-8?q?x?= a@{0}, =?utf-8?b?Yg==?= <b@evil.example>\r\n",
        "From: a@=?utf-8?q?{0}?=\r\n",
        "From: =?utf-8?q?a=40{0}?=\r\n",
        "From: a\r\n @{0}\r\n",
        "From:\r\n a@{0}\r\n",
        "From: a@\r\n\t{0}\r\n",
        "From: a@{0}\0.evil.example\r\n",
        "From: a\0b@evil.example <a@{0}>\r\n",
        "From: a@{0}\0\r\n",
        "From: \"a@{0} <b@evil.example>\r\n",
        "From: a@{0}\" <b@evil.example>\r\n",
        "From: \"x\\\" <b@evil.example>, \"y\" <a@{0}>\r\n",
        "From: <a@{0}\r\n",
        "From: a@{0}>\r\n",
        "From: a@{0};\r\n",
        "From: a@{0}, \r\n",
        "From: , a@{0}\r\n",
        "From: a@{0}.\r\n",
        "From: a@.{0}\r\n",
        "From: a@@{0}\r\n",
        "From: a@evil.example@{0}\r\n",
        "From: \"a@evil.example\"@{0}\r\n",
        "From: a@{0} evil.example\r\n",
        "From: a@evil.example {0}\r\n",
        "From: a@[{0}]\r\n",
        "From: a@{0}\r\n .evil.example\r\n",
        "From: a@ {0} \r\n",
        "From: a @ {0}\r\n",
        "From: a@(x){0}\r\n",
        "From: a%{0}@{0}\r\n",
        "From: a@sub.{0}\r\n",
        "From: a@missing.deep.sub.{0}\r\n",
        "From: \u00e4@{0}\r\n",
        "From: a@{0}\u00a0\r\n",
        "From: a@{0}\u3002\r\n",
        "From : a@{0}\r\nSender: b@evil.example\r\n",
        "Sender: b@evil.example\r\nReply-To: b@evil.example\r\nFrom: a@{0}\r\n",
        "Resent-From: b@evil.example\r\nFrom: a@{0}\r\n",
        "From: a@{0}\r\nAuthentication-Results: " + Us + "; dmarc=pass header.from={0}\r\n",
        "Authentication-Results: MX.Home.Example; dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "Authentication-Results: (c(c)) " + Us + " (c) 1; dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "Authentication-Results:\r\n\t\"" + Us + "\" ; dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "Authentication-Results : " + Us + ". ; dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "authentication-results:" + Us + "\r\n ;dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "Authentication-Results: \"mx.home\\.example\"; dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "Authentication-Results: " + Us + "(; dmarc=pass header.from={0}\r\nFrom: a@{0}\r\n",
        "Received-SPF: pass (" + Us + ")\r\nFrom: a@{0}\r\n",
    ];

    // MAIL FROM with which the forger tries to write into our own field; all are of evil.example, or none that can pass.
    private static readonly (string LocalPart, string Domain)[] Senders =
    [
        ("b", "evil.example"), ("b (dmarc=pass header.from=home.example)", "evil.example"), ("b\"; dmarc=pass header.from=home.example; x=\"", "evil.example"),
        ("b;dmarc=pass", "evil.example"), ("b\r\nAuthentication-Results: mx.home.example; dmarc=pass", "evil.example"), ("b", "evil.example\0home.example"),
    ];

    [Fact]
    public async Task NoForgedFromPassesAndNoForgedResultStays()
    {
        var key = DkimMessages.Rsa;
        var zone = new ZoneResolver()
            .Txt("evil.example", "v=spf1 +all").Txt("_dmarc.evil.example", "v=DMARC1; p=none").Txt("hm1._domainkey.evil.example", key.RecordText)
            .Txt("home.example", "v=spf1 -all").Txt("_dmarc.home.example", "v=DMARC1; p=reject")
            .Txt("bank.example", "v=spf1 -all").Txt("_dmarc.bank.example", "v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s");
        using var evil = Reown(key, "evil.example");
        var count = 0;
        foreach (var forged in new[] { "home.example", "bank.example" })
        {
            for (var i = 0; i < Headers.Length; i++)
            {
                count++;
                var sender = Senders[i % Senders.Length];
                var header = Headers[i].Replace("{0}", forged, StringComparison.Ordinal) + "Subject: x\r\n\r\n";
                await CheckAsync(zone, evil, forged, header, sender, tricks: i);
            }
        }
        Assert.True(count >= 60);
    }

    private static async Task CheckAsync(ZoneResolver zone, DkimKey evil, string forged, string header, (string LocalPart, string Domain) sender, int tricks)
    {
        var octets = Encoding.UTF8.GetBytes(header);
        var signed = new List<byte>(await DkimSigner.SignAsync(octets, Stream.Null, [evil], null, default));
        // Tags that only look like the forged domain's, or would do so to a careless reader.
        string[] fake =
        [
            $"d={forged}; s=hm1", $"d=evil.example; d={forged}; s=hm1", $"d={forged}@evil.example; s=hm1", $"d=evil.example; s=hm1._domainkey.evil.example\0.{forged}",
            $"d=.{forged}; s=x", $"d=evil.example; i=@{forged}; s=hm1", "d=example; s=hm1", $"d=evil.example (\r\n d={forged}); s=hm1",
        ];
        signed.InsertRange(0, Encoding.ASCII.GetBytes($"DKIM-Signature: v=1; a=rsa-sha256; {fake[tricks % fake.Length]}; h=from; bh=AAAA; b=AAAA\r\n"));
        byte[] travelling = [.. signed, .. octets];

        var verdicts = await new DkimVerifier(zone, TimeProvider.System).VerifyAsync(travelling, () => Stream.Null, null, default);
        Assert.Contains(verdicts, v => v.PassedDomain == "evil.example");
        Assert.DoesNotContain(verdicts, v => v.PassedDomain is { } d && d != "evil.example");
        var request = SpfRequest.ForMailFrom(IPAddress.Parse("192.0.2.66"), sender.LocalPart, sender.Domain, $"{forged}");
        var spf = await new SpfChecker(zone, TimeProvider.System).CheckAsync(request, default);
        var author = AuthorDomain.Of(travelling);
        var dmarc = author.Kind != AuthorDomainKind.One ? DmarcOutcome.NotEvaluable(author.Kind)
            : await new DmarcChecker(zone).CheckAsync(
                new DmarcRequest(
                    author.Domain, [.. verdicts.Select(v => v.PassedDomain).OfType<string>()], spf.Result == SpfResult.Pass ? request.Domain : null),
                default);
        Assert.False(dmarc.Result == DmarcResult.Pass && !DnsName.IsWithin(author.Domain, "evil.example"), $"{forged}: {header}");
        // What is shown as from the forged domain has no author domain, or one that failed under its policy.
        if (author.Kind == AuthorDomainKind.One && author.Domain.EndsWith(forged, StringComparison.Ordinal))
            Assert.Equal((DmarcResult.Fail, DmarcPolicy.Reject), (dmarc.Result, dmarc.Policy));

        var edited = new ArrayBufferWriter<byte>();
        new HeaderEditor([Us], false).Edit(travelling, edited, out _);
        var own = new AuthenticationResults(Us).AddSpf(request, spf).AddDkim(verdicts).AddDmarc(author, dmarc).ToString()
            + ReceivedSpf.Compose(request, spf, Us);
        var final = own + Encoding.UTF8.GetString(edited.WrittenSpan) + "\r\n";
        var ours = ResultsInOurName(final);
        Assert.Single(ours);
        Assert.DoesNotContain("dmarc=pass", dmarc.Result == DmarcResult.Pass ? "" : Outside(ours[0]), StringComparison.Ordinal);
        Assert.Single(Regex.Matches(final, "^received-spf *:", RegexOptions.IgnoreCase | RegexOptions.Multiline));
    }

    private static DkimKey Reown(DkimKey key, string domain) => DkimKey.Load(domain, key.Selector, key.ToPem());

    // A reader of its own: every Authentication-Results field whose service id, after comments, quotes, white space and case, is ours.
    private static List<string> ResultsInOurName(string message)
    {
        var header = message[..message.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
        var fields = Regex.Split(header, "\r\n(?![ \t])");
        return [.. fields.Where(f => FieldName().IsMatch(f)).Where(f =>
        {
            var value = f[(f.IndexOf(':', StringComparison.Ordinal) + 1)..];
            for (var before = ""; before != value;)
            {
                before = value;
                value = Regex.Replace(value, @"\((?:[^()\\]|\\.)*\)", " ", RegexOptions.Singleline);
            }
            var id = Regex.Replace(value.Split(';')[0], "[\\s\"\\\\]|\\(.*", "").TrimEnd('1', '.');
            return id.Equals(Us, StringComparison.OrdinalIgnoreCase);
        })];
    }

    private static string Outside(string field) => Regex.Replace(field, "\"(?:[^\"\\\\]|\\\\.)*\"|\\((?:[^()\\\\]|\\\\.)*\\)", "", RegexOptions.Singleline);

    [GeneratedRegex("^authentication-results[ \t]*:", RegexOptions.IgnoreCase)]
    private static partial Regex FieldName();
}
