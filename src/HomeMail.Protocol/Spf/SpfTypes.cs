using System.Net;

namespace HomeMail.Protocol.Spf;

/// <summary>The results of check_host() (RFC 7208 2.6).</summary>
public enum SpfResult
{
    /// <summary>No domain to check, or no record there.</summary>
    None,

    /// <summary>The domain's owner says nothing about this client.</summary>
    Neutral,

    /// <summary>The client may send for the domain.</summary>
    Pass,

    /// <summary>The client may not.</summary>
    Fail,

    /// <summary>The client probably may not.</summary>
    SoftFail,

    /// <summary>DNS did not answer: try again later.</summary>
    TempError,

    /// <summary>The domain's records cannot be interpreted.</summary>
    PermError,
}

/// <summary>The identities that SPF checks (RFC 7208 2.3, 2.4).</summary>
public enum SpfIdentity
{
    /// <summary>The reverse-path; with a null one it is <c>postmaster@</c> the HELO name.</summary>
    MailFrom,

    /// <summary>The name given with HELO or EHLO.</summary>
    Helo,
}

/// <summary>What is to be checked (RFC 7208 4.1).</summary>
public sealed record SpfRequest
{
    /// <summary>Asks about a reverse-path.</summary>
    /// <param name="client">The client's address; IPv4-mapped IPv6 is IPv4 (RFC 7208 5).</param>
    /// <param name="localPart">The local part of the reverse-path, unquoted; null or empty with a null reverse-path.</param>
    /// <param name="domain">Its domain; null with a null reverse-path, for which the HELO name stands in (RFC 7208 2.4).</param>
    /// <param name="helo">The HELO or EHLO name.</param>
    /// <returns>The request.</returns>
    public static SpfRequest ForMailFrom(IPAddress client, string? localPart, string? domain, string helo) =>
        new(SpfIdentity.MailFrom, client, localPart, domain ?? helo, helo);

    /// <summary>Asks about the HELO name.</summary>
    /// <param name="client">The client's address.</param>
    /// <param name="helo">The HELO or EHLO name.</param>
    /// <returns>The request.</returns>
    public static SpfRequest ForHelo(IPAddress client, string helo) => new(SpfIdentity.Helo, client, null, helo, helo);

    /// <summary>The same question about another address.</summary>
    /// <param name="client">The address; IPv4-mapped IPv6 is IPv4.</param>
    public SpfRequest About(IPAddress client)
    {
        ArgumentNullException.ThrowIfNull(client);
        return this with { Client = client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client };
    }

    private SpfRequest(SpfIdentity identity, IPAddress client, string? localPart, string domain, string helo)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(helo);
        Identity = identity;
        Client = client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client;
        LocalPart = string.IsNullOrEmpty(localPart) ? "postmaster" : localPart; // RFC 7208 4.3
        Domain = domain;
        Helo = helo;
    }

    /// <summary>Which identity it is about.</summary>
    public SpfIdentity Identity { get; }

    /// <summary>The client's address, never IPv4-mapped.</summary>
    public IPAddress Client { get; private init; }

    /// <summary>The sender's local part.</summary>
    public string LocalPart { get; }

    /// <summary>The sender's domain, with which the check begins.</summary>
    public string Domain { get; }

    /// <summary>The HELO or EHLO name.</summary>
    public string Helo { get; }

    /// <summary>The host that checks, for the macro <c>%{r}</c>.</summary>
    public string Receiver { get; init; } = "unknown";

    /// <summary>The time, for the macro <c>%{t}</c>.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>Whether to look up the explanation of a fail: it costs queries, and its text is a stranger's.</summary>
    public bool WantExplanation { get; init; }

    /// <summary>Whether to keep a trace of what was done, for people to read.</summary>
    public bool WantTrace { get; init; }

    /// <summary>How many terms may find nothing before it is a permanent error (RFC 7208 4.6.4 recommends two).</summary>
    public int VoidLimit { get; init; } = 2;
}

/// <summary>One line of the trace.</summary>
/// <param name="Depth">How many includes deep.</param>
/// <param name="Domain">The domain whose record is evaluated.</param>
/// <param name="Term">The term as it stands in the record, or empty where the step is about the record itself.</param>
/// <param name="Text">What came of it.</param>
public sealed record SpfStep(int Depth, string Domain, string Term, string Text);

/// <summary>The end of an evaluation.</summary>
/// <param name="Result">The result.</param>
/// <param name="Mechanism">The term that decided, or <c>default</c> if none matched; null if there was nothing to evaluate.</param>
/// <param name="Problem">For an error: what is wrong. It may hold text of the domain's owner.</param>
/// <param name="Explanation">For a fail: the domain owner's explanation (RFC 7208 6.2), printable ASCII; null if there is none or it was not asked for.</param>
/// <param name="Terms">How many terms counted against the limit of ten (RFC 7208 4.6.4).</param>
/// <param name="Trace">The steps; empty unless asked for.</param>
public sealed record SpfOutcome(
    SpfResult Result, string? Mechanism, string? Problem, string? Explanation, int Terms, IReadOnlyList<SpfStep> Trace);
