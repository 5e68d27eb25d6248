using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Server.Delivery;
using HomeMail.Server.Delivery.Trust;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Delivery.Trust;

/// <summary>TLSA records against real handshakes, in which a server sends a chain of three.</summary>
public class DaneJudgeTests
{
    private static readonly ECDsa RootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa MiddleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa ForeignKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly X509Certificate2 Root = Authority("CN=root", RootKey, null, null);
    private static readonly X509Certificate2 Middle = Authority("CN=middle", MiddleKey, Root, RootKey);

    // Of the same name, by another key: as an attacker would have it.
    private static readonly X509Certificate2 FalseMiddle = Authority("CN=middle", ForeignKey, null, null);

    public static TheoryData<string, string, string, string> Cases { get; } = new()
    {
        // what, records, certificate, refusal
        { "the certificate itself", "3 0 1 leaf", "good", "" },
        { "the certificate whole", "3 0 0 leaf", "good", "" },
        { "its key", "3 1 1 leaf", "good", "" },
        { "its key by SHA-512", "3 1 2 leaf", "good", "" },
        { "another certificate", "3 1 1 root", "good", "no DANE record of the host fits the certificate" },
        { "rollover: the old one is still there", "3 1 1 root;3 1 1 leaf", "good", "" },
        { "rollover: an issuer, and the certificate", "2 0 1 foreign;3 1 1 leaf", "good", "" },
        { "the end entity's name does not matter", "3 1 1 leaf", "other", "" },
        { "nor does its date", "3 1 1 leaf", "old", "" },
        { "the issuer in the middle", "2 0 1 middle", "good", "" },
        { "the issuer in the middle, by its key", "2 1 2 middle", "good", "" },
        { "the root, held by the record alone", "2 0 0 root", "good", "" },
        { "an issuer that has not issued it", "2 0 1 foreign", "good", "no DANE record of the host fits the certificate" },
        { "an issuer that is held and has not issued it", "2 0 0 foreign", "good", "the issuer that the host's DANE records name has not issued the certificate" },
        { "an issuer is not the end entity", "3 1 1 middle", "good", "no DANE record of the host fits the certificate" },
        { "the end entity is not its own issuer", "2 1 1 leaf", "good", "the issuer that the host's DANE records name has not issued the certificate" },
        { "under an issuer the name matters", "2 0 1 middle", "other", "the certificate is for another name" },
        { "the domain's name will do", "2 0 1 middle", "domain", "" },
        { "under an issuer the date matters", "2 0 1 middle", "old", "the certificate is out of date" },
        { "unless nobody knows the date", "2 0 1 middle", "old insane", "" },
        { "a certificate by a false issuer that shows the true one", "2 0 1 middle", "forged", "the issuer that the host's DANE records name has not issued the certificate" },
        { "a record that holds no certificate", "2 0 0 junk", "good", "no DANE record of the host fits the certificate" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Judges(string what, string records, string shown, string expected)
    {
        Assert.NotEmpty(what);
        using var leaf = shown.Split(' ')[0] switch
        {
            "other" => Leaf("mx.example.org", Middle, MiddleKey),
            "domain" => Leaf("example.net", Middle, MiddleKey),
            "old" => Leaf("mx.example.net", Middle, MiddleKey, -20, -2),
            "forged" => Leaf("mx.example.net", FalseMiddle, ForeignKey),
            _ => Leaf("mx.example.net", Middle, MiddleKey),
        };
        var judge = new DaneJudge([.. records.Split(';').Select(r => Record(r, leaf))], ["mx.example.net", "mx.example.net", "example.net"]);
        var refusal = await HandshakeAsync(judge, leaf, !shown.EndsWith("insane", StringComparison.Ordinal));
        Assert.Equal(expected, refusal?.Words ?? "");
    }

    [Fact]
    public void NoCertificateIsRefused() =>
        Assert.Equal("the server showed no certificate", new DaneJudge([], []).Refuse(null, null, SslPolicyErrors.RemoteCertificateNotAvailable, true)?.Words);

    private static TlsaRecord Record(string text, X509Certificate2 leaf)
    {
        var parts = text.Split(' ');
        var named = parts[3] switch { "leaf" => leaf, "middle" => Middle, "root" => Root, _ => FalseMiddle };
        var selected = parts[3] == "junk" ? [1, 2, 3] : parts[1] == "0" ? named.RawData : named.PublicKey.ExportSubjectPublicKeyInfo();
        var data = parts[2] switch { "1" => SHA256.HashData(selected), "2" => SHA512.HashData(selected), _ => selected };
        return new TlsaRecord(byte.Parse(parts[0]), byte.Parse(parts[1]), byte.Parse(parts[2]), data);
    }

    private static async Task<CertificateRefusal?> HandshakeAsync(DaneJudge judge, X509Certificate2 leaf, bool clockIsSane)
    {
        var (near, far) = DuplexStream.Pair();
        await using var client = new SslStream(near);
        await using var server = new SslStream(far);
        CertificateRefusal? refusal = null;
        var context = SslStreamCertificateContext.Create(leaf, [Middle], offline: true);
        var serving = server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = context });
        try
        {
            await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "mx.example.net",
                CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                    (refusal = judge.Refuse(certificate as X509Certificate2, chain, errors, clockIsSane)) is null,
            });
        }
        catch (AuthenticationException)
        {
            Assert.NotNull(refusal);
        }
        await near.DisposeAsync();
        try
        {
            await serving;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The client has gone.
        }
        return refusal;
    }

    private static X509Certificate2 Authority(string name, ECDsa key, X509Certificate2? issuer, ECDsa? issuerKey)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-60), DateTimeOffset.UtcNow.AddDays(60));
        if (issuer is null)
            return request.CreateSelfSigned(from, to);
        return request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey!), from, to, [1, 2, 3]);
    }

    private static X509Certificate2 Leaf(string name, X509Certificate2 issuer, ECDsa issuerKey, int fromDays = -1, int toDays = 30)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var bare = request.Create(
            issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), DateTimeOffset.UtcNow.AddDays(fromDays), DateTimeOffset.UtcNow.AddDays(toDays), [4, 5, 6]);
        using var whole = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), null);
    }
}
