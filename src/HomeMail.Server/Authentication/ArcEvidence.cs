using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.Authentication;

/// <summary>
/// What a trusted forwarder found when a message came to it (RFC 8617 7.2): the results of one set of a chain that is whole, every seal from that set up to
/// the newest being of a trusted domain.
/// </summary>
/// <param name="Sealer">d= of the seal.</param>
/// <param name="Instance">Which set it is.</param>
/// <param name="Results">Its results.</param>
public sealed record ArcEvidence(string Sealer, int Instance, IReadOnlyList<MethodResult> Results)
{
    /// <summary>
    /// The evidence of a chain. Only a chain that passes has any, and only if its newest seal is of a trusted domain or one below it: that one vouches for how
    /// the message came here. From there down to where trust ends, the lowest set is taken: it is nearest to the author, and nobody else was in between.
    /// </summary>
    /// <param name="verdict">The verdict on the chain.</param>
    /// <param name="trusted">The trusted domains, in A-labels.</param>
    /// <returns>Null if there is none, or it cannot be read.</returns>
    public static ArcEvidence? Of(ArcVerdict verdict, IReadOnlyList<string> trusted)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        ArgumentNullException.ThrowIfNull(trusted);
        if (verdict.Status != ArcStatus.Pass || trusted.Count == 0)
            return null;
        var instance = verdict.Sealers.Count;
        while (instance > 0 && IsTrusted(verdict.Sealers[instance - 1], trusted))
            instance--;
        if (instance == verdict.Sealers.Count)
            return null;
        // The set above the first one that is not trusted. arc-info has been read by the chain: its instance comes first, and ends at a semicolon.
        var value = verdict.Chain.Sets[instance].ResultsField.Value;
        value = value[(value.IndexOf((byte)';') + 1)..];
        return AuthenticationResultsReader.TryRead(value, out _, out var results)
            ? new ArcEvidence(verdict.Sealers[instance], instance + 1, results) : null;
    }

    /// <summary>Whether the forwarder found that DMARC passed for an author's domain. Results that contradict each other are none.</summary>
    /// <param name="author">The author's domain of this message.</param>
    public bool PassedDmarc(string author)
    {
        ArgumentNullException.ThrowIfNull(author);
        var passed = false;
        foreach (var result in Results)
        {
            if (result.Method != "dmarc")
                continue;
            if (result.Result != "pass" || result.Property("header.from") is not { } from || !DnsName.Same(from, author))
                return false;
            passed = true;
        }
        return passed;
    }

    private static bool IsTrusted(string sealer, IReadOnlyList<string> trusted)
    {
        foreach (var domain in trusted)
            if (DnsName.IsWithin(sealer, domain))
                return true;
        return false;
    }
}
