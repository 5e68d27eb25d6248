using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Intake;

/// <summary>Who may write to whom.</summary>
public sealed partial class MessageIntake
{
    /// <summary>Gives what is sent on a reverse-path of this house, or null: then it goes on with its own.</summary>
    public SenderRewriting? Rewriting { get; init; }

    /// <summary>What accounts may send in a day, or null for no limit.</summary>
    public AccountLimits? Limits { get; init; }

    /// <inheritdoc/>
    public SmtpReply AddRecipient(MailTransaction transaction, in RcptArguments rcpt)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var names = options().Names;
        var principal = transaction.Client.Principal;
        if ((Refuse(transaction, rcpt.Recipient, out var destinations) ?? Refuse(names, destinations!)) is { } refused)
            return refused;
        if (principal.Kind == PrincipalKind.Device && names.Device(principal.Name)?.MayWriteTo(rcpt.Recipient, names) != true)
            return SmtpReplies.DeviceMayNot;
        if (principal.Kind == PrincipalKind.Account && names.Account(principal.Name) is { } account
            && Limits?.CheckRecipient(account, transaction.FreshRecipients, rcpt.Recipient) is { } limit)
            return limit;
        if (transaction.Gathering is null && !principal.IsOurs && transaction.Client.EarlyLookUps < MaxEarlyLookUps)
        {
            transaction.Client.EarlyLookUps++;
            transaction.Gathering = Gather(transaction);
        }
        transaction.Recipients.Add(new TransactionRecipient
        {
            Address = rcpt.Recipient,
            Notify = rcpt.Notify,
            OriginalRecipient = rcpt.OriginalRecipient,
            Resolution = destinations!,
        });
        return SmtpReplies.RecipientOk;
    }

    private SmtpReply? Refuse(MailTransaction transaction, Address recipient, out Destinations? destinations)
    {
        var names = options().Names;
        var principal = transaction.Client.Principal;
        destinations = null;
        if (SenderRewriting.IsRewritten(recipient) && names.Domain(recipient.Domain) is not null)
            return Return(transaction.Mail.Sender, recipient, out destinations);
        destinations = names.Resolve(recipient, names.TenantOf(principal));
        if (destinations is null && principal.Kind == PrincipalKind.Local)
            destinations = names.ResolveLocal(recipient);
        if (destinations is null)
            return SmtpReplies.NoSuchUser;
        // A stranger may write to those who are hosted here and to nobody else, whatever the address looks like. An alias of ours may lead outside.
        return !principal.IsOurs && names.Domain(recipient.Domain) is null && !names.IsHost(recipient.Domain) ? SmtpReplies.RelayDenied : null;
    }

    private SmtpReply? Refuse(HostedNames names, Destinations destinations)
    {
        foreach (var account in destinations.Accounts)
            if (names.Account(account)?.Quota is { } quota && usedBytes(account) > quota)
                return SmtpReplies.MailboxFull;
        return destinations.ForwardedBy is { } alias && Limits?.MayForward(alias.Key) == false ? Limits.ForwardLimit() : null;
    }

    /// <summary>The way back of a DSN about mail that was sent on from here. It is for the null reverse-path only: else everybody could write through it.</summary>
    private SmtpReply? Return(Address? sender, Address recipient, out Destinations? destinations)
    {
        destinations = null;
        if (sender is not null)
            return SmtpReplies.ReturnsOnly;
        Address? original = null;
        switch (Rewriting?.Return(recipient, out original) ?? ReturnKind.Unknown)
        {
            case ReturnKind.TooMany:
                return SmtpReplies.TooManyReturns;
            case ReturnKind.ToPostmaster when options().Names.Postmaster is { } postmaster:
                destinations = new Destinations([postmaster], []);
                return null;
            case ReturnKind.ToSender:
                destinations = options().Names.Resolve(original!);
                return destinations is null ? SmtpReplies.NoSuchUser : null;
            default:
                return SmtpReplies.NoSuchUser;
        }
    }
}
