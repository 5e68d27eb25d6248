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
}

/// <summary>Says whether a server's certificate will do. Two kinds exist here; DANE (RFC 7672) is a third.</summary>
public interface ICertificateJudge
{
    /// <summary>Looks at a certificate.</summary>
    /// <param name="certificate">The server's certificate, or null.</param>
    /// <param name="chain">The chain that was built.</param>
    /// <param name="errors">What the platform found wrong, by the host's name and the trusted roots.</param>
    /// <param name="clockIsSane">False while no certificate may be refused for its dates.</param>
    /// <returns>Null if it will do, else why not, in a few words.</returns>
    string? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane);
}

/// <summary>Takes every certificate: opportunistic encryption protects from listeners only (RFC 7435 1.2).</summary>
public sealed class AnyCertificate : ICertificateJudge
{
    /// <summary>The one there is.</summary>
    public static AnyCertificate Instance { get; } = new();

    /// <inheritdoc/>
    public string? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane) => null;
}

/// <summary>Asks for a certificate that a trusted root vouches for and that has the host's name in it (RFC 9525).</summary>
public sealed class VerifiedName : ICertificateJudge
{
    /// <summary>The one there is.</summary>
    public static VerifiedName Instance { get; } = new();

    /// <inheritdoc/>
    public string? Refuse(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool clockIsSane)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
            return "the server showed no certificate";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return "the certificate is for another name";
        if (!errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
            return null;
        var status = X509ChainStatusFlags.NoError;
        foreach (var part in chain?.ChainStatus ?? [])
            status |= part.Status;
        if (status == X509ChainStatusFlags.NotTimeValid)
            return clockIsSane ? "the certificate is out of date" : null;
        return "the certificate is not vouched for by a trusted root";
    }
}
