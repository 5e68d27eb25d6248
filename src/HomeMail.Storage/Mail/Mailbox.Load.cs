using System.Globalization;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>Reading a mailbox into memory, and bringing its files into agreement after a crash or loss.</summary>
public sealed partial class Mailbox
{
    /// <summary>How many UIDs and mod-sequences are reserved at once: one small durable write for so many messages.</summary>
    internal const uint Reservation = 1000;

    private LoadedMailbox? _loaded;
    private long _lastUse;

    /// <summary>Whether it is in memory.</summary>
    internal bool IsLoaded => Volatile.Read(ref _loaded) is not null;

    /// <summary>The state in memory, read if need be. Under the lock.</summary>
    private LoadedMailbox Loaded()
    {
        _lastUse = _account.Store.Clock.GetTimestamp();
        if (_loaded is not null)
            return _loaded;
        if (!IsSelectable || IsDeleted)
            throw new StorageException(FileError.NotFound, "select", Folder);
        var state = new LoadedMailbox();
        try
        {
            Load(state);
        }
        catch
        {
            state.Dispose();
            throw;
        }
        _loaded = state;
        Interlocked.Exchange(ref _bytes, state.Messages.Bytes);
        return state;
    }

    private void Load(LoadedMailbox state)
    {
        var file = MailboxFile.Read(_files, Folder, out var damaged);
        var batches = new BatchReading();
        state.Journal = Journal.Open(_files, Folder + "/" + JournalName, (kind, payload) => Apply(state, batches, kind, payload), out var whole);
        if (state.Journal is not null && file is not null && state.JournalValidity != file.UidValidity)
        {
            // A journal of another life of this mailbox says nothing about this one.
            Forget(state);
            whole = false;
        }
        var hasPending = state.Journal is not null && batches.Close(state);
        var uids = ListMessages();
        TakeNumbers(state, file, whole, uids);
        if (uids.Count > 0 && (file is null || state.Journal is null || (!whole && file.IsClosed)))
            _account.Store.Notice(new StorageNotice("mailbox-damaged", Folder, Damage(file, damaged, state.Journal is not null)));

        // Nothing to mend is the rule; then a mailbox is read without a write.
        state.MustPersist = Reconcile(state, uids) || hasPending || file is null || state.Journal is null || !whole;
        state.CompactAt = CompactionLength(state);
        state.UidNextSeen = state.UidNext;
        state.HighestModSeq = state.NextModSeq - 1;
        if (state.MustPersist || state.Journal!.Length > state.CompactAt)
        {
            try
            {
                Persist(state);
            }
            catch (StorageException)
            {
                // Reading must work on a full or read-only disk; whatever writes here tries again first.
            }
        }
    }

    private static void Forget(LoadedMailbox state)
    {
        state.Dispose();
        state.Journal = null;
        state.Messages.Clear();
        state.Vanished.Clear();
        state.Keywords.Keep(0);
        (state.UidNext, state.NextModSeq) = (0, 0);
    }

