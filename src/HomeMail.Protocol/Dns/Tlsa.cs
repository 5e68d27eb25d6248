using System.Formats.Asn1;
using System.Security.Cryptography;

namespace HomeMail.Protocol.Dns;

/// <summary>What TLSA records mean for SMTP (RFC 6698 2.1, RFC 7671, RFC 7672 3.1).</summary>
public static class Tlsa
{
    /// <summary>DANE-TA(2): the record names an issuer, whose chain and names are checked.</summary>
    public const byte TrustAnchor = 2;

    /// <summary>DANE-EE(3): the record names the server's own certificate or key, and nothing else is checked.</summary>
    public const byte EndEntity = 3;

    /// <summary>
    /// Whether SMTP can use a record: usages 0 and 1 ask for roots that mail has not agreed on (RFC 7672 3.1.3), and what is unknown or has a
    /// digest of a wrong length says nothing.
    /// </summary>
    /// <param name="usage">Certificate usage.</param>
    /// <param name="selector">Selector.</param>
    /// <param name="matchingType">Matching type.</param>
    /// <param name="data">Certificate association data.</param>
    public static bool IsUsable(byte usage, byte selector, byte matchingType, ReadOnlySpan<byte> data) =>
        usage is TrustAnchor or EndEntity && selector is 0 or 1
        && matchingType switch { 0 => !data.IsEmpty, 1 => data.Length == SHA256.HashSizeInBytes, 2 => data.Length == SHA512.HashSizeInBytes, _ => false };

    /// <summary>Whether a certificate is the one that a usable record names.</summary>
    /// <param name="selector">0: the whole certificate; 1: its public key.</param>
    /// <param name="matchingType">0: the octets; 1: their SHA-256; 2: their SHA-512.</param>
    /// <param name="data">Certificate association data.</param>
    /// <param name="certificate">The certificate in DER.</param>
    public static bool Matches(byte selector, byte matchingType, ReadOnlySpan<byte> data, ReadOnlyMemory<byte> certificate)
    {
        var selected = certificate.Span;
        if (selector == 1)
        {
            if (!TryPublicKeyInfo(certificate, out var key))
                return false;
            selected = key.Span;
        }
        switch (matchingType)
        {
            case 0:
                return data.SequenceEqual(selected);
            case 1:
                Span<byte> digest256 = stackalloc byte[SHA256.HashSizeInBytes];
                SHA256.HashData(selected, digest256);
                return data.SequenceEqual(digest256);
            case 2:
                Span<byte> digest512 = stackalloc byte[SHA512.HashSizeInBytes];
                SHA512.HashData(selected, digest512);
                return data.SequenceEqual(digest512);
            default:
                return false;
        }
    }

    /// <summary>Finds the SubjectPublicKeyInfo of a certificate (RFC 5280 4.1), as the octets that stand there.</summary>
    /// <param name="certificate">The certificate in DER.</param>
    /// <param name="key">The SubjectPublicKeyInfo, with its tag and length.</param>
    public static bool TryPublicKeyInfo(ReadOnlyMemory<byte> certificate, out ReadOnlyMemory<byte> key)
    {
        key = default;
        try
        {
            var body = new AsnReader(certificate, AsnEncodingRules.DER).ReadSequence().ReadSequence();
            if (body.PeekTag().HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 0)))
                body.ReadEncodedValue();
            // serialNumber, signature, issuer, validity, subject
            for (var i = 0; i < 5; i++)
                body.ReadEncodedValue();
            key = body.ReadEncodedValue();
            return true;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }
}
