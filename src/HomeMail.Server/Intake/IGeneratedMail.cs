using HomeMail.Protocol.Message;

namespace HomeMail.Server.Intake;

/// <summary>
/// The way in for messages that this server writes itself: DSNs, notices to postmaster, reports. They are signed and delivered like any
/// other (a local recipient gets a link, a remote one an envelope), but no content check is made on them, and none ever causes a DSN.
/// </summary>
public interface IGeneratedMail
{
    /// <summary>Accepts a message; when the task ends with true it is on disk.</summary>
    /// <param name="sender">The reverse-path; null, which is <c>&lt;&gt;</c>, for all that answers a message (RFC 5321 6.1, RFC 3834 3.3).</param>
    /// <param name="recipient">Whom it is for; null means this house's postmaster.</param>
    /// <param name="message">The whole message in CRLF form, without trace fields; Date and Message-ID are in it.</param>
    /// <param name="smtpUtf8">Whether it needs SMTPUTF8 to travel (RFC 6531).</param>
    /// <param name="cancel">Gives up; the message is then not accepted.</param>
    /// <returns>False if it could not be stored now (disk full): the caller tries again later.</returns>
    ValueTask<bool> AcceptAsync(Address? sender, Address? recipient, ReadOnlyMemory<byte> message, bool smtpUtf8, CancellationToken cancel);
}
