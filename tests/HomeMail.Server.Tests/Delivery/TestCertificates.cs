using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>A root and certificates by it, made when the tests start.</summary>
internal static class TestCertificates
{
    private static readonly X509Certificate2 Issuer = MakeRoot();

    /// <summary>The root, for a client that is to trust it.</summary>
    public static X509Certificate2Collection Anchors { get; } = [X509CertificateLoader.LoadCertificate(Issuer.RawData)];

    /// <summary>A certificate for a name, valid now or at another time.</summary>
    public static X509Certificate2 For(string name, int fromDays = -1, int toDays = 30)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, false));
        var now = DateTimeOffset.UtcNow;
        using var bare = request.Create(Issuer, now.AddDays(fromDays), now.AddDays(toDays), RandomNumberGenerator.GetBytes(8));
        using var whole = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), null);
    }

    private static X509Certificate2 MakeRoot()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=HomeMail test root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-60), DateTimeOffset.UtcNow.AddDays(60));
    }
}
