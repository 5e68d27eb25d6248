using System.Net;

namespace HomeMail.Server.Delivery;

/// <summary>A host that takes mail for a destination.</summary>
/// <param name="Name">Its name: of the MX record, of the smarthost, or the domain's own.</param>
/// <param name="Preference">Of the MX record; 0 for others.</param>
/// <param name="Addresses">Its addresses, of the families that the route allows; IPv4 never as mapped IPv6.</param>
/// <param name="IsAuthenticated">Name and addresses came with DNSSEC (RFC 7672 2.2).</param>
public sealed record MailHost(string Name, int Preference, IReadOnlyList<IPAddress> Addresses, bool IsAuthenticated = false)
{
    /// <summary>The name at the end of its CNAME chain; its own where it is no alias.</summary>
    public string CanonicalName { get; init; } = Name;
}

/// <summary>What a search for hosts has brought.</summary>
/// <param name="Hosts">The hosts in the order in which to try them.</param>
/// <param name="Fault">Why there is none, or null.</param>
/// <param name="IsFinal">No other way to the destination is worth trying: it does not exist, or takes no mail.</param>
public sealed record HostSearch(IReadOnlyList<MailHost> Hosts, SessionFault? Fault = null, bool IsFinal = false);
