using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Smtp;

/// <summary>A whole message as it came over SMTP: header edited, body in the spool.</summary>
public sealed class ReceivedMessage
{
    /// <summary>The body.</summary>
    public required SpoolMessage Body { get; init; }

    /// <summary>The header as it came, with its empty line; signatures are checked against this. Valid until the intake has answered.</summary>
    public required ReadOnlyMemory<byte> OriginalHeader { get; init; }

    /// <summary>The header without what must not come in from outside, with its empty line. Valid until the intake has answered.</summary>
    public required ReadOnlyMemory<byte> Header { get; init; }

    /// <summary>What was seen in the header.</summary>
    public required HeaderSummary Summary { get; init; }

    /// <summary>Whether the body has octets above 127.</summary>
    public required bool EightBit { get; init; }

    /// <summary>The SHA-256 of the content as it came, if the intake has asked for it; else null.</summary>
    public byte[]? Digest { get; init; }

    /// <summary>Whether the content came by BDAT.</summary>
    public bool Chunked { get; init; }

    /// <summary>The same message with another header.</summary>
    /// <param name="header">The header, with its empty line; must stay valid as long as the message.</param>
    /// <param name="summary">What is to be seen in it.</param>
    public ReceivedMessage WithHeader(ReadOnlyMemory<byte> header, HeaderSummary summary) => new()
    {
        Body = Body,
        OriginalHeader = OriginalHeader,
        Header = header,
        Summary = summary,
        EightBit = EightBit,
        Digest = Digest,
        Chunked = Chunked,
    };
}

/// <summary>
/// The one thing that the SMTP server hands its messages to. It decides who may send to whom, and what becomes of a message; the session knows the
/// protocol and nothing of queues, mailboxes and policies.
/// </summary>
public interface IMessageIntake
{
    /// <summary>Asks whether a principal may use a reverse-path. Called at MAIL.</summary>
    /// <param name="client">The client.</param>
    /// <param name="mail">The arguments of MAIL. Who may not choose its reverse-path gets its own.</param>
    /// <returns>Null if so, otherwise the reply to give.</returns>
    SmtpReply? CheckSender(ClientFacts client, ref MailArguments mail);

    /// <summary>Asks whether a recipient is accepted. If so, it is added to the transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="rcpt">The arguments of RCPT.</param>
    /// <returns>The reply to give.</returns>
    SmtpReply AddRecipient(MailTransaction transaction, in RcptArguments rcpt);

    /// <summary>A place for a body. Its identifier is the message's.</summary>
    SpoolMessage Begin();

    /// <summary>Whether the content of a transaction is to be hashed (<see cref="ReceivedMessage.Digest"/>). Asked when the content begins.</summary>
    /// <param name="transaction">The transaction.</param>
    bool WantsDigest(MailTransaction transaction) => false;

    /// <summary>Takes a message. A positive reply means that it is on disk.</summary>
    /// <param name="transaction">The transaction, with one recipient at least.</param>
    /// <param name="message">The message. The caller disposes of the body.</param>
    /// <param name="cancel">The server stops; nothing is stored then.</param>
    /// <returns>The reply to DATA, one for all recipients.</returns>
    ValueTask<SmtpReply> AcceptAsync(MailTransaction transaction, ReceivedMessage message, CancellationToken cancel);
}
