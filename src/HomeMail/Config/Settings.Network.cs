using System.Net;
using HomeMail.Protocol.Message;
using HomeMail.Server.Delivery;
using HomeMail.Server.Reports;

namespace HomeMail.Config;

/// <summary>[relay:NAME]: a host between the internet and us, or a second mail server in the house. Never a right to relay outwards.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Addresses">Its addresses.</param>
/// <param name="ProxyProtocol">Whether it sends the PROXY protocol v2.</param>
/// <param name="MaySend">The hosted domains, of one tenant, for which it may send.</param>
public sealed record RelaySettings(string Name, IReadOnlyList<IPAddress> Addresses, bool ProxyProtocol, IReadOnlyList<string> MaySend);

/// <summary>[route:NAME]: how mail to a destination goes.</summary>
/// <param name="Name"><c>*</c>, a domain, <c>.domain</c> for what is below it, or a name that a domain's <c>route</c> gives; in lower case.</param>
/// <param name="Via">The ways in order: null is <c>mx</c>, anything else a smarthost's name.</param>
/// <param name="Family">The address family.</param>
/// <param name="Tls">What is asked of TLS.</param>
public sealed record RouteSettings(string Name, IReadOnlyList<string?> Via, FamilyMode Family, RouteTls Tls);

/// <summary>[smarthost:NAME].</summary>
/// <param name="Name">Its name.</param>
/// <param name="Host">A host name, or an address without brackets.</param>
/// <param name="Port">The port.</param>
/// <param name="UserName">The name to log in with, or null for no log-in.</param>
/// <param name="Password">The password, or null.</param>
/// <param name="Tls">How TLS begins.</param>
public sealed record SmarthostSettings(string Name, string Host, int Port, string? UserName, string? Password, SmarthostTls Tls)
{
    /// <summary>The settings in text, without the password.</summary>
    public override string ToString() => $"{Name} {Host}:{Port} {Tls}";
}

/// <summary>One rule of [spf-rewrite].</summary>
/// <param name="Network">The clients it is for; a single address has a full prefix. IPv4-mapped IPv6 is IPv4.</param>
/// <param name="PublicAddress">The address to check SPF with; null is <c>auto</c>.</param>
public sealed record SpfRewriteRule(IPNetwork Network, IPAddress? PublicAddress);

/// <summary>What becomes of a message whose domain asks to reject it (RFC 9989).</summary>
public enum DmarcReject
{
    /// <summary>It is refused.</summary>
    Refuse,

    /// <summary>It goes to Junk.</summary>
    Junk,

    /// <summary>Nothing comes of it.</summary>
    Off,
}

/// <summary>[policy].</summary>
/// <param name="Greylist">Whether strangers are asked to come again (RFC 6647).</param>
/// <param name="Dnsbl">The zones of DNS block lists.</param>
/// <param name="AllowNetworks">Clients that no list or greylist concerns.</param>
/// <param name="AllowDomains">Verified sender domains that none concerns, in lower case.</param>
/// <param name="AllowAddresses">Verified senders that none concerns.</param>
/// <param name="DmarcReject">What a policy of reject does.</param>
/// <param name="TrustedArcSealers">Domains whose ARC sets are believed (RFC 8617), in lower case.</param>
public sealed record PolicySettings(
    bool Greylist, IReadOnlyList<string> Dnsbl, IReadOnlyList<IPNetwork> AllowNetworks, IReadOnlyList<string> AllowDomains,
    IReadOnlyList<Address> AllowAddresses, DmarcReject DmarcReject, IReadOnlyList<string> TrustedArcSealers)
{
    /// <summary>How long the first message of somebody unknown waits for its reply; null for not at all.</summary>
    public TimeSpan? FirstTimeDelay { get; init; }

    /// <summary>About whom aggregate reports are sent (RFC 9990).</summary>
    public ReportScope DmarcReports { get; init; }

    /// <summary>Whom they come from, or null for postmaster.</summary>
    public Address? ReportFrom { get; init; }
}

/// <summary>[dns-update]: where our records are kept (RFC 2136) and the key for it.</summary>
/// <param name="Host">A host name, or an address without brackets.</param>
/// <param name="Port">The port.</param>
/// <param name="TsigName">The key's name.</param>
/// <param name="TsigSecret">The key.</param>
public sealed record DnsUpdateSettings(string Host, int Port, string TsigName, byte[] TsigSecret)
{
    /// <summary>The settings in text, without the key.</summary>
    public override string ToString() => $"{Host}:{Port} {TsigName}";
}
