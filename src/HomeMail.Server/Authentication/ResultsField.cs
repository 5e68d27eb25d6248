using System.Net;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;

namespace HomeMail.Server.Authentication;

/// <summary>Writes what was found into an Authentication-Results field (RFC 8601).</summary>
public static class ResultsField
{
    /// <summary>Adds the result of SPF.</summary>
    /// <param name="results">The field.</param>
    /// <param name="request">What was checked.</param>
    /// <param name="outcome">What came of it.</param>
    /// <param name="comment">What else is to be said, such as the address that stood in for another and by which rule; or null.</param>
    public static AuthenticationResults AddSpf(this AuthenticationResults results, SpfRequest request, SpfOutcome outcome, string? comment = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(outcome);
        var mailFrom = request.Identity == SpfIdentity.MailFrom ? AddressSyntax.QuoteLocalPart(request.LocalPart) + "@" + request.Domain : null;
        return results.Add(
            "spf", ReceivedSpf.Name(outcome.Result), outcome.Problem, comment, ("smtp.mailfrom", mailFrom),
            ("smtp.helo", mailFrom is null ? request.Helo : null));
    }

    /// <summary>Adds the verdict on each signature.</summary>
    /// <param name="results">The field.</param>
    /// <param name="verdicts">The verdicts; none means that the message is not signed.</param>
    public static AuthenticationResults AddDkim(this AuthenticationResults results, IReadOnlyList<DkimVerdict> verdicts)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(verdicts);
        if (verdicts.Count == 0)
            return results.Add("dkim", "none");
        foreach (var verdict in verdicts.Take(DkimVerifier.MostSignatures))
        {
            var signature = verdict.Signature;
            var algorithm = signature?.Algorithm == DkimAlgorithm.Ed25519Sha256 ? "ed25519-sha256" : "rsa-sha256";
            results.Add(
                "dkim", Name(verdict.Result), verdict.Reason, verdict.Testing ? "key is for testing" : null, ("header.d", signature?.Domain),
                ("header.s", signature?.Selector), ("header.a", signature is null ? null : algorithm), ("header.b", signature?.SignaturePrefix));
        }
        return results;
    }

    /// <summary>Adds the result of DMARC.</summary>
    /// <param name="results">The field.</param>
    /// <param name="author">The author's domain.</param>
    /// <param name="outcome">What came of it.</param>
    public static AuthenticationResults AddDmarc(this AuthenticationResults results, AuthorDomain author, DmarcOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(author);
        ArgumentNullException.ThrowIfNull(outcome);
        return results.Add(
            "dmarc", Name(outcome.Result), outcome.Problem, outcome.Record is null ? null : $"p={Name(outcome.Policy)}",
            ("header.from", author.Kind == AuthorDomainKind.One ? author.Domain : null),
            // RFC 9989 9.1
            ("policy.dmarc", outcome.Record is null ? null : Name(outcome.Policy)),
            ("policy.domain", outcome.PolicyDomain is { } domain && domain != author.Domain ? domain : null));
    }

    /// <summary>Adds the chain validation status.</summary>
    /// <param name="results">The field.</param>
    /// <param name="verdict">The verdict.</param>
    /// <param name="remote">The address that the message came from, or null (RFC 8617 10.2).</param>
    public static AuthenticationResults AddArc(this AuthenticationResults results, ArcVerdict verdict, IPAddress? remote)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(verdict);
        var status = verdict.Status switch { ArcStatus.Pass => "pass", ArcStatus.Fail => "fail", _ => "none" };
        return results.Add("arc", status, verdict.Problem, null, ("smtp.remote-ip", verdict.Status == ArcStatus.None ? null : remote?.ToString()));
    }

    /// <summary>The result's name in the registry.</summary>
    /// <param name="result">The result.</param>
    public static string Name(DkimResult result) => result switch
    {
        DkimResult.Pass => "pass",
        DkimResult.Fail => "fail",
        DkimResult.Policy => "policy",
        DkimResult.Neutral => "neutral",
        DkimResult.TempError => "temperror",
        _ => "permerror",
    };

    /// <summary>The result's name in the registry.</summary>
    /// <param name="result">The result.</param>
    public static string Name(DmarcResult result) => result switch
    {
        DmarcResult.Pass => "pass",
        DmarcResult.Fail => "fail",
        DmarcResult.TempError => "temperror",
        DmarcResult.PermError => "permerror",
        _ => "none",
    };

    /// <summary>The policy's name in records.</summary>
    /// <param name="policy">The policy.</param>
    public static string Name(DmarcPolicy policy) => policy switch
    {
        DmarcPolicy.Reject => "reject",
        DmarcPolicy.Quarantine => "quarantine",
        _ => "none",
    };
}
