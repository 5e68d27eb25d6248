using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Policy;
using HomeMail.Storage;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Intake;

/// <summary>What was decided about a message, for each account that it is for and for whoever is elsewhere.</summary>
public sealed class JudgedMail
{
    private readonly Dictionary<string, Verdict> _accounts;

    /// <summary>Takes the verdicts.</summary>
    /// <param name="accounts">Of each account.</param>
    /// <param name="elsewhere">Of recipients elsewhere; null if there are none.</param>
    /// <param name="withoutDeferral">Decides again for an account, or with null for elsewhere, where another recipient takes the message.</param>
    public JudgedMail(IReadOnlyDictionary<string, Verdict> accounts, Verdict? elsewhere, Func<string?, Verdict> withoutDeferral)
    {
        ArgumentNullException.ThrowIfNull(withoutDeferral);
        _accounts = new Dictionary<string, Verdict>(accounts, StringComparer.OrdinalIgnoreCase);
        Elsewhere = elsewhere;
        List<Verdict> all = [.. _accounts.Values];
        if (elsewhere is not null)
            all.Add(elsewhere);
        Reply = all.Count == 0 ? null : Verdict.ReplyTo(all);
        if (Reply is not null)
            return;
        foreach (var (account, verdict) in _accounts.Where(v => v.Value.Kind == VerdictKind.Defer).ToList())
            _accounts[account] = withoutDeferral(account);
        if (elsewhere is { Kind: VerdictKind.Defer })
            Elsewhere = withoutDeferral(null);
        // Where somebody has been waited for before, nobody waits now.
        Delay = all.Count > 0 && all.TrueForAll(static v => v.Delay > TimeSpan.Zero) ? all.Max(static v => v.Delay) : TimeSpan.Zero;
    }

    /// <summary>The verdicts by account.</summary>
    public IReadOnlyDictionary<string, Verdict> Accounts => _accounts;

    /// <summary>The verdict for recipients elsewhere, or null.</summary>
    public Verdict? Elsewhere { get; }

    /// <summary>The reply to DATA, or null if the message is taken.</summary>
    public SmtpReply? Reply { get; }

    /// <summary>How long the reply is to be held back.</summary>
    public TimeSpan Delay { get; }

    /// <summary>Whether the message goes on to recipients elsewhere. Junk never does.</summary>
    public bool IsSentOn => Reply is null && (Elsewhere is null || Elsewhere.Kind == VerdictKind.Accept);

    /// <summary>What was done because of the author domain's DMARC policy (RFC 9990 3.1.1.9): of several recipients the most severe.</summary>
    public DmarcPolicy Handling
    {
        get
        {
            var handling = DmarcPolicy.None;
            foreach (var verdict in _accounts.Values)
            {
                if (verdict.Reason == PolicyReasons.DmarcReject)
                    return DmarcPolicy.Reject;
                if (verdict.Reason == PolicyReasons.DmarcRejectJunk || verdict.Reason == PolicyReasons.DmarcQuarantine)
                    handling = DmarcPolicy.Quarantine;
            }
            return handling;
        }
    }

    /// <summary>Whether an account takes the message.</summary>
    /// <param name="account">The account.</param>
    public bool IsTaken(string account) => !_accounts.TryGetValue(account, out var verdict) || verdict.Kind is VerdictKind.Accept or VerdictKind.Junk;

    /// <summary>Whether an account takes the message into its inbox, or wherever its rules put it.</summary>
    /// <param name="account">The account.</param>
    public bool IsWanted(string account) => !_accounts.TryGetValue(account, out var verdict) || verdict.Kind == VerdictKind.Accept;

    /// <summary>Where a delivery goes: as it was, to Junk, or to Rejects; null for nowhere.</summary>
    /// <param name="delivery">The delivery as the account's addresses and rules make it.</param>
    public LocalDelivery? Place(LocalDelivery delivery)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        if (!_accounts.TryGetValue(delivery.Account, out var verdict) || verdict.Kind == VerdictKind.Accept)
            return delivery;
        return verdict.Kind switch
        {
            VerdictKind.Junk => delivery with { Mailbox = nameof(SpecialUse.Junk), Use = SpecialUse.Junk, Reason = verdict.ToString() },
            // It is refused: nobody is to be told that it was delivered.
            VerdictKind.Keep => delivery with { Mailbox = nameof(SpecialUse.Rejects), Use = SpecialUse.Rejects, Reason = verdict.ToString(), Recipient = null },
            _ => null,
        };
    }
}
