using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;
using static HomeMail.Server.Tests.Authentication.DkimMessages;

namespace HomeMail.Server.Tests.Authentication;

public sealed class DkimTests
{
    private const string Body = "Hello  there. \r\n\r\n  Bye\t\r\n\r\n\r\n";

    private const string Tags = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=hm1; h=from:to:subject";

    [Fact]
    public async Task WhatWeSignWeVerifyWithBothKeys()
    {
        var signed = await SignAsync(Header, Body, Rsa, Ed25519);
        var verdicts = await VerifyAsync(Zone(), signed, Body);
        Assert.Equal(["example.org", "example.org"], verdicts.Select(v => v.PassedDomain));
        Assert.Equal([2048, 256], verdicts.Select(v => v.KeyBits));
        Assert.All(signed[..^Header.Length].Split("\r\n"), l => Assert.True(l.Length <= 78));
        Assert.Equal(1_790_000_000, verdicts[0].Signature!.Timestamp);
    }

    [Theory]
    [InlineData("Subject:  A   folded", "Subject: Another", "signature does not fit")]
    [InlineData("From: Alice", "From: Alice", null)]
    [InlineData("From: Alice", "from:\tAlice", null)] // relaxed
    [InlineData("From: Alice", "From: Mallory <m@example.org>\r\nFrom: Alice", "signature does not fit")] // From is oversigned
    [InlineData("Date:", "Reply-To: m@example.com\r\nDate:", "signature does not fit")] // so is what is not there
    [InlineData("Date:", "X-Seen: yes\r\nDate:", null)]
    public async Task ChangesOfTheHeaderAreSeen(string what, string by, string? reason)
    {
        var signed = (await SignAsync(Header, Body, Rsa)).Replace("\r\n" + what, "\r\n" + by, StringComparison.Ordinal);
        Assert.Equal(reason, (await VerifyOneAsync(Zone(), signed, Body)).Reason);
    }

    [Theory]
    [InlineData("Hello there.\r\n\r\n Bye\r\n", null)]
    [InlineData("Hello there.\r\n\r\n Bye", null)]
    [InlineData("Hello there.\r\n\r\nBye\r\n", "body has changed")]
    [InlineData("Hello there.\r\n Bye\r\n", "body has changed")]
    [InlineData("Hello there.\r\n\r\n Bye\r\n.\r\n", "body has changed")]
    [InlineData("", "body has changed")]
    public async Task ChangesOfTheBodyAreSeen(string body, string? reason) =>
        Assert.Equal(reason, (await VerifyOneAsync(Zone(), await SignAsync(Header, Body, Ed25519), body)).Reason);

    [Theory]
    [InlineData(Canonicalization.Simple, Canonicalization.Simple)]
    [InlineData(Canonicalization.Simple, Canonicalization.Relaxed)]
    [InlineData(Canonicalization.Relaxed, Canonicalization.Simple)]
    public async Task EveryCanonicalizationVerifies(Canonicalization header, Canonicalization body)
    {
        var tags = Tags.Replace("relaxed/relaxed", $"{header}/{body}", StringComparison.Ordinal);
        Assert.Equal(DkimResult.Pass, (await VerifyOneAsync(Zone(), SignByHand(Rsa, Header, Body, tags, header, body), Body)).Result);
    }

