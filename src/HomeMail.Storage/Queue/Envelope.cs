using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage;

/// <summary>Where one recipient of a queued message stands. The value is the first byte of its line in the envelope file.</summary>
public enum RecipientStatus : byte
{
    /// <summary>An attempt is owed at <see cref="EnvelopeRecipient.NextAttempt"/>.</summary>
    Waiting = (byte)'W',

    /// <summary>A mailbox of this server: link, mailbox and UID are decided and rolled forward on start (an intent).</summary>
    Local = (byte)'L',

    /// <summary>Done: the next host has answered 250, or the mailbox has the message.</summary>
    Delivered = (byte)'D',

    /// <summary>Failed for good, and the sender is still owed a DSN.</summary>
    Failed = (byte)'F',

    /// <summary>Nothing is left to do: delivered or failed, and told where telling was owed.</summary>
    Closed = (byte)'C',
}

/// <summary>One recipient of a queued message, with what was asked about it and what became of it.</summary>
public sealed class EnvelopeRecipient
{
    /// <summary>The forward-path (RFC 5321 3.3), without source route.</summary>
    public required Address Address { get; init; }

    /// <summary>ORCPT (RFC 3461 4.2) as <c>type;address</c> with xtext decoded, or null.</summary>
    public string? OriginalRecipient { get; init; }

    /// <summary>NOTIFY (RFC 3461 4.1).</summary>
    public DsnNotify Notify { get; init; }

    /// <summary>Where it stands.</summary>
    public RecipientStatus Status { get; set; } = RecipientStatus.Waiting;

    /// <summary>How many attempts have been made.</summary>
    public int Attempts { get; set; }

    /// <summary>When the next attempt is due.</summary>
    public DateTimeOffset NextAttempt { get; set; }

    /// <summary>Whether the sender has been told of the delay.</summary>
    public bool DelayTold { get; set; }

    /// <summary>The last reply or failure in one line of text, with status code where there is one (<c>mx.example.net: 450 4.2.0 ...</c>), or null.</summary>
    public string? LastReply { get; set; }

    /// <summary>For <see cref="RecipientStatus.Local"/>: the account, mailbox and UID the message is linked to; otherwise null.</summary>
    public LocalIntent? Local { get; set; }
}

/// <summary>A decided link: which account, mailbox and UID one copy of a message goes to.</summary>
/// <param name="Account">The account's name.</param>
/// <param name="Mailbox">The mailbox's IMAP name, with <c>/</c> between levels.</param>
/// <param name="UidValidity">The mailbox's UIDVALIDITY when the UID was given.</param>
/// <param name="Uid">The UID.</param>
public sealed record LocalIntent(string Account, string Mailbox, uint UidValidity, uint Uid)
{
    /// <summary>Flags the message gets there.</summary>
    public MessageFlags Flags { get; init; }

    /// <summary>Keywords it gets there.</summary>
    public IReadOnlyList<string> Keywords { get; init; } = [];

    /// <summary>Why it goes there, or null.</summary>
    public string? Reason { get; init; }

    /// <summary>Its INTERNALDATE; null means when it is put there.</summary>
    public DateTimeOffset? InternalDate { get; init; }
}

/// <summary>
/// The envelope of a message for which something is left to do (RFC 5321 2.3.1), as it stands in <c>spool/env/&lt;id&gt;</c>.
/// It is mutable and owned by one part at a time: the intake until commit, then the queue.
/// </summary>
public sealed class Envelope
{
    /// <summary>The message's identifier, and its file's name in the spool.</summary>
    public required MessageId Id { get; init; }

    /// <summary>When the message was accepted.</summary>
    public required DateTimeOffset Arrived { get; init; }

    /// <summary>The reverse-path; null is <c>&lt;&gt;</c> (RFC 5321 4.5.5).</summary>
    public Address? Sender { get; init; }

    /// <summary>
    /// Who stands behind the message: <c>account:alice</c>, <c>device:scanner</c>, <c>local:user</c>, <c>server</c> (our own DSNs and
    /// reports) or <c>internet</c>. Never derived from MAIL FROM or From.
    /// </summary>
    public required string Principal { get; init; }

    /// <summary>
    /// Whether a DSN may be sent to <see cref="Sender"/>: the principal owns it, or its domain passed SPF or aligned DMARC.
    /// Otherwise postmaster gets what the sender would have been told (no backscatter).
    /// </summary>
    public bool SenderVerified { get; init; }

    /// <summary>Offset in the message file of the first octet that travels; what is before it is for local eyes only. Set by the spool on commit.</summary>
    public long TravelOffset { get; set; }

    /// <summary>Size of the message file in octets, what is for local eyes included. Set by the spool on commit.</summary>
    public long Size { get; set; }

    /// <summary>ENVID (RFC 3461 4.4) with xtext decoded, or null.</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>RET (RFC 3461 4.3).</summary>
    public DsnReturn Return { get; init; }

    /// <summary>Whether the body has octets above 127 (BODY=8BITMIME, RFC 6152, or seen in the content).</summary>
    public bool EightBit { get; init; }

    /// <summary>Whether the message needs SMTPUTF8 (RFC 6531): an address or a header field is not ASCII.</summary>
    public bool SmtpUtf8 { get; init; }

    /// <summary>REQUIRETLS (RFC 8689) was asked for.</summary>
    public bool RequireTls { get; init; }

    /// <summary>The message says <c>TLS-Required: No</c> (RFC 8689 3): it goes even where what the destination asks of encryption cannot be had.</summary>
    public bool TlsOptional { get; init; }

    /// <summary>Not before this time (RFC 4865 FUTURERELEASE), or null.</summary>
    public DateTimeOffset? ReleaseAt { get; set; }

    /// <summary>Held by hand: no attempt is made until it is released.</summary>
    public bool Held { get; set; }

    /// <summary>The recipients in the order they were given. Never empty.</summary>
    public required IReadOnlyList<EnvelopeRecipient> Recipients { get; init; }
}
