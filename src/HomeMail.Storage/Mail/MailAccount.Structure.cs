using System.Text;
using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>Mailboxes come, go and are renamed; names are subscribed to. The public members are durable when their task ends.</summary>
public sealed partial class MailAccount
{
    private const string SubscriptionsName = ".subscriptions";

    private SortedSet<string> _subscriptions = new(StringComparer.Ordinal);

    /// <summary>The names that are subscribed to, whether they exist or not (RFC 9051 6.3.7).</summary>
    public IReadOnlyList<string> Subscriptions()
    {
        lock (_gate)
            return [.. _subscriptions];
    }

    /// <summary>CREATE (RFC 9051 6.3.4), with what is missing above it.</summary>
    /// <param name="name">The IMAP name.</param>
    /// <param name="use">What it is for (RFC 6154 3).</param>
    /// <exception cref="StorageException">Its condition tells: Exists, BadName, DiskFull, ...</exception>
    public async Task<Mailbox> CreateAsync(string name, SpecialUse use = SpecialUse.None)
    {
        var change = new CreateChange(this, Normal(name), use);
        await Store.Writer.RunAsync(change).ConfigureAwait(false);
        return change.Result!;
    }

    /// <summary>
    /// DELETE (RFC 9051 6.3.5): the messages go; if there are mailboxes below it, the name stays as one that can't be selected. INBOX can't
    /// be deleted (BadName), nor can a name that only has others below it (Exists).
    /// </summary>
    /// <param name="name">The IMAP name.</param>
    /// <exception cref="StorageException">Its condition tells: NotFound, BadName, Exists, ReadOnly, ...</exception>
    public async Task DeleteAsync(string name)
    {
        var change = new DeleteChange(this, Normal(name));
        await Store.Writer.RunAsync(change).ConfigureAwait(false);

        // Out of everybody's way by now, so the many files do not hold up the writer.
        if (change.Remains is { } folder)
            Purge(folder);
    }

    /// <summary>
    /// RENAME (RFC 9051 6.3.6): with all mailboxes below it, in one step. INBOX stays and gives its messages to the new mailbox.
    /// </summary>
    /// <param name="from">The IMAP name.</param>
    /// <param name="to">The new IMAP name, which must be free.</param>
    /// <exception cref="StorageException">Its condition tells: NotFound, Exists, BadName, ...</exception>
    public async Task RenameAsync(string from, string to)
    {
        var (source, target) = (Normal(from), Normal(to));
        if (source != MailboxName.Inbox)
        {
            await Store.Writer.RunAsync(new RenameChange(this, source, target)).ConfigureAwait(false);
            return;
        }
        var mailbox = await CreateAsync(target).ConfigureAwait(false);
        await Find(MailboxName.Inbox)!.MoveAsync([new UidRange(1, uint.MaxValue)], mailbox).ConfigureAwait(false);
    }

    /// <summary>SUBSCRIBE and UNSUBSCRIBE (RFC 9051 6.3.7, 6.3.8).</summary>
    /// <param name="name">The IMAP name.</param>
    /// <param name="subscribed">Which of the two.</param>
    /// <exception cref="StorageException">Its condition tells.</exception>
    public Task SubscribeAsync(string name, bool subscribed) => Store.Writer.RunAsync(new SubscribeChange(this, Normal(name), subscribed));

    /// <summary>Makes a mailbox and what is missing above it; durable when this returns. Called by the writer.</summary>
    internal Mailbox Make(string name, SpecialUse use)
    {
        var normal = Normal(name);
        if (Find(normal) is { IsSelectable: true })
            throw new StorageException(FileError.Exists, "create", normal);
        if (MailboxName.Parent(normal) is { } parent && Find(parent) is null)
            Make(parent, SpecialUse.None);
        var folder = MailboxName.ToPath(Folder, normal);
        Store.Files.CreateFolder(folder);
        var file = new MailboxFile
        {
            UidValidity = NewUidValidity(),
            MailboxId = MessageId.New(Store.Clock).Value,
            UidNext = 1,
            NextModSeq = 2,
            Use = use,
            IsClosed = true,
        };
        Mailbox.Initialize(Store.Files, folder, file);
        Store.Files.SyncFolder(ParentFolder(normal));
        var mailbox = new Mailbox(this, normal, folder, file, isSelectable: true);
        lock (_gate)
            _mailboxes[normal] = mailbox;
        NotifySubscribers();
        return mailbox;
    }

