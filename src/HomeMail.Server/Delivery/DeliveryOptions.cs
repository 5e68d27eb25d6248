using System.Net;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Server.House;

namespace HomeMail.Server.Delivery;

/// <summary>What the delivery client is told about this server and how it is to behave.</summary>
public sealed record DeliveryOptions
{
    /// <summary><c>[server] hostname</c>: the name given in EHLO, and never a host to deliver to.</summary>
    public required string Hostname { get; init; }

    /// <summary>How long to wait for what.</summary>
    public SmtpTimeouts Timeouts { get; init; } = new();

    /// <summary>The port of mail exchangers: 25 (RFC 5321 4.5.4.2). Only tests and labs have another.</summary>
    public int Port { get; init; } = 25;

    /// <summary>Roots to trust in the place of the system's, or null.</summary>
    public X509Certificate2Collection? TrustAnchors { get; init; }

    /// <summary>Whether the clock can be believed; until then no certificate is refused for its dates.</summary>
    public Func<bool> ClockIsSane { get; init; } = static () => true;

    /// <summary>Whether a greeting's text is that of a session of this very process: the host is ourselves.</summary>
    public Func<string, bool> IsOwnGreeting { get; init; } = static _ => false;

    /// <summary>Where what is sent to an address is entered so that it is recognised when it comes in here; null for addresses that are not ours.</summary>
    public Func<IPAddress, OpenDeliveries?> RecognisedAt { get; init; } = static _ => null;

    /// <summary>Where what is sent to a session of this process over pipes is entered in the same way, or null.</summary>
    public OpenDeliveries? RecognisedInProcess { get; init; }

    /// <summary>Whether mail for a domain is meant to come back to this server over SMTP (<c>local-delivery = smtp</c>), so that our own address is no loop.</summary>
    public Func<string, bool> ComesBackBySmtp { get; init; } = static _ => false;

    /// <summary>Recipients in one transaction; every server takes 100 (RFC 5321 4.5.3.1.8).</summary>
    public int MaxRecipients { get; init; } = 100;

    /// <summary>Messages over one connection before it is closed.</summary>
    public int MaxTransactions { get; init; } = 50;

    /// <summary>Hosts of one destination that are looked up and tried in one attempt.</summary>
    public int MaxHosts { get; init; } = 10;

    /// <summary>Addresses of one host that are tried in one attempt.</summary>
    public int MaxAddresses { get; init; } = 8;

    /// <summary>Wait between the starts of two connections that race (RFC 8305 5, Connection Attempt Delay).</summary>
    public TimeSpan Stagger { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a connection without work is kept for the next message to the same destination.</summary>
    public TimeSpan KeepIdle { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Connections without work that are kept in all.</summary>
    public int MaxIdle { get; init; } = 8;
}
