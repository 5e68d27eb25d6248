using HomeMail.Protocol.Sasl;
using HomeMail.Server.Net;
using HomeMail.Storage;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

/// <summary>Which way in a listener is.</summary>
public enum ImapRole : byte
{
    /// <summary>Port 143: TLS by STARTTLS, and no log-in before.</summary>
    Imap,

    /// <summary>Port 993: TLS from the first octet (RFC 8314 3.2).</summary>
    Imaps,
}

/// <summary>The ways in by name.</summary>
public static class ImapRoles
{
    /// <summary>The name of a way in: its key in <c>[listen]</c>, which is also its name in the log.</summary>
    /// <param name="role">The way in.</param>
    public static string Key(this ImapRole role) => role == ImapRole.Imaps ? "imaps" : "imap";
}

/// <summary>Is told when somebody says of a message that it is junk, or that it is not.</summary>
public interface IJunkLearning
{
    /// <summary>A message was moved into or out of the account's Junk mailbox, or got <c>$Junk</c> or <c>$NotJunk</c>. Must be quick.</summary>
    /// <param name="account">The account's name.</param>
    /// <param name="mailbox">Where the message is now.</param>
    /// <param name="uid">Its UID there.</param>
    /// <param name="isJunk">Which of the two.</param>
    void Learned(string account, Mailbox mailbox, uint uid, bool isJunk);
}

/// <summary>What a session is run with. A session keeps the options it began with, also when they are replaced meanwhile.</summary>
public sealed record ImapServerOptions
{
    /// <summary>Our name, in the greeting.</summary>
    public required string Hostname { get; init; }

    /// <summary>Certificate and key, or null: then there is no TLS, and no log-in.</summary>
    public TlsIdentity? Tls { get; init; }

    /// <summary>The accounts' keys.</summary>
    public required ICredentialSource Credentials { get; init; }

    /// <summary>The mail.</summary>
    public required MailStore Mail { get; init; }

    /// <summary>Where messages of APPEND come in.</summary>
    public required Spool Spool { get; init; }

    /// <summary>Octets an account's mailboxes may have; null for no limit.</summary>
    public Func<string, long?> Quota { get; init; } = static _ => null;

    /// <summary>Octets of a message (RFC 7889).</summary>
    public long MessageSize { get; init; } = 25 * 1024 * 1024;

    /// <summary>Octets of a command with its literals, that of a message aside.</summary>
    public int CommandSize { get; init; } = 64 * 1024;

    /// <summary>How long a client may say nothing once it has logged in; RFC 9051 5.4 asks for 30 minutes.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long a client may take to log in.</summary>
    public TimeSpan LogInTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>After how much silence a client in IDLE is told that the server is still there; null for never.</summary>
    public TimeSpan? KeepAlive { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Commands that make no sense, before the session is closed.</summary>
    public int Errors { get; init; } = 50;

    /// <summary>Memory that all sessions share, or null for no limit.</summary>
    public MemoryBudget? Memory { get; init; }

    /// <summary>Is told what is junk; null for nobody.</summary>
    public IJunkLearning? Junk { get; init; }
}