    // RFC 6376 6.1.1, and what field cases add.
    [Theory]
    [InlineData("h=from:to:subject", "h=to:subject", "From is not signed")]
    [InlineData("v=1", "v=2", "unknown version")]
    [InlineData("v=1; ", "", "no version")]
    [InlineData("a=rsa-sha256", "a=rsa-sha1", "rsa-sha1 is no longer good enough")]
    [InlineData("a=rsa-sha256", "a=rsa-md5", "unknown algorithm")]
    [InlineData("c=relaxed/relaxed", "c=nofws", "unknown canonicalization")]
    [InlineData("d=example.org", "d=example.org; d=example.com", "not a tag list")]
    [InlineData("d=example.org", "d=org", "bad domain")]
    [InlineData("d=example.org", "d=example..org", "bad domain")]
    [InlineData("d=example.org", "d=exam ple.org", "bad domain")]
    [InlineData("d=example.org", "d=example.org.", "bad domain")]
    [InlineData("d=example.org", "d=example.org\"(", "bad domain")]
    [InlineData("s=hm1", "s=a/../b", "bad selector")]
    [InlineData("s=hm1", "s=", "no s=")]
    [InlineData("d=example.org", "d=example.org; i=alice@example.com", "i= is not within d=")]
    [InlineData("d=example.org", "d=example.org; i=@evilexample.org", "i= is not within d=")]
    [InlineData("d=example.org", "d=example.org; i=none", "i= is not within d=")]
    [InlineData("d=example.org", "d=example.org; t=200; x=100", "x= is not after t=")]
    [InlineData("d=example.org", "d=example.org; l=-1", "bad l=, t= or x=")]
    [InlineData("d=example.org", "d=example.org; q=http", "no usable query method")]
    [InlineData("d=example.org", "d=example.org; nonsense", "not a tag list")]
    public async Task MalformedSignaturesArePermanentErrors(string what, string by, string reason)
    {
        var zone = Zone();
        var signed = SignByHand(Rsa, Header, Body, Tags.Replace(what, by, StringComparison.Ordinal), Canonicalization.Relaxed, Canonicalization.Relaxed);
        var verdict = await VerifyOneAsync(zone, signed, Body);
        Assert.Equal((DkimResult.PermError, reason), (verdict.Result, verdict.Reason));
        Assert.Empty(zone.Queries);
    }

    [Theory]
    [InlineData("; i=@sub.example.org; q=http:dns/txt", null)]
    [InlineData("; x=1000", "signature expired")]
    [InlineData("; x=99999999999999999999999; zz=ignored", null)]
    [InlineData("; l=0", "end of body not signed")]
    [InlineData("; l=14", "end of body not signed")]
    [InlineData("; l=14 ; x=1", "end of body not signed")]
    [InlineData("; l=22", null)]
    [InlineData("; l=23", "l= is more than there is")]
    public async Task OptionalTagsCount(string more, string? reason)
    {
        DkimSignature.TryParse(Octets($"{Tags}{more}; bh=AAAA; b=AAAA"), out var parsed, out _);
        var signed = SignByHand(Rsa, Header, Body, Tags + more, Canonicalization.Relaxed, Canonicalization.Relaxed, parsed!.BodyLength);
        var verdict = await VerifyOneAsync(Zone(), signed, Body);
        Assert.Equal(reason, verdict.Reason);
        Assert.Equal(reason is null, verdict.Result == DkimResult.Pass);
    }

    [Theory]
    [InlineData("k=rsa; p={0}", null)] // v= is optional
    [InlineData("p={0}", null)]
    [InlineData("v=DKIM1; t=y:x; n=note; p={0};", null)]
    [InlineData("v=DKIM1; s=tlsrpt:email; h=sha1:sha256; p={0}", null)]
    [InlineData("v=DKIM2; p={0}", "not a key record")]
    [InlineData("k=rsa; v=DKIM1; p={0}", "not a key record")]
    [InlineData("v=DKIM1; k=dsa; p={0}", "unknown key type")]
    [InlineData("v=DKIM1; k=ed25519; p={0}", "key of another kind")]
    [InlineData("v=DKIM1; h=sha1; p={0}", "key not for SHA-256")]
    [InlineData("v=DKIM1; s=tlsrpt; p={0}", "key not for mail")]
    [InlineData("v=DKIM1; p=", "key revoked")]
    [InlineData("v=DKIM1", "not a key record")]
    [InlineData("v=DKIM1; p=!!!!", "key is not base64")]
    [InlineData("v=DKIM1; p=AAAA", "bad key")]
    [InlineData("unrelated text", "not a key record")]
    public async Task KeyRecordsAreReadAsTheStandardHasThem(string record, string? reason)
    {
        var zone = new ZoneResolver().Txt("hm1._domainkey.example.org", string.Format(null, record, Convert.ToBase64String(Rsa.PublicKey)));
        var verdict = await VerifyOneAsync(zone, await SignAsync(Header, Body, Rsa), Body);
        Assert.Equal(reason, verdict.Reason);
        Assert.True(verdict.Result is DkimResult.Pass or DkimResult.PermError);
    }

