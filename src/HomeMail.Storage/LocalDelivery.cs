using HomeMail.Protocol.Message;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage;

/// <summary>One mailbox that a message is to be put into.</summary>
/// <param name="Account">The account's name.</param>
/// <param name="Mailbox">The mailbox's IMAP name, with <c>/</c> between levels; it is made if it is not there. Ignored if <see cref="Use"/> is set.</param>
public sealed record LocalDelivery(string Account, string Mailbox)
{
    /// <summary>The inbox (RFC 9051 5.1).</summary>
    public const string Inbox = "INBOX";

    /// <summary>Rather than by name: the account's mailbox for this use, whatever it is called; made under its usual name on first use.</summary>
    public SpecialUse Use { get; init; }

    /// <summary>Not to make the mailbox: if it is not there the commit's condition is <see cref="Files.StorageCondition.NotFound"/> (TRYCREATE, RFC 9051 6.3.12).</summary>
    public bool MustExist { get; init; }

    /// <summary>
    /// The forward-path this delivery is for, or null. Where it equals that of a recipient of the request's envelope with status
    /// <see cref="RecipientStatus.Local"/>, that recipient becomes <see cref="RecipientStatus.Delivered"/>.
    /// </summary>
    public Address? Recipient { get; init; }

    /// <summary>Flags the message gets. Given flags, keywords or a reason are as durable as the message, for one more sync.</summary>
    public MessageFlags Flags { get; init; }

    /// <summary>Keywords the message gets (RFC 9051 2.3.2), such as <c>$Junk</c>.</summary>
    public IReadOnlyList<string> Keywords { get; init; } = [];

    /// <summary>Why it is in this mailbox, for the account's eyes: one line, 500 characters at most; or null.</summary>
    public string? Reason { get; init; }

    /// <summary>INTERNALDATE (RFC 9051 2.3.3); null means now.</summary>
    public DateTimeOffset? InternalDate { get; init; }
}

/// <summary>A message that has got its place.</summary>
/// <param name="Account">The account's name.</param>
/// <param name="Mailbox">The mailbox's IMAP name.</param>
/// <param name="UidValidity">UIDVALIDITY (RFC 9051 2.3.1.1).</param>
/// <param name="Uid">The UID.</param>
public readonly record struct StoredMessage(string Account, string Mailbox, uint UidValidity, uint Uid);
