using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FsCheck.Xunit;
using HomeMail.Protocol.Dns;
using Xunit;

namespace HomeMail.Protocol.Tests.Dns;

public class TlsaTests
{
    [Theory]
    [InlineData(3, 1, 1, 32, true)]
    [InlineData(3, 0, 2, 64, true)]
    [InlineData(2, 0, 1, 32, true)]
    [InlineData(2, 1, 0, 1, true)]
    [InlineData(0, 0, 1, 32, false)]
    [InlineData(1, 1, 1, 32, false)]
    [InlineData(4, 1, 1, 32, false)]
    [InlineData(255, 1, 1, 32, false)]
    [InlineData(3, 2, 1, 32, false)]
    [InlineData(3, 1, 3, 32, false)]
    [InlineData(3, 1, 1, 31, false)]
    [InlineData(3, 1, 1, 64, false)]
    [InlineData(3, 1, 2, 32, false)]
    [InlineData(3, 1, 0, 0, false)]
    public void SomeRecordsCanBeUsed(byte usage, byte selector, byte matching, int length, bool usable) =>
        Assert.Equal(usable, Tlsa.IsUsable(usage, selector, matching, new byte[length]));

    public static TheoryData<string> Keys { get; } = ["rsa", "ec"];

    [Theory]
    [MemberData(nameof(Keys))]
    public void EachSelectorAndMatchingTypeFindsItsCertificate(string kind)
    {
        using var certificate = Make(kind);
        using var other = Make(kind);
        var der = certificate.RawDataMemory;
        var key = certificate.PublicKey.ExportSubjectPublicKeyInfo();
        Assert.True(Tlsa.TryPublicKeyInfo(der, out var found));
        Assert.Equal(key, found.ToArray());
        for (byte selector = 0; selector <= 1; selector++)
        {
            var whole = selector == 0 ? der.ToArray() : key;
            foreach (var (matching, data) in ((byte, byte[])[])[(0, whole), (1, SHA256.HashData(whole)), (2, SHA512.HashData(whole))])
            {
                Assert.True(Tlsa.Matches(selector, matching, data, der));
                Assert.False(Tlsa.Matches(selector, matching, data, other.RawDataMemory));
                data[^1] ^= 1;
                Assert.False(Tlsa.Matches(selector, matching, data, der));
            }
        }
    }

    [Property(MaxTest = 2000)]
    public void OctetsThatAreNoCertificateHaveNoKey(byte[] octets)
    {
        Assert.False(Tlsa.TryPublicKeyInfo(octets, out _));
        Assert.False(Tlsa.Matches(1, 1, new byte[32], octets));
    }

    [Fact]
    public void ACutCertificateHasNoKeyUnlessItIsThere()
    {
        using var certificate = Make("ec");
        var der = certificate.RawDataMemory;
        for (var length = 0; length < der.Length; length++)
            Assert.False(Tlsa.TryPublicKeyInfo(der[..length], out _));
    }

    private static X509Certificate2 Make(string kind)
    {
        using var rsa = kind == "rsa" ? RSA.Create(2048) : null;
        using var ec = kind == "ec" ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        var request = rsa is not null ? new CertificateRequest("CN=a", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest("CN=a", ec!, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(60));
    }
}
