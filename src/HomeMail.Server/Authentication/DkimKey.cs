using System.Security.Cryptography;
using HomeMail.Protocol.Dkim;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace HomeMail.Server.Authentication;

/// <summary>A private key of a domain, and the record that publishes its public half.</summary>
public sealed class DkimKey : IDisposable
{
    private const int RsaBits = 2048; // RFC 8301 3.2

    // The DER of a PKCS#8 Ed25519 key up to its 32 octets (RFC 8410 7).
    private static readonly byte[] Ed25519Pkcs8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

    private readonly Lock _gate = new();
    private readonly RSA? _rsa;
    private readonly byte[] _seed = [];

    private DkimKey(string domain, string selector, RSA rsa)
    {
        (Domain, Selector, Algorithm, _rsa) = (domain, selector, DkimAlgorithm.RsaSha256, rsa);
        PublicKey = rsa.ExportSubjectPublicKeyInfo();
    }

    private DkimKey(string domain, string selector, byte[] seed)
    {
        (Domain, Selector, Algorithm, _seed) = (domain, selector, DkimAlgorithm.Ed25519Sha256, seed);
        PublicKey = new byte[Ed25519.PublicKeySize];
        Ed25519.GeneratePublicKey(seed, 0, PublicKey, 0);
    }

    /// <summary>d=, in lower case.</summary>
    public string Domain { get; }

    /// <summary>s=</summary>
    public string Selector { get; }

    /// <summary>a=</summary>
    public DkimAlgorithm Algorithm { get; }

    /// <summary>For RSA the SubjectPublicKeyInfo, for Ed25519 the 32 octets.</summary>
    public byte[] PublicKey { get; }

    /// <summary>The name of the TXT record to publish.</summary>
    public string RecordName => $"{Selector}._domainkey.{Domain}";

    /// <summary>The text of the TXT record to publish.</summary>
    public string RecordText => DkimKeyRecord.Compose(Algorithm, PublicKey);

    /// <summary>Makes a key. RSA takes seconds on a small device.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="algorithm">The kind.</param>
    public static DkimKey Create(string domain, string selector, DkimAlgorithm algorithm) =>
        algorithm == DkimAlgorithm.RsaSha256
            ? new DkimKey(domain, selector, RSA.Create(RsaBits))
            : new DkimKey(domain, selector, RandomNumberGenerator.GetBytes(Ed25519.SecretKeySize));

    /// <summary>Reads a key from PEM (PKCS#8, or PKCS#1 for RSA).</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="pem">The text.</param>
    /// <exception cref="CryptographicException">It is not a private key of a kind that DKIM has.</exception>
    public static DkimKey Load(string domain, string selector, string pem)
    {
        if (PemEncoding.TryFind(pem, out var fields) && pem.AsSpan()[fields.Label] is "PRIVATE KEY")
        {
            var der = Convert.FromBase64String(pem[fields.Base64Data]);
            if (der.AsSpan().StartsWith(Ed25519Pkcs8) && der.Length == Ed25519Pkcs8.Length + Ed25519.SecretKeySize)
                return new DkimKey(domain, selector, der[Ed25519Pkcs8.Length..]);
        }
        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
            _ = rsa.ExportParameters(true); // a public key would only fail when it has to sign
            return new DkimKey(domain, selector, rsa);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            rsa.Dispose();
            throw new CryptographicException("not a private RSA or Ed25519 key in PEM form");
        }
    }

    /// <summary>The key as PEM (PKCS#8).</summary>
    public string ToPem() => _rsa is not null
        ? _rsa.ExportPkcs8PrivateKeyPem() + "\n"
        : PemEncoding.WriteString("PRIVATE KEY", [.. Ed25519Pkcs8, .. _seed]) + "\n";

    /// <summary>Signs a SHA-256 hash.</summary>
    /// <param name="hash">32 octets.</param>
    public byte[] Sign(byte[] hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        if (_rsa is not null)
        {
            lock (_gate)
                return _rsa.SignHash(hash, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        var signature = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(_seed, 0, hash, 0, hash.Length, signature, 0);
        return signature;
    }

    /// <inheritdoc/>
    public void Dispose() => _rsa?.Dispose();
}
