using HomeMail.Protocol.Sasl;
using HomeMail.Server.Net;

namespace HomeMail.Server.Smtp;

/// <summary>Which way in a listener is.</summary>
public enum SmtpRole : byte
{
    /// <summary>Port 25: mail from other servers (RFC 5321).</summary>
    Mta,

    /// <summary>Port 587: submission, TLS by STARTTLS (RFC 6409).</summary>
    Submission,

    /// <summary>Port 465: submission, TLS from the first octet (RFC 8314 3.3).</summary>
    Submissions,

    /// <summary>The plain endpoint for devices of the house.</summary>
    Lan,

    /// <summary>Users of this machine, by way of the control socket or the drop folder.</summary>
    Sendmail,
}

/// <summary>The ways in by name.</summary>
public static class SmtpRoles
{
    /// <summary>The name of a way in: its key in <c>[listen]</c>, which is also its name in the log.</summary>
    /// <param name="role">The way in.</param>
    public static string Key(this SmtpRole role) => role switch
    {
        SmtpRole.Mta => "smtp",
        SmtpRole.Submission => "submission",
        SmtpRole.Submissions => "submissions",
        SmtpRole.Lan => "lan",
        _ => "sendmail",
    };
}

/// <summary>Limits of a session. Defaults suit a router.</summary>
public sealed record SmtpLimits
{
    /// <summary>Octets of a message (RFC 1870).</summary>
    public long MessageSize { get; init; } = 25 * 1024 * 1024;

    /// <summary>Recipients of a transaction, and refusals that a session may get; RFC 5321 4.5.3.1.8 asks for 100 at least.</summary>
    public int Recipients { get; init; } = 100;

    /// <summary>Commands of a session.</summary>
    public int Commands { get; init; } = 12_000;

    /// <summary>Commands of a session that are not known, wrong or out of order, before it is closed. As many refusals as a transaction may have recipients close it too.</summary>
    public int Errors { get; init; } = 10;

    /// <summary>Transactions of a session, told by LIMITS (RFC 9422).</summary>
    public int Transactions { get; init; } = 100;

    /// <summary>Octets of a command line with its ending. RFC 5321 4.5.3.1.4 has 512; extensions add to it. Those of AUTH may be longer (RFC 4954 4).</summary>
    public int CommandLine { get; init; } = 2048;

    /// <summary>Received fields (RFC 5321 6.3).</summary>
    public int Hops { get; init; } = 100;

    /// <summary>How long the server waits for the client (RFC 5321 4.5.3.2.7 asks for 5 minutes).</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the server waits before there is a sender who is accepted: strangers who say nothing cost a connection.</summary>
    public TimeSpan IdleBeforeMail { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a session may take.</summary>
    public TimeSpan Session { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Octets a second that content must come in with, over a minute; zero for no limit.</summary>
    public int DataRate { get; init; } = 128;

    /// <summary>How long the greeting on port 25 waits for clients that speak first; zero is not at all. This machine itself never waits.</summary>
    public TimeSpan GreetingDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest time ahead that a message may be held (RFC 4865); zero if holding is not offered.</summary>
    public TimeSpan FutureRelease { get; init; } = TimeSpan.FromDays(30);
}

/// <summary>What a session is run with. A session keeps the options it began with, also when they are replaced meanwhile.</summary>
public sealed record SmtpServerOptions
{
    /// <summary>Our name: greeting, EHLO, Received.</summary>
    public required string Hostname { get; init; }

    /// <summary>Limits.</summary>
    public SmtpLimits Limits { get; init; } = new();

    /// <summary>Certificate and key, or null: then STARTTLS is not offered.</summary>
    public TlsIdentity? Tls { get; init; }

    /// <summary>Memory that all sessions share, or null for no limit.</summary>
    public MemoryBudget? Memory { get; init; }

    /// <summary>Knows the devices of the house by their addresses, or null: then no client of the LAN endpoint is one.</summary>
    public House.LanDevices? Devices { get; init; }

    /// <summary>The accounts' keys, or null: then AUTH is not offered.</summary>
    public ICredentialSource? Credentials { get; init; }
}
