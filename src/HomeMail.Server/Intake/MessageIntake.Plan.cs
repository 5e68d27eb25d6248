using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Intake;

public sealed partial class MessageIntake
{
    /// <summary>
    /// Sorts the recipients into links and an envelope; each account gets one copy, however many of its addresses were named. What is held until a time
    /// (RFC 4865) is held for the accounts here too: they wait in the envelope with the mailbox they are for, and <see cref="HeldMail"/> delivers to them.
    /// </summary>
    private (List<LocalDelivery> Deliveries, Envelope? Envelope) Plan(
        MailTransaction transaction, ReceivedMessage message, HostedNames names, bool mayAnswer, JudgedMail? judged = null)
    {
        var deliveries = new List<LocalDelivery>();
        var queued = new List<EnvelopeRecipient>();
        var principal = transaction.Client.Principal;
        var isHeld = transaction.Mail.HoldUntil > clock.GetUtcNow();
        foreach (var recipient in transaction.Recipients)
        {
            var destinations = (Destinations)recipient.Resolution;
            foreach (var account in destinations.Accounts)
            {
                if (deliveries.Exists(d => d.Account == account) || queued.Exists(q => q.Local?.Account == account))
                    continue;
                if (isHeld && judged is not { Reply: not null })
                    queued.Add(HeldMail.Recipient(names.Account(account)!, recipient, transaction.Mail.HoldUntil!.Value));
                else if (new LocalDelivery(account, LocalDelivery.Inbox) { Recipient = recipient.Address } is var delivery && (judged is null ? delivery : judged.Place(delivery)) is { } placed)
                    deliveries.Add(placed);
            }
            // Junk is never sent on, and what is refused is only kept.
            foreach (var address in destinations.Outside)
                if (judged is not { IsSentOn: false } && !queued.Exists(q => q.Address.Equals(address)))
                    queued.Add(new EnvelopeRecipient
                    {
                        Address = address,
                        Notify = recipient.Notify,
                        OriginalRecipient = recipient.OriginalRecipient,
                        NextAttempt = clock.GetUtcNow(),
                    });
            // Who asked to be told of success is told by the queue, which is where DSNs are made.
            if (recipient.Notify.HasFlag(DsnNotify.Success) && destinations.Accounts.Any(account => judged?.IsTaken(account) ?? true) && mayAnswer && !isHeld)
                queued.Add(new EnvelopeRecipient
                {
                    Address = recipient.Address,
                    Notify = recipient.Notify,
                    OriginalRecipient = recipient.OriginalRecipient,
                    Status = RecipientStatus.Local,
                });
        }
        if (queued.Count == 0)
            return (deliveries, null);
        return (deliveries, new Envelope
        {
            Id = message.Body.Id,
            Arrived = clock.GetUtcNow(),
            Sender = transaction.Mail.Sender,
            Principal = principal.ToString(),
            SenderVerified = mayAnswer,
            EnvelopeId = transaction.Mail.EnvelopeId,
            Return = transaction.Mail.Return,
            EightBit = message.EightBit || transaction.Mail.EightBitMime,
            // What was asked for says little: there are clients that always ask (RFC 6531 3.6). The body counts only if the client says that it may have
            // headers of its own in UTF-8.
            SmtpUtf8 = message.Summary.NeedsSmtpUtf8 || (transaction.Mail.SmtpUtf8 && message.EightBit)
                || transaction.Mail.Sender is { NeedsSmtpUtf8: true } || queued.Exists(static q => q.Address.NeedsSmtpUtf8),
            RequireTls = transaction.Mail.RequireTls,
            TlsOptional = !transaction.Mail.RequireTls && SaysTlsOptional(message.Header.Span),
            ReleaseAt = transaction.Mail.HoldUntil,
            Recipients = queued,
        });
    }

    // RFC 8689 3: more than one such field must not be, so several say nothing.
    private static bool SaysTlsOptional(ReadOnlySpan<byte> header)
    {
        var (count, isNo) = (0, false);
        foreach (var field in new HeaderFields(header))
        {
            if (!field.Is("TLS-Required"u8))
                continue;
            count++;
            isNo = Ascii.EqualsIgnoreCase(field.Value.Trim(" \t\r\n"u8), "No"u8);
        }
        return count == 1 && isNo;
    }
}