    [Fact]
    public async Task SeveralKeysAtOneNameAreTried()
    {
        var zone = new ZoneResolver().Txt("hm1._domainkey.example.org", "junk").Txt("hm1._domainkey.example.org", "v=DKIM1; k=ed25519; p=AAAA")
            .Txt("hm1._domainkey.example.org", Rsa.RecordText);
        Assert.Equal(DkimResult.Pass, (await VerifyOneAsync(zone, await SignAsync(Header, Body, Rsa), Body)).Result);
    }

    [Fact]
    public async Task ATemporaryFailureIsToldFromAMissingKey()
    {
        var signed = await SignAsync(Header, Body, Rsa);
        Assert.Equal(DkimResult.TempError, (await VerifyOneAsync(new ZoneResolver().Fail("hm1._domainkey.example.org"), signed, Body)).Result);
        Assert.Equal(DkimResult.PermError, (await VerifyOneAsync(new ZoneResolver(), signed, Body)).Result);
    }

    [Theory]
    [InlineData(512, "key too short")]
    [InlineData(1024, null)]
    [InlineData(16384, "key too long")]
    public async Task KeySizesHaveBounds(int bits, string? reason)
    {
        // A modulus of any odd number will do: the size decides before the signature does.
        byte[] spki;
        if (bits == 1024)
        {
            using var small = RSA.Create(bits);
            var key = DkimKey.Load("example.org", "hm1", small.ExportPkcs8PrivateKeyPem());
            Assert.Equal(reason, (await VerifyOneAsync(new ZoneResolver().Txt(key.RecordName, key.RecordText), await SignAsync(Header, Body, key), Body)).Reason);
            spki = small.ExportRSAPublicKey(); // the form that the RFC's text names
            Assert.Equal(reason, (await VerifyOneAsync(
                new ZoneResolver().Txt(key.RecordName, $"p={Convert.ToBase64String(spki)}"), await SignAsync(Header, Body, key), Body)).Reason);
            return;
        }
        using var odd = RSA.Create(new RSAParameters { Modulus = [.. Enumerable.Repeat((byte)0xff, bits / 8)], Exponent = [1, 0, 1] });
        spki = odd.ExportSubjectPublicKeyInfo();
        var zone = new ZoneResolver().Txt("hm1._domainkey.example.org", $"v=DKIM1; p={Convert.ToBase64String(spki)}");
        Assert.Equal(reason, (await VerifyOneAsync(zone, await SignAsync(Header, Body, Rsa), Body)).Reason);
    }

