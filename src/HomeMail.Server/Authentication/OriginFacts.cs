using System.Net;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;

namespace HomeMail.Server.Authentication;

/// <summary>What was found out about where a message came from. Facts only; what follows from them is decided elsewhere.</summary>
/// <param name="Sender">The reverse-path; null is <c>&lt;&gt;</c>.</param>
/// <param name="SpfRequest">What SPF was asked.</param>
/// <param name="Spf">What it said.</param>
/// <param name="SpfNote">Why SPF was not asked, or was asked with another address; or null.</param>
/// <param name="Reverse">Reverse DNS of the client.</param>
/// <param name="Dkim">A verdict for each signature.</param>
/// <param name="Author">The domain of From.</param>
/// <param name="Dmarc">The result of DMARC.</param>
public sealed record OriginFacts(
    Address? Sender, SpfRequest SpfRequest, SpfOutcome Spf, string? SpfNote, ReverseName Reverse, IReadOnlyList<DkimVerdict> Dkim, AuthorDomain Author,
    DmarcOutcome Dmarc)
{
    /// <summary>The verdict on the message's ARC chain (RFC 8617), or null if it was not looked for.</summary>
    public ArcVerdict? Arc { get; init; }

    /// <summary>What a trusted forwarder found when the message came to it, or null. A fact only: the results above say nothing of it.</summary>
    public ArcEvidence? TrustedArc { get; init; }

    /// <summary>The address that the message came from; SPF may have been asked about another.</summary>
    public IPAddress Client { get; init; } = SpfRequest.Client;

    /// <summary>
    /// The message is one that this server is sending, come back through the house's router. Its results are true of the house, and nothing that an
    /// address's reputation, a report or an ARC set should take for somebody else's.
    /// </summary>
    public bool IsOurs { get; init; }

    /// <summary>
    /// Every fact about the address is unknown: a router or a relay stands before whoever sent it. SPF, reverse DNS, block lists, reputation and greylist
    /// keys say nothing, and DMARC without an aligned signature is not evaluable.
    /// </summary>
    public bool IsAddressUnknown { get; init; }

    /// <summary>Whether SPF was asked about another address than the client's.</summary>
    public bool IsSpfRewritten => !SpfRequest.Client.Equals(Client);

    /// <summary>
    /// Whether the reverse-path is proven, so that an answer to it reaches who sent the message and nobody else: SPF passed for it, or DMARC passed for a
    /// domain that it belongs to.
    /// </summary>
    public bool IsSenderVerified => Sender is not null
        && ((Spf.Result == SpfResult.Pass && SpfRequest.Identity == SpfIdentity.MailFrom)
            || (Dmarc.Result == DmarcResult.Pass && InternationalName.TryToAscii(Sender.Domain, out var domain) && DnsName.IsWithin(domain, Author.Domain)));

    /// <summary>The fields that tell of it, for local eyes: Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 9.1).</summary>
    /// <param name="hostname">Our name.</param>
    public string Fields(string hostname)
    {
        var results = new AuthenticationResults(hostname).AddDmarc(Author, Dmarc).AddDkim(Dkim).AddSpf(SpfRequest, Spf, SpfNote);
        if (Arc is { Status: not ArcStatus.None })
            results.AddArc(Arc, SpfNote is null ? SpfRequest.Client : null);
        return results.Add("iprev", Reverse.Result, null, Reverse.Name, ("policy.iprev", Client.ToString())).ToString()
            + (SpfNote is null ? ReceivedSpf.Compose(SpfRequest, Spf, hostname) : ReceivedSpf.Compose(SpfRequest, Spf, hostname, ("note", SpfNote), ("connection-ip", Client.ToString())));
    }
}