    /// <summary>Takes a mailbox away. Returns the folder that still has its files, or null.</summary>
    internal string? Delete(string name)
    {
        var mailbox = Find(name) ?? throw new StorageException(FileError.NotFound, "delete", name);
        if (name == MailboxName.Inbox)
            throw new StorageException(FileError.NameTooLong, "delete", name);
        bool below;
        lock (_gate)
            below = HasBelow(name);
        if (below && !mailbox.IsSelectable)
            throw new StorageException(FileError.Exists, "delete", name);
        SettleEnvelopes();
        string? remains = null;
        StorageException? failure = null;
        if (below)
        {
            mailbox.DescribeDeleted();
            mailbox.Close(isDeleted: true);
            Purge(mailbox.Folder);
        }
        else
        {
            remains = string.Concat(Folder, "/", DeletedPrefix, MessageId.New(Store.Clock).Value);
            failure = MoveFolder(mailbox.Folder, remains, ParentFolder(name), Folder);
            mailbox.Close(isDeleted: true);
        }
        lock (_gate)
        {
            _mailboxes.Remove(name);
            if (below)
                _mailboxes.Add(name, new Mailbox(this, name, mailbox.Folder, file: null, isSelectable: false));
        }
        mailbox.NotifySubscribers();
        NotifySubscribers();
        return failure is null ? remains : throw failure;
    }

    /// <summary>Renames a mailbox and all below it.</summary>
    internal void Rename(string from, string to)
    {
        if (Find(from) is not { } mailbox)
            throw new StorageException(FileError.NotFound, "rename", from);
        if (Find(to) is not null)
            throw new StorageException(FileError.Exists, "rename", to);
        if (MailboxName.IsBelow(to, from))
            throw new StorageException(FileError.NameTooLong, "rename", to);
        if (MailboxName.Parent(to) is { } parent && Find(parent) is null)
            Make(parent, SpecialUse.None);
        SettleEnvelopes();
        var failure = MoveFolder(mailbox.Folder, MailboxName.ToPath(Folder, to), ParentFolder(to), ParentFolder(from));
        var moved = new List<Mailbox>();
        lock (_gate)
        {
            foreach (var other in _mailboxes.Values)
                if (other.Name == from || MailboxName.IsBelow(other.Name, from))
                    moved.Add(other);
            foreach (var other in moved)
            {
                _mailboxes.Remove(other.Name);
                other.MoveTo(string.Concat(to, other.Name.AsSpan(from.Length)), Folder);
                _mailboxes.Add(other.Name, other);
            }
        }
        foreach (var other in moved)
            other.NotifySubscribers();
        NotifySubscribers();
        if (failure is not null)
            throw failure;
    }

    /// <summary>
    /// Moves a mailbox's folder. If the sync fails it is moved back; if that fails too the failure is returned, and what is in memory must follow the disk.
    /// </summary>
    private StorageException? MoveFolder(string from, string to, string first, string second)
    {
        Store.Files.Rename(from, to);
        try
        {
            Store.Files.SyncFolder(first);
            if (second != first)
                Store.Files.SyncFolder(second);
            return null;
        }
        catch (StorageException error)
        {
            try
            {
                Store.Files.Rename(to, from);
            }
            catch (StorageException)
            {
                return error;
            }
            throw;
        }
    }

    internal void Subscribe(string name, bool subscribed)
    {
        SortedSet<string> names;
        lock (_gate)
            names = new SortedSet<string>(_subscriptions, StringComparer.Ordinal);
        if (!(subscribed ? names.Add(name) : names.Remove(name)))
            return;
        var lines = new StringBuilder();
        foreach (var each in names)
            lines.Append("Name: ").Append(each).Append('\n');
        FieldFile.Replace(Store.Files, Folder, SubscriptionsName, lines.ToString());
        lock (_gate)
            _subscriptions = names;
        NotifySubscribers();
    }

    private void ReadSubscriptions()
    {
        const string field = "Name: ";
        var lines = FieldFile.Read(Store.Files, Folder + "/" + SubscriptionsName, out var damaged);
        if (damaged)
            Store.Notice(new StorageNotice("subscriptions-damaged", Folder + "/" + SubscriptionsName, "The list of subscriptions is damaged and begins anew."));
        foreach (var line in lines ?? [])
            if (line.StartsWith(field, StringComparison.Ordinal))
                _subscriptions.Add(line[field.Length..]);
    }

    private void SettleEnvelopes() => Store.Files.SyncFolder(Store.EnvelopeFolder);

    private string ParentFolder(string name) =>
        MailboxName.Parent(name) is { } parent ? MailboxName.ToPath(Folder, parent) : Folder;

    private static string Normal(string name) =>
        MailboxName.TryNormalize(name, out var normal) ? normal : throw new StorageException(FileError.NameTooLong, "mailbox", name);
}