    [Fact]
    public async Task AThousandSignaturesCostNoMoreThanEight()
    {
        var zone = new ZoneResolver();
        var header = new StringBuilder();
        for (var i = 0; i < 1000; i++)
            header.Append("DKIM-Signature: v=1; a=rsa-sha256; d=d").Append(i).Append(".example; s=s; h=from; bh=AAAA; b=AAAA\r\n");
        var signed = header + await SignAsync(Header, Body, Rsa);
        var started = Stopwatch.StartNew();
        var verdicts = await VerifyAsync(zone, signed, Body);
        Assert.Equal(8, zone.Queries.Count);
        Assert.True(verdicts.Count <= 50);
        Assert.True(started.Elapsed < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task SignaturesOfTheAuthorsDomainComeFirst()
    {
        var junk = string.Concat(Enumerable.Range(0, 20).Select(i => $"DKIM-Signature: v=1; a=rsa-sha256; d=d{i}.example; s=s; h=from; bh=AAAA; b=AAAA\r\n"));
        var signed = junk + await SignAsync(Header, Body, Rsa);
        Assert.Equal("example.org", Assert.Single(await VerifyAsync(Zone(), signed, Body, "mail.example.org"), v => v.PassedDomain is not null).PassedDomain);
        Assert.All(await VerifyAsync(Zone(), signed, Body), v => Assert.Null(v.PassedDomain));
    }

    [Fact]
    public async Task TenThousandFieldsAndAHugeListOfNamesAreBounded()
    {
        var many = string.Concat(Enumerable.Range(0, 10_000).Select(i => $"X-{i % 7}: {i}\r\n"));
        var names = string.Join(':', Enumerable.Repeat("x-1", 5000));
        var started = Stopwatch.StartNew();
        var verdicts = await VerifyAsync(
            Zone(), $"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=hm1; h=from:{names}; bh=AAAA; b=AAAA\r\n{many}{Header}", Body);
        Assert.Equal("h= names too many fields", verdicts[0].Reason);
        var signed = await SignAsync(many + Header, Body, Rsa);
        Assert.Equal(DkimResult.Pass, (await VerifyOneAsync(Zone(), signed, Body)).Result);
        Assert.True(started.Elapsed < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task AnUnsignedMessageAsksNothing()
    {
        var zone = Zone();
        Assert.Empty(await new DkimVerifier(zone, TimeProvider.System)
            .VerifyAsync(Octets(Header), () => throw new InvalidOperationException("the body is not needed"), null, default));
        Assert.Empty(zone.Queries);
    }

    [Fact]
    public async Task WhileTheClockIsWrongNothingIsExpired()
    {
        var signed = SignByHand(Rsa, Header, Body, Tags + "; x=1000", Canonicalization.Relaxed, Canonicalization.Relaxed);
        var verdicts = await new DkimVerifier(Zone(), TimeProvider.System, () => false)
            .VerifyAsync(Octets(signed), () => new MemoryStream(Octets(Body)), null, default);
        Assert.Equal(DkimResult.Pass, Assert.Single(verdicts).Result);
    }

    [Fact]
    public void KeysAreMadeOnceKeptPrivateAndFoundAgain()
    {
        var folder = Directory.CreateTempSubdirectory("homemail-dkim-");
        try
        {
            var path = Path.Combine(folder.FullName, "dkim");
            using var keys = new DkimKeys(path);
            Assert.Empty(keys.For("example.org"));
            var made = keys.Use("Example.org", "hm1");
            Assert.Equal(["hm1._domainkey.example.org", "hm1-ed._domainkey.example.org"], made.Select(k => k.RecordName));
            Assert.Equal([DkimAlgorithm.RsaSha256, DkimAlgorithm.Ed25519Sha256], keys.For("EXAMPLE.ORG").Select(k => k.Algorithm));
            var file = Path.Combine(path, "example.org", "hm1.pem");
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            using var again = new DkimKeys(path);
            Assert.Equal(made.Select(k => k.RecordText), again.Use("example.org", "hm1").Select(k => k.RecordText));
            File.WriteAllText(file, "not a key");
            Assert.Throws<CryptographicException>(() => new DkimKeys(path).Use("example.org", "hm1"));
            Assert.Throws<ArgumentException>(() => keys.Use("../evil", "hm1"));
            Assert.Throws<ArgumentException>(() => keys.Use("example.org", "a/b"));
        }
        finally
        {
            folder.Delete(true);
        }
    }

    [Fact]
    public void ALongRecordIsSplitForZoneFiles()
    {
        var text = DkimKeyRecord.ToZoneFile(Rsa.RecordText);
        Assert.Equal(Rsa.RecordText, string.Concat(text.Split('"').Where((_, i) => i % 2 == 1)));
        Assert.All(text.Split('"').Where((_, i) => i % 2 == 1), s => Assert.True(s.Length <= 255));
        Assert.True(DnsName.IsValid(Rsa.RecordName));
    }
}
