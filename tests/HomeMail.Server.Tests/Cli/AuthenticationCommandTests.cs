using System.Text;
using System.Text.Json;
using HomeMail.Cli;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Tests.Authentication;
using HomeMail.Server.Tests.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

/// <summary><c>homemail spf</c>, <c>dkim</c> and <c>dmarc</c> against a DNS server on loopback.</summary>
public sealed class AuthenticationCommandTests
{
    private readonly Dictionary<string, string> _texts = new()
    {
        ["example.org"] = "v=spf1 ip4:192.0.2.0/24 include:other.example -all exp=why.example.org",
        ["other.example"] = "v=spf1 ?all",
        ["why.example.org"] = "Not from %{i}",
        ["_dmarc.example.org"] = "v=DMARC1; p=reject; t=y; adkim=s",
        [DkimMessages.Rsa.RecordName] = DkimMessages.Rsa.RecordText,
    };

    [Fact]
    public async Task SpfTellsEachStepAndTheResultLast()
    {
        var (code, lines, _) = await RunAsync("spf", "192.0.2.7", "alice@example.org");
        Assert.Equal(0, code);
        Assert.Equal(
            [
                "example.org: v=spf1 ip4:192.0.2.0/24 include:other.example -all exp=why.example.org",
                "example.org: ip4:192.0.2.0/24: matches: 192.0.2.7 is in it", "pass: by ip4:192.0.2.0/24 (0 of 10 terms with look-ups)",
            ],
            lines);
        (code, lines, _) = await RunAsync("spf", "2001:db8::1", "<alice@example.org>", "mail.example.org", "--json");
        Assert.Equal(1, code);
        using var last = JsonDocument.Parse(lines[^1]);
        Assert.Equal("fail", last.RootElement.GetProperty("result").GetString());
        Assert.Equal("-all", last.RootElement.GetProperty("mechanism").GetString());
        Assert.StartsWith("Not from 2.0.0.1.0.D.B.8", last.RootElement.GetProperty("explanation").GetString(), StringComparison.Ordinal);
        Assert.Contains(lines, l => l.Contains("\"depth\":1", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("spf")]
    [InlineData("spf", "192.0.2.1")]
    [InlineData("spf", "192.0.2.300", "a@example.org")]
    [InlineData("spf", "192.0.2.1", "<>")]
    [InlineData("dkim")]
    [InlineData("dkim", "/nowhere/message")]
    [InlineData("dkim", "a", "b")]
    [InlineData("dkim", "rotate", "example.org", "--config", "/nowhere/homemail.ini")]
    [InlineData("dmarc")]
    [InlineData("dmarc", "a..b")]
    [InlineData("dmarc", "example.org", "--resolver", "dns.example")]
    public async Task MisuseIsTold(params string[] words)
    {
        var (code, lines, error) = await RunAsync(words);
        Assert.Equal((2, 0), (code, lines.Count));
        Assert.StartsWith($"homemail {words[0]}: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ANullSenderIsCheckedByItsHelo() =>
        Assert.Equal(0, (await RunAsync("spf", "192.0.2.7", "<>", "example.org")).Code);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task DkimTellsTheFateOfEachSignature(bool crlf)
    {
        const string Body = "Hello\r\n\r\nBye\r\n";
        var signed = await DkimMessages.SignAsync(DkimMessages.Header, Body, DkimMessages.Rsa, DkimMessages.Ed25519) + Body;
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, Encoding.Latin1.GetBytes(crlf ? signed : signed.Replace("\r\n", "\n", StringComparison.Ordinal)));
            var (code, lines, _) = await RunAsync("dkim", path);
            Assert.Equal(0, code);
            Assert.Equal(3, lines.Count);
            Assert.Matches("^d=example.org s=hm1 a=rsa-sha256 b=.{8}, 2048 bits: pass$", lines[0]);
            Assert.Matches("^d=example.org s=hm1-ed a=ed25519-sha256 b=.{8}: permerror: no key$", lines[1]);
            Assert.Equal("pass: 1 of 2 signatures pass", lines[2]);
            (_, lines, _) = await RunAsync("dkim", "--json", path);
            using var last = JsonDocument.Parse(lines[^1]);
            Assert.Equal("pass", last.RootElement.GetProperty("result").GetString());

            await File.WriteAllTextAsync(path, "Subject: no signature\n\nbody");
            (code, lines, _) = await RunAsync("dkim", path);
            Assert.Equal((1, "none: the message is not signed"), (code, lines.Single()));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task DmarcTellsThePolicy()
    {
        var (code, lines, _) = await RunAsync("dmarc", "example.org");
        Assert.Equal(0, code);
        Assert.Equal("record at _dmarc.example.org: v=DMARC1; p=reject; t=y; adkim=s", lines[0]);
        Assert.Contains("organizational domain: example.org", lines);
        Assert.Contains("alignment: DKIM strict, SPF relaxed", lines);
        Assert.Equal("pass: mail that fails is to be treated by p=quarantine", lines[^1]);
        (code, lines, _) = await RunAsync("dmarc", "example.net", "--json");
        Assert.Equal((1, """{"result":"none","domain":"example.net"}"""), (code, lines.Single()));
    }

    [Fact]
    public async Task WhatStrangersPublishCannotSteerTheTerminal()
    {
        _texts["evil.example"] = "v=spf1 a:\u001b]0;owned\u0007.example -all";
        var (_, lines, _) = await RunAsync("spf", "192.0.2.1", "a@evil.example");
        Assert.All(lines, l => Assert.DoesNotContain(l, char.IsControl));
        (_, lines, _) = await RunAsync("spf", "192.0.2.1", "a@evil.example", "--json");
        Assert.All(lines, l => Assert.DoesNotContain(l, char.IsControl));
    }

    private async Task<(int Code, IReadOnlyList<string> Lines, string Error)> RunAsync(params string[] words)
    {
        await using var dns = new LoopbackDnsServer(q =>
            q.Type == DnsType.Txt && _texts.TryGetValue(q.Name, out var text)
                ? q.Respond().Txt(q.Name, [.. text.Chunk(250).Select(c => new string(c))]).Build()
                : q.Respond(DnsResponseCode.NameError).Soa().Build());
        var output = new StringWriter();
        var error = new StringWriter();
        var code = await CommandLine.RunAsync(
            words.Contains("--resolver") ? words : [.. words, "--resolver", dns.EndPoint.ToString()],
            new Streams(TextReader.Null, output, error, null), TestContext.Current.CancellationToken);
        return (code, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), error.ToString());
    }
}
