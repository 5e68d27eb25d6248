using System.Net;

namespace HomeMail.Protocol.Dns;

/// <summary>A look-up that an evaluation without I/O asks for.</summary>
/// <param name="Type">TXT, A, AAAA, MX or PTR.</param>
/// <param name="Name">The name; for PTR the name under in-addr.arpa or ip6.arpa, that of the client.</param>
public readonly record struct DnsQuestion(DnsType Type, string Name);

/// <summary>How a look-up ended, as far as evaluations care.</summary>
public enum DnsReplyStatus
{
    /// <summary>There are records.</summary>
    Found,

    /// <summary>The name exists, without records of this type.</summary>
    NoData,

    /// <summary>The name does not exist.</summary>
    NoSuchDomain,

    /// <summary>Nothing can be said now.</summary>
    TemporaryFailure,
}

/// <summary>The answer to a look-up.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Addresses">For A and AAAA.</param>
/// <param name="Texts">For TXT the texts, for MX the hosts, for PTR the names.</param>
public readonly record struct DnsReply(
    DnsReplyStatus Status, IReadOnlyList<IPAddress>? Addresses = null, IReadOnlyList<string>? Texts = null);
