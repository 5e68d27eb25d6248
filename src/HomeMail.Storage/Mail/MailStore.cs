using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>The mail of all accounts, in <c>mail/&lt;account&gt;/</c>.</summary>
public sealed class MailStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, MailAccount> _accounts = new(StringComparer.Ordinal);
    private readonly Action<StorageNotice> _notices;

    internal MailStore(string path, IFileSystem files, TimeProvider clock, StoreWriter writer, Action<StorageNotice> notices)
    {
        Path = path;
        Files = files;
        Clock = clock;
        Writer = writer;
        _notices = notices;
    }

    internal string Path { get; }

    internal IFileSystem Files { get; }

    internal TimeProvider Clock { get; }

    internal StoreWriter Writer { get; }

    /// <summary>What has to be on the device before mailboxes move: envelopes whose links are made must not come back and find them elsewhere.</summary>
    internal string EnvelopeFolder { get; set; } = "";

    /// <summary>The mail of an account; its folder and INBOX are made if need be. Who has an account is the configuration's to say.</summary>
    /// <param name="name">The account's name.</param>
    /// <exception cref="StorageException">It could not be read, or made; <see cref="FileError.NameTooLong"/> also for a name that can be none.</exception>
    public MailAccount Account(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_gate)
        {
            if (_accounts.TryGetValue(name, out var account))
                return account;
            if (!MailboxName.TryNormalize(name, out var normal) || normal.Contains(MailboxName.Separator))
                throw new StorageException(FileError.NameTooLong, "account", name);
            account = new MailAccount(this, name, MailboxName.ToPath(Path, normal));
            account.Open();
            _accounts.Add(name, account);
            return account;
        }
    }

    /// <summary>The names of all accounts that have a folder, whether the configuration knows them or not.</summary>
    /// <exception cref="StorageException">The folder could not be read.</exception>
    public IReadOnlyList<string> AccountNames()
    {
        var names = new List<string>();
        Files.List(Path, (entry, isFolder) =>
        {
            if (isFolder && MailboxName.TryDecode(entry, out var name))
                names.Add(name);
        });
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>Octets an account's messages take, reckoned without opening mailboxes that were closed in order. A message in two mailboxes counts twice.</summary>
    /// <param name="account">The account's name.</param>
    /// <exception cref="StorageException">It could not be read.</exception>
    public long UsedBytes(string account) => Account(account).UsedBytes();

    /// <summary>Gives back the memory of mailboxes that nobody has used for a while. Called now and then by the server.</summary>
    /// <param name="unusedFor">How long a mailbox must not have been used.</param>
    public Task TrimAsync(TimeSpan unusedFor) => Writer.RunAsync(new UnloadChange(this, unusedFor));

    internal void Notice(StorageNotice notice) => _notices(notice);

    internal MailAccount[] OpenAccounts()
    {
        lock (_gate)
            return [.. _accounts.Values];
    }

    /// <summary>The mailbox of a delivery, made if need be. Called by the writer.</summary>
    internal Mailbox ForDelivery(LocalDelivery delivery)
    {
        var account = Account(delivery.Account);
        var mailbox = delivery.Use == SpecialUse.None ? account.Find(delivery.Mailbox) : account.FindUse(delivery.Use);
        if (mailbox is { IsSelectable: true })
            return mailbox;
        if (delivery.MustExist)
            throw new StorageException(FileError.NotFound, "deliver", delivery.Mailbox);
        return account.Make(delivery.Use == SpecialUse.None ? delivery.Mailbox : MailAccount.UsualName(delivery.Use), delivery.Use);
    }

    /// <summary>Whether an intent has been carried out: the message is there, or was and has been expunged.</summary>
    internal bool Knows(LocalIntent intent) =>
        Account(intent.Account).Find(intent.Mailbox) is { IsSelectable: true } mailbox
        && mailbox.UidValidity() == intent.UidValidity && mailbox.Knows(intent.Uid);

    /// <summary>Where an unfinished intent goes now: its mailbox, or INBOX if that is gone.</summary>
    internal string PlaceFor(LocalIntent intent) =>
        Account(intent.Account).Find(intent.Mailbox) is { IsSelectable: true } ? intent.Mailbox : MailboxName.Inbox;
}
