using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace HomeMail.Server.Net;

/// <summary>The certificate and key that this server shows, made ready once and shared by all connections.</summary>
public sealed class TlsIdentity
{
    private static readonly TimeSpan SelfSignedLifetime = TimeSpan.FromDays(3650);

    private readonly Lazy<SslServerAuthenticationOptions> _serverOptions;

    private TlsIdentity(X509Certificate2 certificate, X509Certificate2Collection chain, bool isSelfSigned)
    {
        Certificate = certificate;
        IsSelfSigned = isSelfSigned;
        _serverOptions = new(() => new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            // TLS 1.0 and 1.1 are gone (RFC 8996).
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateRequired = false,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            AllowRenegotiation = false,
        });
    }

    /// <summary>The leaf certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Whether nobody but its owner vouches for it.</summary>
    public bool IsSelfSigned { get; }

    /// <summary>
    /// Options for the server's side of a handshake, shared so that sessions can be resumed. They are made for the first handshake: the platform
    /// reads the system's whole trust store for it, needed or not, and that takes longer than all the rest of the start.
    /// </summary>
    public SslServerAuthenticationOptions ServerOptions => _serverOptions.Value;

    /// <summary>Loads a PEM chain and its key.</summary>
    /// <param name="certificatePath">The leaf first, then the intermediates.</param>
    /// <param name="keyPath">The key of the leaf.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="CryptographicException">A file holds no certificate or key, or they do not belong together.</exception>
    public static TlsIdentity Load(string certificatePath, string keyPath)
    {
        var leaf = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificatePath);
        if (chain.Count > 0)
            chain.RemoveAt(0);
        return new TlsIdentity(leaf, chain, leaf.SubjectName.RawData.AsSpan().SequenceEqual(leaf.IssuerName.RawData));
    }

    /// <summary>Loads the self-signed certificate of a folder, and makes it first where there is none.</summary>
    /// <param name="folder">The folder; made if it is not there.</param>
    /// <param name="hostname">The name the certificate is for.</param>
    /// <param name="clock">Where the time comes from.</param>
    /// <exception cref="IOException">The folder or a file cannot be read or written.</exception>
    public static TlsIdentity LoadOrMake(string folder, string hostname, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var certificatePath = Path.Combine(folder, "self-signed.crt");
        var keyPath = Path.Combine(folder, "self-signed.key");
        if (!File.Exists(certificatePath) || !File.Exists(keyPath))
            MakeSelfSigned(certificatePath, keyPath, hostname, clock.GetUtcNow());
        return Load(certificatePath, keyPath);
    }

    // P-256: an RSA key takes seconds to make on a router. A clock that was never set must not make a certificate that begins tomorrow.
    private static void MakeSelfSigned(string certificatePath, string keyPath, string hostname, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + hostname, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(hostname);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.CreateSelfSigned(now.AddYears(-1) < DateTimeOffset.UnixEpoch ? DateTimeOffset.UnixEpoch : now.AddYears(-1), now + SelfSignedLifetime);
        PrivateFile.Write(keyPath, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
        PrivateFile.Write(certificatePath, Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n"));
    }
}
