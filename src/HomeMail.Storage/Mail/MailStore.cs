using System.Globalization;
using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>The mail of all accounts, in <c>mail/</c>.</summary>
public sealed class MailStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Mailbox> _mailboxes = [];

    internal MailStore(string path, IFileSystem files, TimeProvider clock, StoreWriter writer)
    {
        Path = path;
        Files = files;
        Clock = clock;
        Writer = writer;
    }

    internal string Path { get; }

    internal IFileSystem Files { get; }

    internal TimeProvider Clock { get; }

    internal StoreWriter Writer { get; }

    internal Mailbox ForDelivery(LocalDelivery delivery)
    {
        lock (_gate)
        {
            var name = delivery.Use == SpecialUse.None ? delivery.Mailbox : delivery.Use.ToString();
            var path = System.IO.Path.Combine(Path, delivery.Account, name);
            if (_mailboxes.TryGetValue(path, out var mailbox))
                return mailbox;
            var account = System.IO.Path.Combine(Path, delivery.Account);
            if (Files.CreateFolder(account))
                Files.SyncFolder(Path);
            if (Files.CreateFolder(path))
                Files.SyncFolder(account);
            mailbox = new Mailbox(this, delivery.Account, name, path);
            _mailboxes.Add(path, mailbox);
            return mailbox;
        }
    }
}

/// <summary>A mailbox: what IMAP calls so (RFC 9051 5.1).</summary>
public sealed class Mailbox
{
    private readonly MailStore _store;
    private readonly string _path;
    private uint _uidNext = 1;

    internal Mailbox(MailStore store, string account, string name, string path)
    {
        _store = store;
        Account = account;
        Name = name;
        _path = path;
        store.Files.List(path, (entry, folder) =>
        {
            if (!folder && entry.EndsWith(".eml") && uint.TryParse(entry[..^4], out var uid))
                _uidNext = Math.Max(_uidNext, uid + 1);
        });
    }

    /// <summary>The account it belongs to.</summary>
    public string Account { get; }

    /// <summary>The IMAP name.</summary>
    public string Name { get; }

    /// <summary>UIDVALIDITY (RFC 9051 2.3.1.1).</summary>
    public uint UidValidity { get; } = 1;

    internal string Folder => _path;

    internal string MessagePath(uint uid) => Path.Combine(_path, uid.ToString(CultureInfo.InvariantCulture) + ".eml");

    internal uint NextUid() => _uidNext++;
}
