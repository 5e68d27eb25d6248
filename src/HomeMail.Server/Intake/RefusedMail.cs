using System.Collections.Concurrent;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Intake;

/// <summary>
/// Keeps the Rejects of every account in bounds: what was refused is kept for two weeks, and takes no more than a share of the account's room; the oldest goes first.
/// Nothing goes for its age while the clock can't be believed.
/// </summary>
/// <param name="mail">The mailboxes.</param>
/// <param name="quota">An account's quota in octets, or null.</param>
/// <param name="clock">Time.</param>
/// <param name="clockIsSane">Whether the clock can be believed.</param>
/// <param name="log">The log.</param>
public sealed class RefusedMail(MailStore mail, Func<string, long?> quota, TimeProvider clock, Func<bool> clockIsSane, Log log)
{
    // Of an account's quota, and where it has none.
    private const int Share = 20;
    private const long Most = 64 * 1024 * 1024;

    // How many are looked at in one go; the next minute goes on.
    private const int Block = 256;

    // A look reads the mailbox into memory, where it stays for minutes: so each is looked at when something is due there, and once a day besides.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);

    /// <summary>How long it is kept.</summary>
    public static TimeSpan KeptFor { get; } = TimeSpan.FromDays(14);

    /// <summary>Looks at all accounts where something is due.</summary>
    public async Task TidyAsync()
    {
        var now = clock.GetUtcNow();
        foreach (var account in mail.AccountNames())
            if (!_due.TryGetValue(account, out var due) || due <= now || due - now > Longest)
                await TidyAsync(account).ConfigureAwait(false);
    }

    /// <summary>Looks at one account, after something was kept for it.</summary>
    /// <param name="account">The account.</param>
    public async Task TidyAsync(string account)
    {
        try
        {
            var due = clock.GetUtcNow() + Longest;
            if (mail.Account(account).FindUse(SpecialUse.Rejects) is { IsSelectable: true } mailbox)
            {
                var going = Going(mailbox, Math.Min(Most, quota(account) / Share ?? Most), ref due);
                if (going.Count > 0)
                    await mailbox.ExpungeAsync(UidRange.Of(going), onlyDeleted: false).ConfigureAwait(false);
            }
            _due[account] = due;
        }
        catch (StorageException error)
        {
            log.Error("rejects", ("account", account), ("what", error.Message));
        }
    }

    // Also says when the first of those that stay is due, if that is earlier.
    private List<uint> Going(Mailbox mailbox, long room, ref DateTimeOffset due)
    {
        var going = new List<uint>();
        var over = mailbox.Status().Bytes - room;
        var old = clockIsSane() ? clock.GetUtcNow() - KeptFor : DateTimeOffset.MinValue;
        var messages = new MessageInfo[Block];
        var count = mailbox.Read(1, messages);
        for (var i = 0; i < count; i++)
        {
            // By UID is by age here: each came in when it was refused.
            if (messages[i].SaveDate >= old && over <= 0)
            {
                if (messages[i].SaveDate + KeptFor < due)
                    due = messages[i].SaveDate + KeptFor;
                return going;
            }
            over -= messages[i].Size;
            going.Add(messages[i].Uid);
        }
        if (count == Block)
            due = DateTimeOffset.MinValue;
        return going;
    }
}
