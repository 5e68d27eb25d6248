using System.Net;
using HomeMail.Protocol.Message;
using HomeMail.Server;

namespace HomeMail.Config;

/// <summary>
/// A configuration that has been found right: every value typed, every name resolved, every default filled in. It never changes; a reload makes
/// another. Dictionaries keyed by names and domains are without regard to case.
/// </summary>
public sealed record Settings
{
    /// <summary>The file it was read from.</summary>
    public required string Path { get; init; }

    /// <summary>[server].</summary>
    public required ServerSettings Server { get; init; }

    /// <summary>[listen].</summary>
    public required ListenSettings Listen { get; init; }

    /// <summary>[tls].</summary>
    public required TlsSettings Tls { get; init; }

    /// <summary>[domain:NAME] by name.</summary>
    public required IReadOnlyDictionary<string, DomainSettings> Domains { get; init; }

    /// <summary>[account:NAME] by name.</summary>
    public required IReadOnlyDictionary<string, AccountSettings> Accounts { get; init; }

    /// <summary>The accounts by each of their addresses (<see cref="Address.Key"/>).</summary>
    public required IReadOnlyDictionary<string, AccountSettings> AccountsByAddress { get; init; }

    /// <summary>[alias:ADDRESS] by address (<see cref="Address.Key"/>).</summary>
    public required IReadOnlyDictionary<string, AliasSettings> Aliases { get; init; }

    /// <summary>[device:NAME] in the file's order.</summary>
    public required IReadOnlyList<DeviceSettings> Devices { get; init; }

    /// <summary>[relay:NAME] in the file's order.</summary>
    public required IReadOnlyList<RelaySettings> Relays { get; init; }

    /// <summary>[route:NAME] by name; <c>*</c> is always there.</summary>
    public required IReadOnlyDictionary<string, RouteSettings> Routes { get; init; }

    /// <summary>[smarthost:NAME] by name.</summary>
    public required IReadOnlyDictionary<string, SmarthostSettings> Smarthosts { get; init; }

    /// <summary>[spf-rewrite], the longest prefix first. Empty means <c>auto</c> for the gateway (design section 7).</summary>
    public required IReadOnlyList<SpfRewriteRule> SpfRewrite { get; init; }

    /// <summary>[rule:NAME] in the order in which they are tried: by name.</summary>
    public required IReadOnlyList<RuleSettings> Rules { get; init; }

    /// <summary>[policy].</summary>
    public required PolicySettings Policy { get; init; }

    /// <summary>[dns-update], or null if there is none.</summary>
    public DnsUpdateSettings? DnsUpdate { get; init; }

    /// <summary>[limits].</summary>
    public required LimitSettings Limits { get; init; }

    /// <summary>[queue].</summary>
    public required QueueSettings Queue { get; init; }
}

/// <summary>[server].</summary>
/// <param name="Hostname">The full name of this host, as in EHLO and Received, in lower case.</param>
/// <param name="Data">The data folder, absolute.</param>
/// <param name="PublicAddresses">Fixed public addresses, one a family at most; empty for <c>auto</c>.</param>
/// <param name="Resolvers">DNS resolvers; empty for those of /etc/resolv.conf.</param>
/// <param name="ResolverTrusted">Whether the resolvers' word on DNSSEC is believed; null for those on this machine, and where resolv.conf says so.</param>
/// <param name="MaxMessageSize">Octets of the largest message.</param>
/// <param name="User">The user to run as when started as root.</param>
/// <param name="Log">What the log tells.</param>
/// <param name="Memory">Octets of the managed heap's limit.</param>
/// <param name="MapPorts">Whether to ask the router to forward our ports.</param>
/// <param name="Socket">The control socket, or null for the default (design section 8).</param>
public sealed record ServerSettings(
    string Hostname, string Data, IReadOnlyList<IPAddress> PublicAddresses, IReadOnlyList<IPEndPoint> Resolvers, bool? ResolverTrusted, long MaxMessageSize,
    string User, LogLevel Log, long Memory, bool MapPorts, string? Socket)
{
    /// <summary>The drop folder's name in the data folder.</summary>
    public const string DropName = "drop";

    /// <summary>Where <c>sendmail</c> leaves messages while the server is down, if that is set.</summary>
    public string? Drop { get; init; }

    /// <summary>Where <c>sendmail</c> leaves messages while the server is down.</summary>
    public string DropFolder => Drop ?? System.IO.Path.Combine(Data, DropName);

    /// <summary>Whether the log goes to the system's log and not to standard output.</summary>
    public bool LogsToSystem { get; init; }
}

