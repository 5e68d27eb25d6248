using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Dns;

/// <summary>How a look-up ended. Mail treats the four kinds differently, so none is ever folded into another.</summary>
public enum DnsStatus
{
    /// <summary>There are records of the type asked for.</summary>
    Found,

    /// <summary>The name exists, but has no record of this type (NOERROR, RFC 2308 2.2).</summary>
    NoData,

    /// <summary>The name does not exist (NXDOMAIN with an SOA, RFC 2308 2.1).</summary>
    NoSuchDomain,

    /// <summary>Nothing can be said now: time-out, SERVFAIL, REFUSED, a broken answer. Never a ground for a permanent failure.</summary>
    TemporaryFailure,
}

/// <summary>The answer to one look-up, CNAMEs followed.</summary>
/// <typeparam name="T">The kind of record.</typeparam>
/// <param name="Status">How the look-up ended.</param>
/// <param name="Records">The records in the order of the answer; empty unless <see cref="DnsStatus.Found"/>.</param>
/// <param name="CanonicalName">The name at the end of the CNAME chain without trailing dot, or the name asked for.</param>
/// <param name="Authenticated">The answer has the AD bit and the resolver is one whose AD bit can be trusted (RFC 6698 A.3).</param>
/// <param name="Detail">For a temporary failure: what happened, in a few words for the log. Otherwise null.</param>
/// <param name="TimeToLive">How long the answer may be kept: the least TTL on the way to it, or the negative one (RFC 2308 5). Zero if not known.</param>
public readonly record struct DnsAnswer<T>(
    DnsStatus Status, IReadOnlyList<T> Records, string CanonicalName, bool Authenticated = false, string? Detail = null,
    TimeSpan TimeToLive = default);

/// <summary>A mail exchanger (RFC 1035 3.3.9).</summary>
/// <param name="Preference">Lower is tried first.</param>
/// <param name="Exchange">The host's name without trailing dot; empty for the root, which is a null MX (RFC 7505).</param>
public sealed record MxRecord(int Preference, string Exchange);

/// <summary>A TLSA record (RFC 6698 2.1).</summary>
/// <param name="Usage">Certificate usage.</param>
/// <param name="Selector">Selector.</param>
/// <param name="MatchingType">Matching type.</param>
/// <param name="Data">Certificate association data.</param>
public sealed record TlsaRecord(byte Usage, byte Selector, byte MatchingType, ReadOnlyMemory<byte> Data);

/// <summary>A host of a service (RFC 2782).</summary>
/// <param name="Priority">Lower is tried first.</param>
/// <param name="Weight">The share among equal priorities.</param>
/// <param name="Port">The port.</param>
/// <param name="Target">The host's name without trailing dot; empty for the root: there is no such service.</param>
public sealed record SrvRecord(int Priority, int Weight, int Port, string Target);

/// <summary>
/// DNS as mail needs it. Implementations never throw for anything DNS does; they throw only <see cref="OperationCanceledException"/>.
/// Names are ASCII (A-labels), with or without trailing dot.
/// </summary>
public interface IMailResolver
{
    /// <summary>A or AAAA records.</summary>
    /// <param name="name">The name.</param>
    /// <param name="family"><see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>.</param>
    /// <param name="cancel">Gives up the wait.</param>
    ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string name, AddressFamily family, CancellationToken cancel);

    /// <summary>MX records, unsorted.</summary>
    /// <param name="name">The name.</param>
    /// <param name="cancel">Gives up the wait.</param>
    ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken cancel);

    /// <summary>TXT records, the strings of each joined without a space (RFC 7208 3.3), one octet a character (Latin-1).</summary>
    /// <param name="name">The name.</param>
    /// <param name="cancel">Gives up the wait.</param>
    ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken cancel);

    /// <summary>PTR records of an address (RFC 1035 3.5, RFC 3596 2.5), names without trailing dot.</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is asked for as IPv4.</param>
    /// <param name="cancel">Gives up the wait.</param>
    ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken cancel);

    /// <summary>TLSA records (RFC 6698).</summary>
    /// <param name="name">The owner name, such as <c>_25._tcp.mx.example.net</c>.</param>
    /// <param name="cancel">Gives up the wait.</param>
    ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken cancel);

    /// <summary>SRV records (RFC 2782).</summary>
    /// <param name="name">The owner name, such as <c>_submissions._tcp.example.net</c>.</param>
    /// <param name="cancel">Gives up the wait.</param>
    ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken cancel);
}
