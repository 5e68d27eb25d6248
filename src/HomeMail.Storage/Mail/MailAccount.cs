using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>
/// The mailboxes of an account: folders in folders, named as <see cref="MailboxName"/> says. In the account's folder also stand
/// <c>.uidvalidity</c>, the highest UIDVALIDITY given out, and <c>.subscriptions</c>.
/// </summary>
public sealed partial class MailAccount
{
    private const string UidValidityName = ".uidvalidity";
    private const string DeletedPrefix = ".deleted-";

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Mailbox> _mailboxes = new(StringComparer.Ordinal);
    private Action[] _subscribers = [];
    private uint _lastUidValidity;

    internal MailAccount(MailStore store, string name, string folder)
    {
        Store = store;
        Name = name;
        Folder = folder;
    }

    /// <summary>The account's name.</summary>
    public string Name { get; }

    internal MailStore Store { get; }

    internal string Folder { get; }

    /// <summary>All mailboxes and names that only have others below them, by name.</summary>
    public IReadOnlyList<Mailbox> Mailboxes()
    {
        lock (_gate)
            return [.. _mailboxes.Values];
    }

    /// <summary>Looks a mailbox up; null if there is none of that name.</summary>
    /// <param name="name">The IMAP name, INBOX in any case.</param>
    public Mailbox? Find(string name)
    {
        if (!MailboxName.TryNormalize(name, out var normal))
            return null;
        lock (_gate)
            return _mailboxes.GetValueOrDefault(normal);
    }

    /// <summary>The mailbox for a use: the one that is marked so, else the one with the usual name; null if there is neither.</summary>
    /// <param name="use">The use (RFC 6154).</param>
    public Mailbox? FindUse(SpecialUse use)
    {
        lock (_gate)
        {
            foreach (var mailbox in _mailboxes.Values)
                if (mailbox.Use == use && mailbox.IsSelectable)
                    return mailbox;
            return _mailboxes.GetValueOrDefault(UsualName(use));
        }
    }

    /// <summary>Octets of all messages.</summary>
    /// <exception cref="StorageException">A mailbox could not be read.</exception>
    public long UsedBytes()
    {
        var sum = 0L;
        foreach (var mailbox in Mailboxes())
            sum += mailbox.UsedBytes();
        return sum;
    }

    /// <summary>Asks to be called when mailboxes come, go or are renamed, or subscriptions change, until the result is disposed.</summary>
    /// <param name="changed">Is called by the writer: it wakes a session and does nothing else.</param>
    public IDisposable Subscribe(Action changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        lock (_gate)
            _subscribers = [.. _subscribers, changed];
        return new Subscription(this, changed);
    }

    internal static string UsualName(SpecialUse use) => use.ToString();

    /// <summary>Reads which mailboxes there are; makes INBOX.</summary>
    internal void Open()
    {
        if (Store.Files.CreateFolder(Folder))
            Store.Files.SyncFolder(Store.Path);
        _lastUidValidity = (uint)FieldFile.Number(FieldFile.Read(Store.Files, Folder + "/" + UidValidityName, out _) ?? [], "Last");
        Scan(Folder, "", isTop: true);
        ReadSubscriptions();
        if (Find(MailboxName.Inbox) is not { IsSelectable: true })
            Make(MailboxName.Inbox, SpecialUse.None);
    }

    /// <summary>A UIDVALIDITY above all that this account ever gave out (RFC 9051 2.3.1.1), durable when this returns.</summary>
    internal uint NewUidValidity()
    {
        lock (_gate)
        {
            // Seconds since 1970 keep it rising if the file is lost as well; a clock that stands in 1970 does no harm.
            var now = (uint)Math.Clamp(Store.Clock.GetUtcNow().ToUnixTimeSeconds(), 1, uint.MaxValue - 1);
            var next = Math.Max(now, _lastUidValidity + 1);
            FieldFile.Replace(Store.Files, Folder, UidValidityName, $"Last: {next}\n");
            return _lastUidValidity = next;
        }
    }

    internal void NotifySubscribers()
    {
        foreach (var changed in Volatile.Read(ref _subscribers))
            changed();
    }

    private void Scan(string folder, string prefix, bool isTop)
    {
        // Most folders hold messages only, many of them, and need no look: where the link count counts folders, two means none.
        if (Store.Files.TryStat(folder, out var stat) && stat.LinkCount == 2)
            return;
        var levels = new List<(string Entry, string Level)>();
        List<string>? deleted = null;
        Store.Files.List(folder, (entry, isFolder) =>
        {
            if (!isFolder)
                return;
            if (isTop && entry.StartsWith(DeletedPrefix))
                (deleted ??= []).Add(entry.ToString());
            else if (MailboxName.TryDecode(entry, out var level))
                levels.Add((entry.ToString(), level));
        });
        foreach (var entry in deleted ?? [])
            Purge(folder + "/" + entry);
        foreach (var (entry, level) in levels)
            Examine(folder + "/" + entry, prefix + level);
    }

    private void Examine(string folder, string name)
    {
        if (!MailboxName.TryNormalize(name, out var normal) || normal != name)
            return;
        var file = MailboxFile.Read(Store.Files, folder, out _);
        var isDeleted = file is { IsDeleted: true };
        if (isDeleted)
        {
            Purge(folder);
            if (!Store.Files.TryStat(folder, out _))
                return;
            file = null;
        }
        var mailbox = new Mailbox(this, name, folder, file, file is not null || (!isDeleted && HoldsMail(folder)));
        _mailboxes.Add(name, mailbox);
        _lastUidValidity = Math.Max(_lastUidValidity, file?.UidValidity ?? 0);
        Scan(folder, name + MailboxName.Separator, isTop: false);

        // What a crash left of a mailbox being made or deleted.
        if (mailbox.IsSelectable || HasBelow(name))
            return;
        Purge(folder);
        if (!Store.Files.TryStat(folder, out _))
            _mailboxes.Remove(name);
    }

    /// <summary>A mailbox whose own file is lost is one still, if there is a journal or a message.</summary>
    private bool HoldsMail(string folder)
    {
        var found = false;
        Store.Files.List(folder, (entry, isFolder) =>
            found |= !isFolder && (entry is Mailbox.JournalName || Mailbox.TryParseMessage(entry, out _)));
        return found;
    }

    private bool HasBelow(string name)
    {
        foreach (var other in _mailboxes.Keys)
            if (MailboxName.IsBelow(other, name))
                return true;
        return false;
    }

    /// <summary>Takes away what a deleted mailbox has left; its own file last, for it says that the rest is to go.</summary>
    private void Purge(string folder)
    {
        try
        {
            var entries = new List<string>();
            Store.Files.List(folder, (entry, isFolder) =>
            {
                if (!isFolder && entry is not MailboxFile.Name)
                    entries.Add(entry.ToString());
            });
            foreach (var entry in entries)
                Store.Files.Unlink(folder + "/" + entry);
            Store.Files.SyncFolder(folder);
            Store.Files.Unlink(folder + "/" + MailboxFile.Name);
            Store.Files.RemoveFolder(folder);
        }
        catch (StorageException)
        {
            // It has mailboxes below it, or the disk is read-only: the next start goes on.
        }
    }

    private sealed class Subscription(MailAccount account, Action changed) : IDisposable
    {
        public void Dispose()
        {
            lock (account._gate)
            {
                var at = Array.IndexOf(account._subscribers, changed);
                if (at >= 0)
                    account._subscribers = [.. account._subscribers[..at], .. account._subscribers[(at + 1)..]];
            }
        }
    }
}
