using System.Globalization;
using System.Runtime.CompilerServices;
using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>
/// A mailbox: what IMAP calls so (RFC 9051 5.1). Messages are files <c>&lt;uid&gt;.eml</c> in its folder; what is known of them stands in the journal
/// beside them, and in memory, 44 octets a message, from the first use until nobody has used it for a while. Reading is from any thread
/// and sees only what is durable; changes go through the store's one writer.
/// </summary>
public sealed partial class Mailbox : StoreWriter.IStaging
{
    internal const string MessageSuffix = ".eml";
    internal const string JournalName = ".journal";

    private readonly Lock _gate = new();
    private readonly MailAccount _account;
    private readonly IFileSystem _files;
    private Action[] _subscribers = [];
    private HeaderCache? _headers;
    private long _bytes = -1;

    internal Mailbox(MailAccount account, string name, string folder, MailboxFile? file, bool isSelectable)
    {
        _account = account;
        _files = account.Store.Files;
        Name = name;
        Folder = folder;
        IsSelectable = isSelectable;
        if (file is null)
            return;
        Use = file.Use;
        MailboxId = file.MailboxId;
        if (file.IsClosed)
            _bytes = file.Bytes;
    }

    /// <summary>The account it belongs to.</summary>
    public MailAccount Account => _account;

    /// <summary>The IMAP name, with <c>/</c> between levels; a rename changes it.</summary>
    public string Name { get; internal set; }

    /// <summary>What it is for (RFC 6154).</summary>
    public SpecialUse Use { get; internal set; }

    /// <summary>MAILBOXID (RFC 8474 4): stays through a rename, never comes again. Empty for a name that is not selectable.</summary>
    public string MailboxId { get; private set; } = "";

    /// <summary>False for a name that only has others below it (<c>\NonExistent</c>, RFC 9051 7.3.1).</summary>
    public bool IsSelectable { get; internal set; }

    /// <summary>Whether it has been deleted; who has it selected ends.</summary>
    public bool IsDeleted { get; internal set; }

    internal string Folder { get; set; }

    /// <summary>The numbers STATUS tells.</summary>
    /// <exception cref="StorageException">It could not be read.</exception>
    public MailboxStatus Status()
    {
        lock (_gate)
        {
            var state = Loaded();
            return new MailboxStatus(state.Messages.Count, state.UidNextSeen, state.UidValidity, state.HighestModSeq,
                state.Messages.Unseen, state.Messages.Deleted, state.Messages.Bytes);
        }
    }

    /// <summary>Looks a message up; false if it is not there.</summary>
    /// <param name="uid">Its UID.</param>
    /// <param name="message">What is known of it.</param>
    public bool TryGet(uint uid, out MessageInfo message)
    {
        lock (_gate)
        {
            ref readonly var row = ref Loaded().Messages.Find(uid);
            var found = !Unsafe.IsNullRef(in row);
            message = found ? row.ToInfo() : default;
            return found;
        }
    }

    /// <summary>Reads messages in ascending order; call again from the last UID + 1 to go on.</summary>
    /// <param name="from">The lowest UID.</param>
    /// <param name="messages">Where to.</param>
    /// <returns>How many were read; 0 at the end.</returns>
    public int Read(uint from, Span<MessageInfo> messages)
    {
        lock (_gate)
        {
            var table = Loaded().Messages;
            var count = 0;
            for (var rows = table.From(from); rows.Length > 0 && count < messages.Length; rows = table.From(from))
            {
                foreach (ref readonly var row in rows[..Math.Min(rows.Length, messages.Length - count)])
                {
                    messages[count++] = row.ToInfo();
                    from = row.Uid + 1;
                }
                if (from == 0)
                    break;
            }
            return count;
        }
    }

    /// <summary>All UIDs, ascending: a session's map from sequence numbers, as it is when the mailbox is selected.</summary>
    /// <param name="highestModSeq">The mod-sequence this is as of.</param>
    public uint[] Uids(out ulong highestModSeq)
    {
        lock (_gate)
        {
            var state = Loaded();
            highestModSeq = state.HighestModSeq;
            var uids = new uint[state.Messages.Count];
            var at = 0;
            for (var rows = state.Messages.From(0); rows.Length > 0 && at < uids.Length; rows = state.Messages.From(uids[at - 1] + 1))
                foreach (ref readonly var row in rows)
                    uids[at++] = row.Uid;
            return uids;
        }
    }

