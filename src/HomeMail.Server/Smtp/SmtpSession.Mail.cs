using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    private static readonly Address Unreadable = new("unreadable", "invalid");

    private SmtpReply? Mail(ReadOnlySpan<byte> arguments)
    {
        if (_transaction is not null)
            return SmtpReplies.NestedMail;
        // What LIMITS promises (RFC 9422) is so many transactions, those that were refused at MAIL apart.
        if (_transactions >= Limits.Transactions)
        {
            Close(SmtpReplies.TooManyCommands, "too many transactions");
            return null;
        }
        if (SmtpArguments.ParseMail(arguments, Offer, out var mail) is { } wrong)
        {
            // What a device calls itself is not asked for: root@(none), scanner, an address with a space.
            if (!IsLan || (wrong != SmtpReplies.BadSenderSyntax && wrong != SmtpReplies.NeedsSmtpUtf8))
                return wrong;
            mail = new MailArguments { Size = -1, Sender = Unreadable };
        }
        if (mail.Size > Limits.MessageSize)
            return SmtpReplies.TooBig;
        if (HeldTooLong(ref mail))
            return SmtpReplies.HoldTooLong;
        if (_options.Memory is { IsShort: true })
            return SmtpReplies.MemoryShort;
        if (_intake.CheckSender(_client, ref mail) is { } refused)
            return refused;
        if (_options.Memory is not null && !TakeRoom())
            return SmtpReplies.MemoryShort;
        _transactions++;
        _transaction = new MailTransaction { Client = _client, Mail = mail };
        return SmtpReplies.SenderOk;
    }

    // A time that has passed is now (RFC 4865 4.2); one past the advertised limit is refused.
    private bool HeldTooLong(ref MailArguments mail)
    {
        if (mail.HoldFor is { } span)
            mail.HoldUntil = _clock.GetUtcNow() + span;
        return mail.HoldUntil is { } until && until > _clock.GetUtcNow() + Limits.FutureRelease;
    }

    private SmtpReply Rcpt(ReadOnlySpan<byte> arguments)
    {
        var transaction = _transaction!;
        // Content that has begun belongs to the recipients that were there (RFC 3030 2: chunks follow the last RCPT).
        if (_contentChunked)
            return SmtpReplies.ChunksOpenForRcpt;
        var offer = Offer;
        if (!transaction.Mail.SmtpUtf8)
            offer &= ~SmtpOffer.SmtpUtf8;
        if (SmtpArguments.ParseRcpt(arguments, offer, _options.Hostname, out var rcpt) is { } wrong)
            return wrong;
        return transaction.Recipients.Count >= Limits.Recipients ? SmtpReplies.TooManyRecipients : _intake.AddRecipient(transaction, rcpt);
    }

    private SmtpReply Rset()
    {
        DropTransaction();
        return SmtpReplies.Ok;
    }

    private void DropTransaction()
    {
        _transaction?.Dispose();
        _transaction = null;
        LeaveRoom();
        DisposeContent();
    }
}
