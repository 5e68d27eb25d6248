using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace HomeMail.Server.Delivery;

/// <summary>Whether a connection is to be encrypted.</summary>
public enum TlsUse
{
    /// <summary>In clear, whatever is offered.</summary>
    Never,

    /// <summary>Where STARTTLS is offered and works (RFC 7435).</summary>
    IfOffered,

    /// <summary>Always, or nothing is sent.</summary>
    Always,
}

/// <summary>Whose policy a demand is.</summary>
public enum TlsPolicyKind
{
    /// <summary>The configuration's alone: the destination publishes none.</summary>
    Route,

    /// <summary>MTA-STS, mode enforce (RFC 8461).</summary>
    Sts,

    /// <summary>MTA-STS, mode testing: failures are counted and nothing else.</summary>
    StsTesting,

    /// <summary>DANE (RFC 7672).</summary>
    Dane,

    /// <summary>DANE without one usable record: encrypted, to whomever (RFC 7672 2.2).</summary>
    DaneWithoutName,
}

/// <summary>What is asked of the encryption to one host: the route's setting, made stricter by what the destination publishes.</summary>
/// <param name="Use">Whether to encrypt.</param>
/// <param name="Certificate">Judges the server's certificate; a refusal ends the handshake.</param>
/// <param name="FromStart">TLS before the greeting (RFC 8314 3.3) instead of STARTTLS.</param>
public sealed record TlsDemand(TlsUse Use, ICertificateJudge Certificate, bool FromStart = false)
{
    /// <summary>No encryption.</summary>
    public static TlsDemand Never { get; } = new(TlsUse.Never, AnyCertificate.Instance);

    /// <summary>Encryption where it is to be had, to whom it may be.</summary>
    public static TlsDemand Opportunistic { get; } = new(TlsUse.IfOffered, AnyCertificate.Instance);

    /// <summary>Encryption to a host that proves its name.</summary>
    public static TlsDemand Verified { get; } = new(TlsUse.Always, VerifiedName.Instance);

    /// <summary>Whose policy it is.</summary>
    public TlsPolicyKind Policy { get; init; }

    /// <summary>The name to ask for in the handshake, if it is not the host's: that at which its TLSA records are (RFC 7672 8.1).</summary>
    public string? ServerName { get; init; }

    /// <summary>Says what would have been refused, where nothing is; or null.</summary>
    public ICertificateJudge? Watch { get; init; }

    /// <summary>The host's name itself can be believed to be the destination's, as REQUIRETLS asks (RFC 8689 4.2.1, step 2).</summary>
    public bool ProvesHost { get; init; }

    /// <summary>Whether something is published could not be found out just now: what it would prove may be proved later.</summary>
    public bool IsUncertain { get; init; }

    /// <summary>Why nothing may be sent to this host at all; or null.</summary>
    public SessionFault? Refusal { get; init; }

    /// <summary>Who asks for it, to be put behind the words of a failure; empty for the configuration.</summary>
    public string Because => Policy switch
    {
        TlsPolicyKind.Sts => ", as the domain's MTA-STS policy asks",
        TlsPolicyKind.Dane or TlsPolicyKind.DaneWithoutName => ", as the host's DANE records ask",
        _ => "",
    };
}

/// <summary>Why a certificate will not do.</summary>
/// <param name="Words">In a few words.</param>
/// <param name="Kind">For reports.</param>
public sealed record CertificateRefusal(string Words, TlsResult Kind);

/// <summary>Says whether a server's certificate will do.</summary>
public interface ICertificateJudge
{
    /// <summary>Whether what is not refused has proved who it is, even where no trusted root vouches for it.</summary>
    bool IsProof { get; }

    /// <summary>Looks at a certificate.</summary>
    /// <param name="certificate">The server's certificate, or null.</param>
    /// <param name="chain">The chain that was built; what else the server has sent is in its policy's extra store.</param>
    /// <param name="errors">What the platform found wrong, by the host's name and the trusted roots.</param>
    /// <param name="clockIsSane">False while no certificate may be refused for its dates.</param>
    /// <returns>Null if it will do, else why not.</returns>
    CertificateRefusal? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane);
}

/// <summary>Takes every certificate: opportunistic encryption protects from listeners only (RFC 7435 1.2).</summary>
public sealed class AnyCertificate : ICertificateJudge
{
    /// <summary>The one there is.</summary>
    public static AnyCertificate Instance { get; } = new();

    /// <inheritdoc/>
    public bool IsProof => false;

    /// <inheritdoc/>
    public CertificateRefusal? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane) => null;
}

/// <summary>Takes no certificate: the host itself is not one to send to.</summary>
/// <param name="words">Why not.</param>
public sealed class NoCertificate(string words) : ICertificateJudge
{
    /// <inheritdoc/>
    public bool IsProof => false;

    /// <inheritdoc/>
    public CertificateRefusal? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane) =>
        new(words, TlsResult.ValidationFailure);
}

/// <summary>Asks for a certificate that a trusted root vouches for and that has the host's name in it (RFC 9525).</summary>
public sealed class VerifiedName : ICertificateJudge
{
    /// <summary>The one there is.</summary>
    public static VerifiedName Instance { get; } = new();

    // What the platform found nothing wrong with is verified anyway; what was let pass for its date alone is not.
    /// <inheritdoc/>
    public bool IsProof => false;

    /// <inheritdoc/>
    public CertificateRefusal? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
            return new CertificateRefusal("the server showed no certificate", TlsResult.ValidationFailure);
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return new CertificateRefusal("the certificate is for another name", TlsResult.CertificateHostMismatch);
        if (!errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
            return null;
        var status = X509ChainStatusFlags.NoError;
        foreach (var part in chain?.ChainStatus ?? [])
            status |= part.Status;
        if (status == X509ChainStatusFlags.NotTimeValid)
            return clockIsSane ? new CertificateRefusal("the certificate is out of date", TlsResult.CertificateExpired) : null;
        return new CertificateRefusal("the certificate is not vouched for by a trusted root", TlsResult.CertificateNotTrusted);
    }
}
