// needs: python3-dkim python3-authres
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;
using static HomeMail.Server.Tests.Authentication.DkimMessages;

namespace HomeMail.Server.Tests.Authentication;

public sealed class ArcTests
{
    private const string Body = "Hello  there. \r\n\r\nBye\r\n";
    private const string Results = "mx.home.example;\r\n spf=pass smtp.mailfrom=alice@example.org";

    [Fact]
    public async Task AChainOfOurSealsIsWholeUntilSomethingChanges()
    {
        var message = Header;
        for (var i = 1; i <= 5; i++)
        {
            message = await SealAsync(message, Body, i % 2 == 0 ? Ed25519 : Rsa);
            var verdict = await VerifyAsync(message, Body);
            Assert.Equal((ArcStatus.Pass, i), (verdict.Status, verdict.Sealers.Count));
        }
        Assert.Equal("body has changed", (await VerifyAsync(message, Body + "more\r\n")).Problem);
        Assert.Equal(ArcStatus.Fail, (await VerifyAsync(message.Replace("A   folded", "Another", StringComparison.Ordinal), Body)).Status);

        // A changed result in the middle breaks the newest seal that covers it.
        var forged = message.Replace("i=3; mx.home.example;\r\n spf=pass", "i=3; mx.home.example;\r\n spf=fail", StringComparison.Ordinal);
        Assert.Equal("seal 5: signature does not fit", (await VerifyAsync(forged, Body)).Problem);
    }

    [Theory]
    [InlineData("ARC-Seal: i=1;", "ARC-Seal: i=2;")]
    [InlineData("ARC-Seal: i=1;", "X-Was-Seal: i=1;")]
    [InlineData("ARC-Message-Signature: i=1;", "X-Was: i=1;")]
    [InlineData("ARC-Authentication-Results: i=1;", "ARC-Authentication-Results: i=0;")]
    [InlineData("ARC-Authentication-Results: i=1;", "ARC-Authentication-Results: x=1;")]
    [InlineData("ARC-Authentication-Results: i=1;", "ARC-Authentication-Results: i=51;")]
    [InlineData("cv=none", "cv=pass")]
    [InlineData("cv=none", "cv=maybe")]
    [InlineData("cv=none", "cv=none; cv=none")]
    [InlineData("cv=none", "cv=none; h=from")]
    [InlineData("ARC-Seal: i=1; a=rsa-sha256", "ARC-Seal: i=1; a=rsa-sha1")]
    [InlineData("ARC-Seal: i=1; a=rsa-sha256;", "ARC-Seal: i=1;")]
    [InlineData("ARC-Message-Signature: i=1; a=rsa-sha256;", "ARC-Message-Signature: i=1;")]
    [InlineData("ARC-Message-Signature: i=1;", "ARC-Message-Signature: i=1; i=1;")]
    [InlineData("h=from", "h=arc-seal:from")]
    public async Task AMalformedSetIsAFailWithoutAnyQuery(string what, string by)
    {
        var zone = Zone();
        var message = await SealAsync(Header, Body, Rsa);
        Assert.Contains(what, message, StringComparison.Ordinal);
        var verdict = await VerifyAsync(message.Replace(what, by, StringComparison.Ordinal), Body, zone);
        Assert.Equal(ArcStatus.Fail, verdict.Status);
        Assert.Empty(zone.Queries);
    }

    [Fact]
    public async Task DnsFailuresAreFailsToo()
    {
        var message = await SealAsync(Header, Body, Rsa);
        Assert.Equal("key not available now", (await VerifyAsync(message, Body, new ZoneResolver().Fail(Rsa.RecordName))).Problem);
        Assert.Equal("no key", (await VerifyAsync(message, Body, new ZoneResolver())).Problem);
        Assert.Equal(ArcStatus.None, (await VerifyAsync(Header, Body)).Status);
    }

    // Field case: a chain that has failed is sealed once more, over the own set alone, and then never again.
    [Fact]
    public async Task AFailedChainIsSealedAsFailedOnce()
    {
        var broken = (await SealAsync(Header, Body, Rsa)).Replace("ARC-Authentication-Results: i=1; mx", "ARC-Authentication-Results: i=1; xx", StringComparison.Ordinal);
        var message = await SealAsync(broken, Body, Ed25519);
        Assert.StartsWith("ARC-Seal: i=2; a=ed25519-sha256; cv=fail;", message, StringComparison.Ordinal);
        var verdict = await VerifyAsync(message, Body);
        Assert.Equal((ArcStatus.Fail, true), (verdict.Status, verdict.Chain.IsSealedAsFailed));
        Assert.Equal(message, await SealAsync(message, Body, Rsa));

        // The failing seal covers its own three fields.
        var fields = Regex.Split(message, "\r\n(?![ \t])");
        var seal = Encoding.Latin1.GetBytes(fields[0]);
        var start = fields[0].IndexOf("b=", StringComparison.Ordinal) + 2;
        var hash = ArcChain.SealHash([], Encoding.Latin1.GetBytes(fields[2]), Encoding.Latin1.GetBytes(fields[1]), seal, start..);
        var signature = Convert.FromBase64String(Regex.Replace(fields[0][start..], @"\s", ""));
        Assert.True(Org.BouncyCastle.Math.EC.Rfc8032.Ed25519.Verify(signature, 0, Ed25519.PublicKey, 0, hash, 0, hash.Length));
    }

