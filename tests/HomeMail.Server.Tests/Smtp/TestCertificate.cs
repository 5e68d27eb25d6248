using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Server.Net;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>Certificates for tests, made on first use.</summary>
internal static class TestCertificate
{
    private static readonly Lazy<(string Certificate, string Key)> Files = new(Make);
    private static readonly Lazy<TlsIdentity> Identity = new(() => TlsIdentity.Load(Files.Value.Certificate, Files.Value.Key));

    /// <summary>One that an authority has signed.</summary>
    public static TlsIdentity Verifiable => Identity.Value;

    /// <summary>The same as PEM files.</summary>
    public static (string Certificate, string Key) VerifiableFiles => Files.Value;

    private static (string Certificate, string Key) Make()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"homemail-tls-{Environment.ProcessId}");
        Directory.CreateDirectory(folder);
        var now = DateTimeOffset.UtcNow;
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=Test Authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.org", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("mail.example.org");
        request.CertificateExtensions.Add(names.Build());
        using var leaf = request.Create(authority, now.AddDays(-1), now.AddDays(20), [1, 2, 3, 4]);
        var paths = (Path.Combine(folder, "verifiable.crt"), Path.Combine(folder, "verifiable.key"));
        File.WriteAllText(paths.Item1, leaf.ExportCertificatePem() + "\n" + authority.ExportCertificatePem() + "\n");
        File.WriteAllText(paths.Item2, key.ExportPkcs8PrivateKeyPem() + "\n");
        return paths;
    }
}
