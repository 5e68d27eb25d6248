using HomeMail.Protocol.Smtp;
using HomeMail.Server.Authentication;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Intake;

/// <summary>What stands between the plan and the commit, and what follows the commit.</summary>
public sealed partial class MessageIntake
{
    /// <summary>Answers for accounts that are away, or null.</summary>
    public VacationReplies? Vacations { get; init; }

    private SmtpReply? Refuse(MailTransaction transaction, ReceivedMessage message, IntakeOptions settings, DeliveryPlan plan)
    {
        if (plan.IsKeptInside && plan.IsEmpty)
            return SmtpReplies.NotSentOn;
        // Between an alias here and one elsewhere a message would go round until the count of all hosts stops it, each time to every member.
        if (plan.Envelope is not null && !transaction.Client.Principal.IsOurs && OwnHops(message.Header.Span, settings.Hostname) > MaxOwnHops)
            return SmtpReplies.TooManyHops;
        return LimitedBy(settings.Names, transaction.Client.Principal) is { } limited
            ? Limits?.Take(limited, [.. transaction.Recipients.Select(static r => r.Address)]) : null;
    }

    private void GiveBack(IntakeOptions settings, Principal principal)
    {
        if (LimitedBy(settings.Names, principal) is { } limited)
            Limits?.GiveBack(limited);
    }

    // What a device may send is counted as an account's is.
    private static HostedAccount? LimitedBy(HostedNames names, Principal principal) => principal.Kind switch
    {
        PrincipalKind.Account => names.Account(principal.Name),
        PrincipalKind.Device => names.Device(principal.Name)?.Limited,
        _ => null,
    };

    private async ValueTask SettleAsync(MailTransaction transaction, ReceivedMessage message, DeliveryPlan plan, OriginFacts? facts, CancellationToken cancel)
    {
        var id = message.Body.Id;
        if (plan.IsEmpty)
            History?.Add(id, $"{transaction.Mail.Sender}", DeliveryWords.Accepted, $"{transaction.Client.Principal}");
        foreach (var (recipient, what, why) in plan.Dropped)
        {
            History?.Add(id, recipient.ToString(), what, why);
            log.Info(what, ("id", id.Value), ("to", recipient.ToString()), ("why", why));
        }
        if (Vacations is null || transaction.Mail.Sender is not { } sender || transaction.Mail.HoldUntil > clock.GetUtcNow()
            || !(transaction.Client.Principal.Kind == PrincipalKind.Account || facts is { IsSenderVerified: true }))
            return;
        foreach (var (account, _) in plan.Wanted)
            if (account.Vacation is not null && Vacations.Answer(account, sender, options().Names, message.Header, facts) is { } answer)
                await AcceptAsync(null, sender, answer.Octets, answer.SmtpUtf8, options().Names.TenantOf(new Principal(PrincipalKind.Account, account.Name)), cancel)
                    .ConfigureAwait(false);
    }
}