    [Fact]
    public async Task FiftySetsAreTheMostAndAThousandCostNothing()
    {
        var message = Header;
        for (var i = 1; i <= 50; i++)
            message = await SealAsync(message, Body, Ed25519);
        Assert.Equal(50, (await VerifyAsync(message, Body)).Sealers.Count);
        Assert.Equal(message, await SealAsync(message, Body, Ed25519));
        var zone = Zone();
        var many = string.Concat(Enumerable.Range(1, 1000).Select(i => $"ARC-Seal: i={i}; a=rsa-sha256; cv=pass; d=d{i}.example; s=s; b=AAAA\r\n"));
        Assert.Equal("too many sets", (await VerifyAsync(many + Header, Body, zone)).Problem);
        Assert.Empty(zone.Queries);
    }

    [Fact]
    public async Task DkimpyAgreesBothWays()
    {
        const string Python = "/usr/bin/python3";
        Assert.SkipWhen(
            !(Directory.Exists("/usr/lib/python3/dist-packages/dkim") && Directory.Exists("/usr/lib/python3/dist-packages/authres"))
                && Environment.GetEnvironmentVariable("CI") != "true", "dkimpy or authres is not installed");
        const string Script = """
            import dkim, sys
            keys = dict(line.rstrip('\n').split('\t') for line in open('keys'))
            find = lambda name, timeout=5: keys.get(name.decode().rstrip('.'), '').encode()
            key = open('rsa.pem', 'rb').read()
            for number in range(int(sys.argv[1])):
                path = '%03d.eml' % number
                message = open(path, 'rb').read()
                status = dkim.arc_verify(message, dnsfunc=find)[0].decode()
                results = b'Authentication-Results: their.example; arc=' + status.encode() + b'\r\n'
                fields = dkim.arc_sign(results + message, b'hm1', b'example.org', key, b'their.example')
                open(path, 'wb').write(b''.join(fields) + results + message)
                print(status)
            """;
        var folder = Directory.CreateTempSubdirectory("homemail-arc-interop-");
        try
        {
            var messages = OddMessages.Make(60);
            for (var i = 0; i < messages.Count; i++)
            {
                var sealed1 = await SealAsync(messages[i].Header, messages[i].Body, Rsa);
                await File.WriteAllBytesAsync(Path.Combine(folder.FullName, $"{i:d3}.eml"), Octets(sealed1 + messages[i].Body));
            }
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "rsa.pem"), Rsa.ToPem());
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "keys"), $"{Rsa.RecordName}\t{Rsa.RecordText}\n");
            using var process = Process.Start(new ProcessStartInfo(Python, ["-c", Script, $"{messages.Count}"])
            {
                WorkingDirectory = folder.FullName,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var error = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await error);
            Assert.Equal(Enumerable.Repeat("pass", messages.Count), output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            for (var i = 0; i < messages.Count; i++)
            {
                var text = Encoding.Latin1.GetString(await File.ReadAllBytesAsync(Path.Combine(folder.FullName, $"{i:d3}.eml")));
                var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
                var verdict = await VerifyAsync(text[..end], text[end..]);
                Assert.True(verdict is { Status: ArcStatus.Pass, Sealers.Count: 2 }, $"{i}: {verdict.Problem}");
            }
        }
        finally
        {
            folder.Delete(true);
        }
    }

    [Fact]
    public async Task ResultsAreTold()
    {
        var verdict = await VerifyAsync(await SealAsync(Header, Body, Rsa), Body);
        var client = IPAddress.Parse("2001:db8::1");
        Assert.Equal(
            """
            Authentication-Results: mx.home.example;
             arc=pass
              smtp.remote-ip="2001:db8::1"

            """.ReplaceLineEndings("\r\n"),
            new AuthenticationResults("mx.home.example").AddArc(verdict, client).ToString());
    }

    private static async Task<ArcVerdict> VerifyAsync(string header, string body, ZoneResolver? zone = null)
    {
        using var verification = new ArcVerification(Octets(header), zone ?? Zone());
        foreach (var b in Octets(body))
            verification.Body([b]);
        return await verification.FinishAsync(default);
    }

    private static async Task<string> SealAsync(string header, string body, DkimKey key)
    {
        using var hash = DkimSigner.BeginBody();
        hash.Append(Octets(body));
        var set = ArcSealer.Seal(Octets(header), hash.Finish(), await VerifyAsync(header, body), Results, key, DateTimeOffset.FromUnixTimeSeconds(1_790_000_000));
        return Encoding.Latin1.GetString(set) + header;
    }
}
