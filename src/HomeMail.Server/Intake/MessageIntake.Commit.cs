using System.Globalization;
using System.Net;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Storage;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Intake;

public sealed partial class MessageIntake
{
    /// <summary>Where every accepted message goes: to disk, then to history and log, and what is left to do to the queue. Afterwards nothing can be refused.</summary>
    private async ValueTask<CommitResult> CommitAsync(CommitRequest request, Address? sender, IPAddress? peer, Principal principal, OriginFacts? facts, CancellationToken cancel, JudgedMail? judged = null)
    {
        var id = request.Message.Id;
        var result = await spool.CommitAsync(request, cancel).ConfigureAwait(false);
        if (!result.IsCommitted)
        {
            log.Error("store", ("id", id.Value), ("condition", result.Condition.ToString()), ("what", result.Detail));
            return result;
        }
        if (judged?.Reply is null)
            History?.Add(id, $"{sender}", DeliveryWords.Accepted, string.Create(CultureInfo.InvariantCulture, $"{result.Size} octets{(peer is null ? null : $" from {peer}")}, {principal}"));
        Tell(id, result, request.Local, request.Envelope, facts);
        await TellAsync(id, request.Local, judged).ConfigureAwait(false);
        if (request.Envelope is { } envelope)
            enqueue(envelope);
        return result;
    }

    private void Tell(MessageId id, CommitResult result, IReadOnlyList<LocalDelivery> deliveries, Envelope? envelope, OriginFacts? facts)
    {
        for (var i = 0; i < result.Stored.Count; i++)
            History?.Add(
                id, $"{deliveries[i].Recipient}", deliveries[i].Use == SpecialUse.Rejects ? DeliveryWords.Kept : DeliveryWords.Delivered,
                string.Create(CultureInfo.InvariantCulture, $"{result.Stored[i].Account}/{result.Stored[i].Mailbox}, UID {result.Stored[i].Uid}"));
        foreach (var recipient in envelope?.Recipients ?? [])
            if (recipient.Status == RecipientStatus.Waiting)
                History?.Add(id, recipient.Address.ToString(), DeliveryWords.Queued, envelope!.ReleaseAt is { } until ? $"until {until.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}" : null);
        if (facts is not null)
            log.Info("origin", ("id", id.Value), ("spf", ReceivedSpf.Name(facts.Spf.Result)), ("spf-note", facts.SpfNote), ("ours", facts.IsOurs ? "yes" : null),
                ("dkim", facts.Dkim.Count == 0 ? "none" : string.Join(',', facts.Dkim.Select(v => $"{ResultsField.Name(v.Result)}:{v.Signature?.Domain}"))),
                ("dmarc", ResultsField.Name(facts.Dmarc.Result)), ("from", facts.Author.Domain), ("iprev", facts.Reverse.Result), ("name", facts.Reverse.Name));
        LogDelivered(log, id, result);
    }

    /// <summary>A line for each mailbox that has got the message.</summary>
    internal static void LogDelivered(Log log, MessageId id, CommitResult result)
    {
        foreach (var stored in result.Stored)
            log.Info("delivered", ("id", id.Value), ("account", stored.Account), ("mailbox", stored.Mailbox), ("uid", stored.Uid), ("size", result.Size));
    }
}
