namespace HomeMail.Server.Delivery;

/// <summary><c>[route:...] family</c>: which address family a route takes.</summary>
public enum FamilyMode
{
    /// <summary>IPv6 first, if it is healthy here.</summary>
    Auto,

    /// <summary>IPv6 first, whatever its health.</summary>
    PreferIPv6,

    /// <summary>IPv4 first.</summary>
    PreferIPv4,

    /// <summary>IPv6 or nothing.</summary>
    IPv6Only,

    /// <summary>IPv4 or nothing.</summary>
    IPv4Only,
}

/// <summary><c>[route:...] tls</c>: what a route asks of TLS.</summary>
public enum RouteTls
{
    /// <summary>Encrypted where it can be.</summary>
    Opportunistic,

    /// <summary>Encrypted to a verified name, or not at all.</summary>
    Required,

    /// <summary>Never encrypted.</summary>
    Off,
}

/// <summary><c>[smarthost:...] tls</c>: how TLS to a smarthost begins. The certificate is always verified.</summary>
public enum SmarthostTls
{
    /// <summary>By STARTTLS, which must be offered.</summary>
    StartTls,

    /// <summary>Before the greeting (RFC 8314 3.3).</summary>
    Implicit,

    /// <summary>No TLS; never with a log-in.</summary>
    Off,
}

/// <summary>A host that takes all mail of a route and passes it on.</summary>
/// <param name="Name">Its name in the configuration.</param>
/// <param name="Host">A host name, or an address without brackets. It may be in the house: who configured it has named it.</param>
/// <param name="Port">The port.</param>
/// <param name="LogIn">Whom to log in as, or null.</param>
/// <param name="Tls">How TLS begins.</param>
public sealed record Smarthost(string Name, string Host, int Port, LogIn? LogIn = null, SmarthostTls Tls = SmarthostTls.StartTls);

/// <summary>How mail to some destinations goes.</summary>
/// <param name="Name">The destinations: <c>*</c>, a domain, or <c>.domain</c> for all below it; or a name that a sender's domain gives.</param>
/// <param name="Via">The ways in order, a later one for when an earlier one cannot be reached: null is the destination's own MX.</param>
/// <param name="Family">The address family.</param>
/// <param name="Tls">What is asked of TLS.</param>
public sealed record Route(
    string Name, IReadOnlyList<Smarthost?> Via, FamilyMode Family = FamilyMode.Auto, RouteTls Tls = RouteTls.Opportunistic)
{
    /// <summary>Straight to the destination's MX, as if nothing were configured.</summary>
    public static Route Default { get; } = new("*", [null]);

    /// <summary>The one smarthost that takes everything, whatever the destination; null if the destination matters.</summary>
    public Smarthost? Only => Via.Count == 1 ? Via[0] : null;
}