    /// <summary>
    /// What has happened after a mod-sequence: for CHANGEDSINCE, QRESYNC (RFC 7162 3.1.4, 3.2.5), and a session that was woken.
    /// </summary>
    /// <param name="modSeq">The mod-sequence the caller knows.</param>
    /// <param name="changed">Gets new messages and those with other flags, ascending.</param>
    /// <param name="vanished">Gets the UIDs that went; more than that, if it was too long ago: all UIDs that are not there. Ascending.</param>
    /// <returns>The mod-sequence this is as of, to ask with the next time.</returns>
    public ulong ChangesSince(ulong modSeq, List<MessageInfo> changed, List<UidRange> vanished)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(vanished);
        lock (_gate)
        {
            var state = Loaded();
            if (modSeq >= state.HighestModSeq)
                return state.HighestModSeq;
            state.Messages.ChangedSince(modSeq, changed);
            if (!state.Vanished.Since(modSeq, vanished))
                AddGaps(state, vanished);
            return state.HighestModSeq;
        }
    }

    /// <summary>The name of a keyword, or null if the number has none.</summary>
    /// <param name="number">The bit in <see cref="MessageInfo.Keywords"/>, 0 to 63.</param>
    public string? KeywordName(int number)
    {
        lock (_gate)
            return Loaded().Keywords[number];
    }

    /// <summary>The names of the keywords in a mask.</summary>
    /// <param name="mask">As in <see cref="MessageInfo.Keywords"/>.</param>
    public IReadOnlyList<string> KeywordNames(ulong mask)
    {
        if (mask == 0)
            return [];
        var names = new List<string>();
        lock (_gate)
            for (var i = 0; i < KeywordTable.Capacity; i++)
                if ((mask & (1UL << i)) != 0 && Loaded().Keywords[i] is { } name)
                    names.Add(name);
        return names;
    }

    /// <summary>The number of a keyword, or -1 if no message here has ever had it.</summary>
    /// <param name="name">The keyword, in any case.</param>
    public int KeywordNumber(string name)
    {
        lock (_gate)
            return Loaded().Keywords.Find(name);
    }

    /// <summary>Whether a keyword that is new here can be given: <c>\*</c> in PERMANENTFLAGS (RFC 9051 7.1).</summary>
    public bool CanAddKeywords
    {
        get
        {
            lock (_gate)
                return Loaded().Keywords.HasRoom;
        }
    }

    /// <summary>Opens a message to read. The file stays readable if it is expunged meanwhile.</summary>
    /// <param name="uid">Its UID.</param>
    /// <exception cref="StorageException">It is not there (<see cref="FileError.NotFound"/>), or cannot be read.</exception>
    public IFile OpenMessage(uint uid)
    {
        var path = MessagePath(uid);
        try
        {
            return _files.Open(path);
        }
        catch (StorageException error) when (error.Error == FileError.NotFound && path != MessagePath(uid))
        {
            // Renamed between the two looks.
            return _files.Open(MessagePath(uid));
        }
    }

    /// <summary>What was read of messages' headers before, to look at and to add to. To be disposed when the command that asks ends.</summary>
    /// <exception cref="StorageException">The mailbox could not be read.</exception>
    public HeaderCacheReader OpenHeaders()
    {
        lock (_gate)
            return new HeaderCacheReader(_headers ??= new HeaderCache(this, _files, Loaded().UidValidity));
    }

    /// <summary>Why a message is in this mailbox, as the delivery said; null if it said nothing.</summary>
    /// <param name="uid">Its UID.</param>
    public string? Reason(uint uid)
    {
        string? reason = null;
        lock (_gate)
        {
            Loaded().Journal?.Visit((kind, payload) =>
            {
                if (kind == JournalRecord.Reason && JournalRecord.ReadUid(payload) == uid)
                    reason = JournalRecord.ReadText(payload[4..]);
            });
        }
        return reason;
    }

    /// <summary>
    /// Asks to be called when something has changed, until the result is disposed. The call comes from the writer: it wakes a session
    /// and does nothing else; what has changed is asked by <see cref="ChangesSince"/>. It also keeps the mailbox in memory.
    /// </summary>
    /// <param name="changed">Is called after each change, also a deletion or rename of the mailbox.</param>
    public IDisposable Subscribe(Action changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        lock (_gate)
            _subscribers = [.. _subscribers, changed];
        return new Subscription(this, changed);
    }

    /// <summary>STORE: changes flags. Durable when the task ends; others have been told by then.</summary>
    /// <param name="request">Which messages, and how.</param>
    /// <exception cref="StorageException">It could not be written; nothing is changed.</exception>
    public async Task<FlagResult> StoreAsync(FlagRequest request)
    {
        var change = new FlagsChange(this, _account.Store.Writer, request);
        await _account.Store.Writer.RunAsync(change).ConfigureAwait(false);
        return change.Result;
    }

    /// <summary>EXPUNGE and UID EXPUNGE: takes messages away for good. Durable when the task ends.</summary>
    /// <param name="uids">Which; the whole range for EXPUNGE.</param>
    /// <param name="onlyDeleted">Only those with <c>\Deleted</c>, as the commands say; false takes all of them.</param>
    /// <returns>The messages that went, ascending.</returns>
    /// <exception cref="StorageException">It could not be written; nothing is changed.</exception>
    public async Task<IReadOnlyList<UidRange>> ExpungeAsync(IReadOnlyList<UidRange> uids, bool onlyDeleted = true)
    {
        var change = new ExpungeChange(this, _account.Store.Writer, UidRange.Normalize(uids), onlyDeleted);
        await _account.Store.Writer.RunAsync(change).ConfigureAwait(false);
        return change.Expunged;
    }

    /// <summary>COPY (RFC 9051 6.4.7): all or none; flags, keywords, INTERNALDATE and EMAILID go along.</summary>
    /// <param name="uids">Which; those that are not there are passed over.</param>
    /// <param name="target">Where to.</param>
    /// <exception cref="StorageException">It could not be done; the target is as it was.</exception>
    public Task<CopyResult> CopyAsync(IReadOnlyList<UidRange> uids, Mailbox target) => CopyAsync(uids, target, move: false);

    /// <summary>MOVE (RFC 6851): as <see cref="CopyAsync(IReadOnlyList{UidRange}, Mailbox)"/>, then they go from here. A crash in between leaves them in both.</summary>
    /// <param name="uids">Which; those that are not there are passed over.</param>
    /// <param name="target">Where to.</param>
    /// <exception cref="StorageException">It could not be done; nothing is changed.</exception>
    public Task<CopyResult> MoveAsync(IReadOnlyList<UidRange> uids, Mailbox target) => CopyAsync(uids, target, move: true);

    private async Task<CopyResult> CopyAsync(IReadOnlyList<UidRange> uids, Mailbox target, bool move)
    {
        ArgumentNullException.ThrowIfNull(target);
        var store = _account.Store;
        var change = new CopyChange(this, target, store.Writer, _files, UidRange.Normalize(uids), move, store.Clock.GetUtcNow());
        await store.Writer.RunAsync(change).ConfigureAwait(false);
        return change.Result!;
    }

    /// <summary>UIDVALIDITY, never 0.</summary>
    internal uint UidValidity()
    {
        lock (_gate)
            return Loaded().UidValidity;
    }

    /// <summary>Whether a UID is that of a message here, or of one that was expunged.</summary>
    internal bool Knows(uint uid)
    {
        lock (_gate)
        {
            var state = Loaded();
            return state.Messages.Contains(uid) || VanishedLog.Contains(state.Vanished.Sorted(missing: false), uid);
        }
    }

    internal string MessagePath(uint uid) =>
        string.Create(CultureInfo.InvariantCulture, $"{Folder}/{uid}{MessageSuffix}");

    internal void NotifySubscribers()
    {
        foreach (var changed in Volatile.Read(ref _subscribers))
            changed();
    }

    /// <summary>Octets of its messages, without loading it if it was closed in order.</summary>
    internal long UsedBytes()
    {
        if (!IsSelectable)
            return 0;
        var bytes = Interlocked.Read(ref _bytes);
        if (bytes >= 0)
            return bytes;
        lock (_gate)
            return Loaded().Messages.Bytes;
    }

    private static void AddGaps(LoadedMailbox state, List<UidRange> vanished)
    {
        vanished.Clear();
        uint next = 1;
        for (var rows = state.Messages.From(1); rows.Length > 0; rows = state.Messages.From(next))
            foreach (ref readonly var row in rows)
            {
                if (row.Uid > next)
                    vanished.Add(new UidRange(next, row.Uid - 1));
                next = row.Uid + 1;
            }
        if (next < state.UidNextSeen)
            vanished.Add(new UidRange(next, state.UidNextSeen - 1));
    }

    private sealed class Subscription(Mailbox mailbox, Action changed) : IDisposable
    {
        public void Dispose()
        {
            lock (mailbox._gate)
            {
                var at = Array.IndexOf(mailbox._subscribers, changed);
                if (at >= 0)
                    mailbox._subscribers = [.. mailbox._subscribers[..at], .. mailbox._subscribers[(at + 1)..]];
            }
        }
    }
}
