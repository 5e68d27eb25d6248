using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery.Trust;

/// <summary>
/// Asks for a certificate that a TLSA record stands for (RFC 7672 3.1, 3.2). With DANE-EE that is all: neither names nor dates matter (RFC 7671 5.1).
/// With DANE-TA the issuer named, as the server has sent it or as the record holds it, has to lead to the certificate, whose name and dates count.
/// </summary>
/// <param name="records">The usable records; one that fits is enough, so that keys can be changed (RFC 7671 8.1).</param>
/// <param name="names">The names of which the certificate may bear any, for DANE-TA.</param>
public sealed class DaneJudge(IReadOnlyList<TlsaRecord> records, IReadOnlyList<string> names) : ICertificateJudge
{
    /// <inheritdoc/>
    public bool IsProof => true;

    /// <inheritdoc/>
    public CertificateRefusal? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane)
    {
        if (certificate is null)
            return new CertificateRefusal("the server showed no certificate", TlsResult.ValidationFailure);
        foreach (var record in records)
            if (record.Usage == Tlsa.EndEntity && Fits(record, certificate))
                return null;
        CertificateRefusal? refusal = null;
        var sent = Sent(chain);
        foreach (var record in records)
        {
            if (record.Usage != Tlsa.TrustAnchor)
                continue;
            foreach (var issuer in sent)
            {
                if (!Fits(record, issuer))
                    continue;
                var found = Follow(certificate, issuer, sent, clockIsSane);
                if (found is null)
                    return null;
                refusal ??= found;
            }
            if (record is not { Selector: 0, MatchingType: 0 } || Load(record.Data.Span) is not { } held)
                continue;
            using (held)
            {
                var found = Follow(certificate, held, sent, clockIsSane);
                if (found is null)
                    return null;
                refusal ??= found;
            }
        }
        return refusal ?? new CertificateRefusal("no DANE record of the host fits the certificate", TlsResult.ValidationFailure);
    }

    private static bool Fits(TlsaRecord record, X509Certificate2 certificate) =>
        Tlsa.Matches(record.Selector, record.MatchingType, record.Data.Span, certificate.RawDataMemory);

    private static List<X509Certificate2> Sent(X509Chain? chain)
    {
        var sent = new List<X509Certificate2>();
        if (chain is null)
            return sent;
        sent.AddRange(chain.ChainPolicy.ExtraStore);
        for (var i = 1; i < chain.ChainElements.Count; i++)
            sent.Add(chain.ChainElements[i].Certificate);
        return sent;
    }

    private CertificateRefusal? Follow(X509Certificate2 certificate, X509Certificate2 issuer, List<X509Certificate2> sent, bool clockIsSane)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(issuer);
        foreach (var other in sent)
            chain.ChainPolicy.ExtraStore.Add(other);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (!clockIsSane)
            chain.ChainPolicy.VerificationFlags |= X509VerificationFlags.IgnoreNotTimeValid;
        // A chain that is whole in itself, but for an end above the issuer that nobody has sent, is as good as DANE wants it.
        chain.Build(certificate);
        var status = X509ChainStatusFlags.NoError;
        var isReached = false;
        for (var i = 0; i < chain.ChainElements.Count && !isReached; i++)
        {
            var element = chain.ChainElements[i];
            isReached = i > 0 && element.Certificate.RawDataMemory.Span.SequenceEqual(issuer.RawDataMemory.Span);
            foreach (var part in element.ChainElementStatus)
                status |= part.Status;
        }
        status &= ~(X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot);
        if (!clockIsSane)
            status &= ~X509ChainStatusFlags.NotTimeValid;
        if (!isReached || (status & ~X509ChainStatusFlags.NotTimeValid) != X509ChainStatusFlags.NoError)
            return new CertificateRefusal("the issuer that the host's DANE records name has not issued the certificate", TlsResult.ValidationFailure);
        if (status != X509ChainStatusFlags.NoError)
            return new CertificateRefusal("the certificate is out of date", TlsResult.CertificateExpired);
        foreach (var name in names)
            if (certificate.MatchesHostname(name))
                return null;
        return new CertificateRefusal("the certificate is for another name", TlsResult.CertificateHostMismatch);
    }

    private static X509Certificate2? Load(ReadOnlySpan<byte> octets)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(octets);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
