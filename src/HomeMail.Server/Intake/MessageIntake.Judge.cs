using HomeMail.Protocol.Dmarc;
using HomeMail.Server.Authentication;
using HomeMail.Server.Policy;
using HomeMail.Server.Smtp;
using HomeMail.Storage;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Intake;

public sealed partial class MessageIntake
{
    /// <summary>Decides what becomes of a message, and holds the reply back where that is the verdict; null where nobody decides.</summary>
    private async ValueTask<JudgedMail?> JudgeAsync(
        MailTransaction transaction, ReceivedMessage message, OriginFacts? facts, IntakeOptions settings, CancellationToken cancel)
    {
        if (Judgement is null)
            return null;
        var listed = transaction.Gathering is StrangerGathering { Lists: { } lists } ? await lists.WaitAsync(cancel).ConfigureAwait(false) : null;
        var judged = Judgement.Judge(
            transaction, message, facts, listed,
            domain => settings.Names.Domain(domain) is not null || domain.Equals(settings.Hostname, StringComparison.OrdinalIgnoreCase));
        Note(transaction, message.Body.Id, judged);
        await Judgement.WaitAsync(judged.Delay, clock, cancel).ConfigureAwait(false);
        return judged;
    }

    private void Observe(
        MailTransaction transaction, ReceivedMessage message, OriginFacts? facts, JudgedMail? judged, IReadOnlyList<LocalDelivery> deliveries, IReadOnlyList<StoredMessage> stored)
    {
        if (facts is not null)
            Observer?.Received(new Reception(message.Body.Id, facts, message.OriginalHeader, [.. transaction.Recipients.Select(static r => r.Address)], deliveries, stored)
            {
                Handling = judged?.Handling ?? DmarcPolicy.None,
            });
    }

    // What is plain needs no line: that somebody of the house writes to another.
    private void Note(MailTransaction transaction, MessageId id, JudgedMail judged)
    {
        foreach (var (account, verdict) in judged.Accounts)
            if (!transaction.Client.Principal.IsOurs || verdict.Reason != PolicyReasons.Accepted)
                History?.Add(id, account, DeliveryWords.Judged, verdict.ToString());
        if (judged.Elsewhere is { Kind: not VerdictKind.Accept } elsewhere)
            History?.Add(id, "", DeliveryWords.Judged, elsewhere.ToString());
        log.Info("verdict", ("id", id.Value), ("reply", judged.Reply?.Code.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            ("verdicts", string.Join(' ', judged.Accounts.Select(static v => $"{v.Key}={v.Value.Reason.Name}"))), ("elsewhere", judged.Elsewhere?.Reason.Name));
    }

    /// <summary>After something was kept: Rejects must not grow.</summary>
    private async ValueTask TellAsync(MessageId id, IReadOnlyList<LocalDelivery> deliveries, JudgedMail? judged)
    {
        if (judged is null || Refused is null)
            return;
        foreach (var delivery in deliveries)
        {
            if (delivery.Use != SpecialUse.Rejects)
                continue;
            log.Info("kept", ("id", id.Value), ("account", delivery.Account), ("reason", delivery.Reason));
            await Refused.TidyAsync(delivery.Account).ConfigureAwait(false);
        }
    }
}