    private static void Apply(LoadedMailbox state, BatchReading batches, byte kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case JournalRecord.Head:
                var head = JournalRecord.ReadHead(payload);
                state.JournalValidity = head.UidValidity;
                (state.UidNext, state.NextModSeq) = (head.UidNext, head.HighestModSeq + 1);
                state.Vanished.SetFloor(head.VanishedFloor);
                break;
            case JournalRecord.Add:
                var row = JournalRecord.ReadAdd(payload);
                if (batches.Take(state, row))
                    break;
                state.Messages.Add(row);
                Seen(state, row.Uid, row.ModSeq);
                break;
            case JournalRecord.Pending or JournalRecord.Batch:
                batches.Begin(kind, JournalRecord.ReadRange(payload));
                break;
            case JournalRecord.Flags:
                var (uid, flags, keywords, modSeq) = JournalRecord.ReadFlags(payload);
                state.Messages.Set(uid, flags, keywords, modSeq);
                Seen(state, uid, modSeq);
                break;
            case JournalRecord.Expunge or JournalRecord.Missing:
                var expunge = JournalRecord.ReadExpunge(payload);
                state.Messages.RemoveRange(expunge.Uids);
                state.Vanished.Add(expunge.Uids, expunge.ModSeq, kind == JournalRecord.Missing);
                Seen(state, expunge.Uids.Last, expunge.ModSeq);
                break;
            case JournalRecord.Keyword:
                if (payload[0] < KeywordTable.Capacity)
                    state.Keywords[payload[0]] = payload.Length > 1 ? JournalRecord.ReadText(payload[1..]) : null;
                break;
        }
    }

    private static void Seen(LoadedMailbox state, uint uid, ulong modSeq)
    {
        state.UidNext = Math.Max(state.UidNext, uid + 1);
        state.NextModSeq = Math.Max(state.NextModSeq, modSeq + 1);
    }

    /// <summary>Decides UIDVALIDITY, and where UIDs and mod-sequences go on.</summary>
    private void TakeNumbers(LoadedMailbox state, MailboxFile? file, bool whole, List<uint> uids)
    {
        var highest = Math.Max(uids.Count > 0 ? uids[^1] : 0, state.Messages.LastUid);
        state.UidNext = Math.Max(state.UidNext, highest + 1);
        state.NextModSeq = Math.Max(state.NextModSeq, 2);
        if (file is not null)
        {
            // Not what the journal says but where the reservation ends: a UID that was given out may have left no other trace.
            state.UidValidity = file.UidValidity;
            state.UidNext = Math.Max(state.UidNext, file.UidNext);
            state.NextModSeq = Math.Max(state.NextModSeq, file.NextModSeq);
            state.IsClosedOnDisk = file.IsClosed;
            (Use, MailboxId) = (file.Use, file.MailboxId);
        }
        else
        {
            // With an undamaged journal each UID that anyone was told of is in it or a file, so a gap is enough. Otherwise a UID
            // might come to mean two messages, and UIDVALIDITY must change (RFC 9051 2.3.1.1).
            state.UidValidity = whole && state.Journal is not null ? state.JournalValidity : _account.NewUidValidity();
            state.UidNext = uint.MaxValue - state.UidNext > Reservation ? state.UidNext + Reservation : state.UidNext;
            state.NextModSeq += Reservation;
            if (MailboxId.Length == 0)
                MailboxId = MessageId.New(_account.Store.Clock).Value;
        }
        (state.UidReserved, state.ModSeqReserved) = file is null ? (0, 0) : (state.UidNext, state.NextModSeq);
    }

    /// <summary>The UIDs of the files that are there, ascending. What a crash left half done is cleared away.</summary>
    private List<uint> ListMessages()
    {
        var uids = new List<uint>();
        List<string>? remains = null;
        _files.List(Folder, (entry, isFolder) =>
        {
            if (isFolder)
                return;
            if (TryParseMessage(entry, out var uid))
                uids.Add(uid);
            else if (entry.StartsWith('.') && entry.EndsWith(".new"))
                (remains ??= []).Add(entry.ToString());
        });
        foreach (var name in remains ?? [])
        {
            try
            {
                _files.Unlink(Folder + "/" + name);
            }
            catch (StorageException)
            {
                // It is in nobody's way; the next load tries again.
            }
        }
        uids.Sort();
        return uids;
    }

    internal static bool TryParseMessage(ReadOnlySpan<char> entry, out uint uid)
    {
        uid = 0;
        return entry.EndsWith(MessageSuffix, StringComparison.Ordinal) && entry[0] != '0'
            && uint.TryParse(entry[..^MessageSuffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out uid) && uid != 0;
    }

    /// <summary>
    /// Files without a record are messages whose record was lost with unsynced data, or with the journal: they are taken up. Files that
    /// were expunged go now. Records without a file go too. True if anything differed.
    /// </summary>
    private bool Reconcile(LoadedMailbox state, List<uint> uids)
    {
        var modSeq = state.NextModSeq;
        var changed = false;
        List<UidRange>? expunged = null, missing = null;
        foreach (var uid in uids)
        {
            if (state.Messages.Contains(uid))
                continue;
            expunged ??= state.Vanished.Sorted(missing: false);
            missing ??= state.Vanished.Sorted(missing: true);
            if (VanishedLog.Contains(expunged, uid))
            {
                Discard(uid);
                continue;
            }
            changed = true;
            if (VanishedLog.Contains(missing, uid))
                state.CameBack.Add(uid);
            else
                TakeUp(state, uid, modSeq);
        }
        if (state.Messages.Count + state.CameBack.Count != uids.Count)
            changed |= DropMissing(state, uids, modSeq);
        if (changed)
            state.NextModSeq++;
        return changed;
    }

    private void TakeUp(LoadedMailbox state, uint uid, ulong modSeq)
    {
        if (!_files.TryStat(MessagePath(uid), out var stat))
            return;
        var time = MessageRow.Seconds(stat.Modified);
        state.Messages.Add(new MessageRow
        {
            Uid = uid,
            Size = (uint)Math.Min(stat.Length, uint.MaxValue),
            InternalDate = time,
            SaveDate = time,
            ModSeq = modSeq,
            EmailId = ((ulong)state.UidValidity << 32) | uid,
        });
    }

    private static bool DropMissing(LoadedMailbox state, List<uint> uids, ulong modSeq)
    {
        var missing = new List<UidRange>();
        uint from = 0;
        for (var rows = state.Messages.From(from); rows.Length > 0; rows = state.Messages.From(from))
        {
            foreach (ref readonly var row in rows)
                if (uids.BinarySearch(row.Uid) < 0)
                    UidRange.Add(missing, row.Uid);
            if (rows[^1].Uid == uint.MaxValue)
                break;
            from = rows[^1].Uid + 1;
        }
        foreach (var range in missing)
        {
            state.Messages.RemoveRange(range);
            state.Vanished.Add(range, modSeq, isMissing: true);
        }
        return missing.Count > 0;
    }

    /// <summary>Takes away the files of messages that are recorded as gone.</summary>
    internal void DiscardFiles(List<UidRange> uids)
    {
        foreach (var range in uids)
            for (var uid = range.First; ; uid++)
            {
                Discard(uid);
                if (uid == range.Last)
                    break;
            }
    }

    internal void Discard(uint uid)
    {
        try
        {
            _files.Unlink(MessagePath(uid));
        }
        catch (StorageException)
        {
            // The journal says it is expunged; whoever loads next tries again.
        }
    }

    private static string Damage(MailboxFile? file, bool damaged, bool hasJournal)
    {
        var found = file is null
            ? $"The file {MailboxFile.Name} is {(damaged ? "damaged" : "gone")}"
            : hasJournal ? $"The end of {JournalName} is damaged" : $"The file {JournalName} is damaged or gone";
        var done = file is null && !hasJournal
            ? "UIDVALIDITY has changed, so clients load the mailbox again, and flags are lost."
            : file is null ? "Numbering goes on above the highest known UID." : "Flags that stood there only are lost; messages and UIDs stay.";
        return found + ". " + done;
    }
}
