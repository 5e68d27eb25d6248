namespace HomeMail.Server.Imap.Structure;

/// <summary>An address as ENVELOPE gives it (RFC 9051 7.5.2). Text is an octet a character.</summary>
/// <param name="Name">The display name, or null.</param>
/// <param name="Route">The obsolete source route, or null.</param>
/// <param name="Mailbox">The local part; the group's name where <paramref name="Host"/> is null; null at the end of a group.</param>
/// <param name="Host">The domain; null at the beginning and end of a group.</param>
public sealed record EnvelopeAddress(string? Name, string? Route, string? Mailbox, string? Host)
{
    /// <summary>What stands for a domain where there is none, since NIL would mean a group.</summary>
    public const string MissingHost = "MISSING_DOMAIN";

    /// <summary>What stands for a local part where there is none.</summary>
    public const string MissingMailbox = "MISSING_MAILBOX";

    /// <summary>Whether it is an address, not the mark of a group.</summary>
    public bool IsMailbox => Host is not null;
}
