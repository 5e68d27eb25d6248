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

    // Early enough for clients that were told to trust this one to be told of the next.
    private static readonly TimeSpan RenewedBefore = TimeSpan.FromDays(60);

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

    /// <summary>Whether it was made here, and so is renewed here.</summary>
    public bool IsOwn { get; private init; }

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

    /// <summary>
    /// Loads the self-signed certificate of a folder, and makes it first where there is none, where it ends soon, or where it is for another name. The key stays
    /// what it was: a TLSA record of it stays true, and who has pinned it sees no other.
    /// </summary>
    /// <param name="folder">The folder; made if it is not there.</param>
    /// <param name="hostname">The name the certificate is for.</param>
    /// <param name="clock">Where the time comes from.</param>
    /// <param name="clockIsSane">Whether the time can be believed; if not, nothing is renewed.</param>
    /// <exception cref="IOException">The folder or a file cannot be read or written.</exception>
    /// <exception cref="CryptographicException">A file is damaged.</exception>
    public static TlsIdentity LoadOrMake(string folder, string hostname, TimeProvider clock, bool clockIsSane = true)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var certificatePath = Path.Combine(folder, "self-signed.crt");
        var keyPath = Path.Combine(folder, "self-signed.key");
        if (!File.Exists(certificatePath) || !File.Exists(keyPath))
            MakeSelfSigned(certificatePath, keyPath, hostname, clock.GetUtcNow());
        var identity = Load(certificatePath, keyPath);
        if (clockIsSane && IsDue(identity.Certificate, hostname, clock.GetUtcNow()))
        {
            MakeSelfSigned(certificatePath, keyPath, hostname, clock.GetUtcNow());
            identity = Load(certificatePath, keyPath);
        }
        return new TlsIdentity(identity.Certificate, [], isSelfSigned: true) { IsOwn = true };
    }

    /// <summary>Whether a certificate that was made here is to be made anew: it ends soon, has not begun, or is for another name.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="hostname">The name it is to be for.</param>
    /// <param name="now">The time.</param>
    public static bool IsDue(X509Certificate2 certificate, string hostname, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return certificate.NotAfter.ToUniversalTime() - now < RenewedBefore || certificate.NotBefore.ToUniversalTime() > now || !certificate.MatchesHostname(hostname);
    }

    private static ECDsa LoadOrMakeKey(string path)
    {
        if (!File.Exists(path))
            return ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(path));
        return key;
    }

    // P-256: an RSA key takes seconds to make on a router. A clock that was never set must not make a certificate that begins tomorrow.
    private static void MakeSelfSigned(string certificatePath, string keyPath, string hostname, DateTimeOffset now)
    {
        var isNew = !File.Exists(keyPath);
        using var key = LoadOrMakeKey(keyPath);
        var request = new CertificateRequest("CN=" + hostname, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(hostname);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.CreateSelfSigned(now.AddYears(-1) < DateTimeOffset.UnixEpoch ? DateTimeOffset.UnixEpoch : now.AddYears(-1), now + SelfSignedLifetime);
        if (isNew)
            PrivateFile.Write(keyPath, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
        PrivateFile.Write(certificatePath, Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n"));
    }
}