/// <summary>[listen]: the endpoints of each listener, none for <c>off</c>. An IPv6 wildcard is dual-stack; port 0 is any free port.</summary>
/// <param name="Smtp">Port 25.</param>
/// <param name="Submission">Submission with STARTTLS.</param>
/// <param name="Submissions">Submission over implicit TLS.</param>
/// <param name="Imap">IMAP with STARTTLS.</param>
/// <param name="Imaps">IMAP over implicit TLS.</param>
/// <param name="Lan">Plain SMTP for devices.</param>
/// <param name="Metrics">Prometheus metrics.</param>
/// <param name="Autoconfig">Client configuration.</param>
public sealed record ListenSettings(
    IReadOnlyList<IPEndPoint> Smtp, IReadOnlyList<IPEndPoint> Submission, IReadOnlyList<IPEndPoint> Submissions, IReadOnlyList<IPEndPoint> Imap,
    IReadOnlyList<IPEndPoint> Imaps, IReadOnlyList<IPEndPoint> Lan, IReadOnlyList<IPEndPoint> Metrics, IReadOnlyList<IPEndPoint> Autoconfig);

/// <summary>[tls]: both null for the self-signed certificate in <c>data/tls</c>.</summary>
/// <param name="Certificate">The PEM chain's path.</param>
/// <param name="Key">The PEM key's path.</param>
public sealed record TlsSettings(string? Certificate, string? Key)
{
    /// <summary>Whether the certificate is the one that OpenWrt's package acme keeps for the hostname.</summary>
    public bool FromAcme { get; init; }
}

/// <summary>[limits] of sessions, for a stranger and a user alike.</summary>
/// <param name="Connections">Connections at a time in all.</param>
/// <param name="ConnectionsPerAddress">Connections at a time from one IPv4 address or IPv6 /64.</param>
/// <param name="Recipients">Recipients of a transaction (RFC 5321 4.5.3.1.8).</param>
/// <param name="MessagesPerSession">Transactions of a session.</param>
/// <param name="Commands">Commands of a session.</param>
/// <param name="JunkCommands">Unknown or senseless commands of a session.</param>
/// <param name="AuthFailures">Failed log-ins from an address before it is blocked.</param>
/// <param name="AuthBlock">How long it then is blocked; null for never.</param>
/// <param name="LineLength">Octets of a command line with CRLF; those of AUTH may be longer in any case.</param>
/// <param name="Hops">Received fields of a message (RFC 5321 6.3).</param>
/// <param name="IdleTimeout">How long a session may say nothing (RFC 5321 4.5.3.2.7).</param>
/// <param name="SessionTimeout">How long a session may last.</param>
/// <param name="DataRate">Octets a second below which a sender is too slow; null for no limit.</param>
/// <param name="HoldAtMost">The longest FUTURERELEASE (RFC 4865); null if it is not offered.</param>
/// <param name="Inbound">What may come in from where in a day.</param>
public sealed record LimitSettings(
    int Connections, int ConnectionsPerAddress, int Recipients, int MessagesPerSession, int Commands, int JunkCommands, int AuthFailures,
    TimeSpan? AuthBlock, int LineLength, int Hops, TimeSpan IdleTimeout, TimeSpan SessionTimeout, long? DataRate, TimeSpan? HoldAtMost,
    InboundSettings Inbound)
{
    /// <summary>After how much silence an IMAP client in IDLE gets a sign of life; null for never.</summary>
    public TimeSpan? ImapKeepAlive { get; init; }
}

/// <summary>What strangers may send in a day; null for no limit.</summary>
/// <param name="AddressMessages">Messages from one address.</param>
/// <param name="AddressSize">Octets from one address.</param>
/// <param name="NetworkMessages">Messages from one network (/24, /64).</param>
/// <param name="NetworkSize">Octets from one network.</param>
public sealed record InboundSettings(int? AddressMessages, long? AddressSize, int? NetworkMessages, long? NetworkSize);

/// <summary>[queue].</summary>
/// <param name="RetryFirst">The time to the second attempt; it doubles from there.</param>
/// <param name="RetryMax">The longest time between attempts.</param>
/// <param name="GiveUpAfter">When a message comes back (RFC 5321 4.5.4.1).</param>
/// <param name="DelayNoticeAfter">When a sender is told of a delay; null for never.</param>
/// <param name="Parallel">Deliveries at a time.</param>
/// <param name="ParallelPerDestination">Deliveries at a time to one destination.</param>
/// <param name="HistoryDays">Days for which the delivery history is kept.</param>
/// <param name="HistorySize">Octets of the delivery history.</param>
/// <param name="FreeSpaceFloor">Octets of free disk below which nothing is accepted; null for no floor.</param>
public sealed record QueueSettings(
    TimeSpan RetryFirst, TimeSpan RetryMax, TimeSpan GiveUpAfter, TimeSpan? DelayNoticeAfter, int Parallel, int ParallelPerDestination,
    int HistoryDays, long HistorySize, long? FreeSpaceFloor);
