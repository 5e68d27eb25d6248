using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Server.Smtp;
using HomeMail.Storage;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Intake;

/// <summary>
/// Mail for accounts of this server that was held until a time (FUTURERELEASE, RFC 4865) and is now due. It stands before remote delivery: recipients
/// whose mailbox stands in the envelope get the message here, without a socket; the others go on outside.
/// </summary>
/// <param name="outside">Remote delivery.</param>
/// <param name="spool">The spool.</param>
/// <param name="names">Who is hosted here, asked for anew each time.</param>
/// <param name="log">The log.</param>
public sealed class HeldMail(IRemoteDelivery outside, Spool spool, Func<HostedNames> names, Log log) : IRemoteDelivery
{
    private static readonly Diagnostic Delivered = Diagnostic.Of(null, new EnhancedStatusCode(2, 1, 5), "delivered to the mailbox");
    private static readonly Diagnostic Gone = Diagnostic.Of(null, new EnhancedStatusCode(5, 1, 1), "this account is not here any more");
    private static readonly Diagnostic NotStored = Diagnostic.Of(null, new EnhancedStatusCode(4, 3, 0), "the mailbox could not take the message just now");

    /// <summary>The line of an envelope for an account that gets its message later.</summary>
    /// <param name="account">The account.</param>
    /// <param name="recipient">The recipient that was named.</param>
    /// <param name="delivery">Where it goes then.</param>
    /// <param name="due">When.</param>
    internal static EnvelopeRecipient Recipient(HostedAccount account, TransactionRecipient recipient, LocalDelivery delivery, DateTimeOffset due) => new()
    {
        Address = account.Addresses.Count > 0 ? account.Addresses[0] : recipient.Address,
        Notify = recipient.Notify,
        OriginalRecipient = recipient.OriginalRecipient,
        NextAttempt = due,
        // No UID is given before the time has come: the mailbox may be another by then.
        Local = new LocalIntent(account.Name, delivery.Mailbox, 0, 0) { Flags = delivery.Flags, Keywords = delivery.Keywords, Reason = delivery.Reason },
    };

    /// <inheritdoc/>
    public async Task<Reach> DeliverAsync(Delivery.MailTransaction mail, Destination destination, TakePlace place, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mail);
        var due = new List<int>();
        foreach (var i in mail.Open())
        {
            if (mail.Recipients[i].Local is not { } intent)
                continue;
            if (names().Account(intent.Account) is null)
                mail.Set(i, new RecipientResult(DeliveryOutcome.Failed, Gone));
            else
                due.Add(i);
        }
        if (due.Count > 0)
            await StoreAsync(mail, due).ConfigureAwait(false);
        return mail.IsOpen ? await outside.DeliverAsync(mail, destination, place, cancel).ConfigureAwait(false) : Reach.Reached;
    }

    private async Task StoreAsync(Delivery.MailTransaction mail, List<int> due)
    {
        var result = await spool.DeliverAsync(
            mail.Envelope,
            [.. due.Select(i => (mail.Recipients[i], At(mail.Recipients[i].Local!, mail.Recipients[i].Address)))])
            .ConfigureAwait(false);
        if (!result.IsCommitted)
            log.Error("store", ("id", mail.Envelope.Id.Value), ("condition", result.Condition.ToString()), ("what", result.Detail));
        MessageIntake.LogDelivered(log, mail.Envelope.Id, result);
        foreach (var i in due)
            mail.Set(i, result.IsCommitted ? new RecipientResult(DeliveryOutcome.Delivered, Delivered) : new RecipientResult(DeliveryOutcome.Deferred, NotStored));
    }

    private static LocalDelivery At(LocalIntent intent, Protocol.Message.Address recipient) => new(intent.Account, intent.Mailbox)
    {
        Recipient = recipient,
        Flags = intent.Flags,
        Keywords = intent.Keywords,
        Reason = intent.Reason,
    };
}
