using System.Security.Cryptography;
using HomeMail.Protocol.Dkim;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace HomeMail.Server.Authentication;

/// <summary>The public-key part of DKIM and ARC: RSA by the platform, which is OpenSSL; Ed25519 by BouncyCastle, for the platform has none.</summary>
internal static class DkimCrypto
{
    // RFC 8301 3.2: less is never valid. The upper bound is ours: an RSA check costs time with the size of the key.
    private const int LeastRsaBits = 1024;
    private const int MostRsaBits = 8192;

    /// <summary>Checks a signature.</summary>
    /// <param name="key">The key record.</param>
    /// <param name="hash">The SHA-256 hash that was signed.</param>
    /// <param name="signature">b=</param>
    /// <param name="bits">The size of the key.</param>
    /// <returns>Null if it is good; otherwise the result and what is wrong.</returns>
    public static (DkimResult Result, string Reason)? Check(DkimKeyRecord key, ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, out int bits)
    {
        bits = 0;
        if (key.Key.Length == 0)
            return (DkimResult.PermError, "key revoked");
        if (key.Type == DkimAlgorithm.Ed25519Sha256)
        {
            if (key.Key.Length != Ed25519.PublicKeySize)
                return (DkimResult.PermError, "bad key");
            bits = 256;

            // RFC 8463 3: the hash itself is what Ed25519 signs.
            var good = signature.Length == Ed25519.SignatureSize
                && Ed25519.Verify(signature.ToArray(), 0, key.Key, 0, hash.ToArray(), 0, hash.Length);
            return good ? null : (DkimResult.Fail, "signature does not fit");
        }
        using var rsa = RSA.Create();
        if (!TryImport(rsa, key.Key))
            return (DkimResult.PermError, "bad key");
        bits = rsa.KeySize;
        if (bits < LeastRsaBits)
            return (DkimResult.PermError, "key too short");
        if (bits > MostRsaBits)
            return (DkimResult.PermError, "key too long");
        try
        {
            return rsa.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                ? null : (DkimResult.Fail, "signature does not fit");
        }
        catch (CryptographicException)
        {
            return (DkimResult.PermError, "bad key"); // an exponent that OpenSSL will not use, for one
        }
    }

    private static bool TryImport(RSA rsa, ReadOnlySpan<byte> key)
    {
        try
        {
            rsa.ImportSubjectPublicKeyInfo(key, out var read);
            return read == key.Length;
        }
        catch (CryptographicException)
        {
        }
        try
        {
            rsa.ImportRSAPublicKey(key, out var read); // RFC 6376 3.6.1 speaks of this form, and a few publish it
            return read == key.Length;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
