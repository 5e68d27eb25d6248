using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>The mailbox's own files: reservation, journal, compaction, closing. All under the lock.</summary>
public sealed partial class Mailbox
{
    private const long CompactionSlack = 64 * 1024;

    /// <summary>The state, with its files in agreement; throws if they cannot be written.</summary>
    private LoadedMailbox Writable()
    {
        var state = Loaded();
        if (!state.MustPersist)
            return state;

        // What is staged is in no journal written from memory: it must be published or dropped first.
        if (state.HasStaged)
            throw new StorageException(FileError.Other, "journal", Folder);
        Persist(state);
        return state;
    }

    /// <summary>Makes what was found on loading durable: numbers first, then the journal anew.</summary>
    private void Persist(LoadedMailbox state)
    {
        state.MustPersist = true;
        Reserve(state, state.UidNext + (ulong)state.CameBack.Count, state.NextModSeq);
        foreach (var uid in state.CameBack)
        {
            var given = state.UidNext++;
            _files.Rename(MessagePath(uid), MessagePath(given));
            TakeUp(state, given, state.NextModSeq - 1);
        }
        state.CameBack.Clear();
        state.UidNextSeen = state.UidNext;
        Compact(state);
        state.MustPersist = false;
    }

    /// <summary>Sees to it that numbers below the given ones may be used. One durable write for <see cref="Reservation"/> of them.</summary>
    private void Reserve(LoadedMailbox state, ulong uidNext, ulong nextModSeq)
    {
        if (uidNext <= state.UidReserved && nextModSeq <= state.ModSeqReserved && !state.IsClosedOnDisk)
            return;
        if (uidNext >= uint.MaxValue)
            throw new StorageException(FileError.Other, "reserve UIDs", Folder);
        var uids = (uint)Math.Min(Math.Max(uidNext, state.UidNext) + Reservation, uint.MaxValue);
        var modSeqs = Math.Max(nextModSeq, state.NextModSeq) + Reservation;
        Describe(state, uids, modSeqs).Write(_files, Folder);
        (state.UidReserved, state.ModSeqReserved, state.IsClosedOnDisk) = (uids, modSeqs, false);
    }

    private MailboxFile Describe(LoadedMailbox state, uint uidNext, ulong nextModSeq) => new()
    {
        UidValidity = state.UidValidity,
        MailboxId = MailboxId,
        Use = Use,
        UidNext = uidNext,
        NextModSeq = nextModSeq,
    };

    private static long CompactionLength(LoadedMailbox state)
    {
        var live = (long)state.Messages.Count * JournalRecord.AddSize + state.Vanished.Runs.Count * (long)JournalRecord.ExpungeSize;
        return 2 * live + CompactionSlack;
    }

    /// <summary>
    /// Writes the journal anew with what is true now. The folder is synced first: a compacted journal may have forgotten that a UID was
    /// expunged, so the file must be gone for good by then.
    /// </summary>
    private void Compact(LoadedMailbox state)
    {
        _files.SyncFolder(Folder);
        state.Vanished.Trim();
        var path = Folder + "/" + JournalName;
        _files.Unlink(path + ".new");
        var journal = Journal.Create(_files, path + ".new");
        try
        {
            WriteAll(state, journal);
            journal.FlushAll();
            journal.File.Sync();
            _files.Rename(path + ".new", path);
            _files.SyncFolder(Folder);
        }
        catch
        {
            journal.Dispose();
            throw;
        }
        state.Journal?.Dispose();
        state.Journal = journal;
        state.JournalValidity = state.UidValidity;
        state.CompactAt = CompactionLength(state);
    }

    private static void WriteAll(LoadedMailbox state, Journal journal)
    {
        journal.Advance(JournalRecord.WriteHead(journal.Room(), ref journal.Chain, state.UidValidity, state.UidNext, state.NextModSeq - 1, state.Vanished.Floor));
        ulong used = 0;
        VisitRows(state.Messages, (in MessageRow row) => used |= row.Keywords);
        state.Keywords.Keep(used);
        for (var i = 0; i < KeywordTable.Capacity; i++)
            if (state.Keywords[i] is { } name)
                journal.Advance(JournalRecord.WriteKeyword(journal.Room(), ref journal.Chain, i, name));
        foreach (var run in state.Vanished.Runs)
            journal.Advance(JournalRecord.WriteExpunge(journal.Room(), ref journal.Chain, run.Uids, run.ModSeq, run.IsMissing));
        VisitRows(state.Messages, (in MessageRow row) => journal.Advance(JournalRecord.WriteAdd(journal.Room(), ref journal.Chain, row)));
        state.Journal?.Visit((kind, payload) =>
        {
            if (kind == JournalRecord.Reason && state.Messages.Contains(JournalRecord.ReadUid(payload)))
                journal.Advance(JournalRecord.WriteReason(journal.Room(), ref journal.Chain, JournalRecord.ReadUid(payload), JournalRecord.ReadText(payload[4..])));
        });
    }

    private delegate void RowVisitor(in MessageRow row);

    private static void VisitRows(MessageTable messages, RowVisitor visit)
    {
        uint from = 0;
        for (var rows = messages.From(from); rows.Length > 0; rows = messages.From(from))
        {
            foreach (ref readonly var row in rows)
                visit(row);
            if (rows[^1].Uid == uint.MaxValue)
                break;
            from = rows[^1].Uid + 1;
        }
    }

    /// <summary>Makes the files of a new mailbox in its folder; durable when this returns.</summary>
    internal static void Initialize(IFileSystem files, string folder, MailboxFile file)
    {
        file.Write(files, folder);
        var path = folder + "/" + JournalName;
        files.Unlink(path + ".new");
        using (var journal = Journal.Create(files, path + ".new"))
        {
            journal.Advance(JournalRecord.WriteHead(journal.Room(), ref journal.Chain, file.UidValidity, file.UidNext, file.NextModSeq - 1, 0));
            journal.FlushAll();
            journal.File.Sync();
        }
        files.Rename(path + ".new", path);
        files.SyncFolder(folder);
    }

    /// <summary>Writes down that this mailbox is to go, before its files do.</summary>
    internal void DescribeDeleted()
    {
        lock (_gate)
        {
            var state = Loaded();
            var file = Describe(state, state.UidReserved, state.ModSeqReserved) with { IsDeleted = true };
            file.Write(_files, Folder);
        }
    }

    /// <summary>Drops what is in memory; nobody can use it any more.</summary>
    internal void Close(bool isDeleted)
    {
        lock (_gate)
        {
            IsDeleted = isDeleted;
            _loaded?.Dispose();
            _loaded = null;
            CloseHeaders();
        }
    }

    private void CloseHeaders()
    {
        _headers?.Dispose();
        _headers = null;
    }

    internal void MoveTo(string name, string accountFolder)
    {
        lock (_gate)
            (Name, Folder) = (name, MailboxName.ToPath(accountFolder, name));
    }

    /// <summary>
    /// Gives the memory back. What was reserved and not used is given back too: the file says exact numbers, and totals, so that the quota can
    /// be reckoned without loading. Called by the writer. False if it is in use.
    /// </summary>
    internal bool Unload(TimeSpan unusedFor)
    {
        lock (_gate)
        {
            if (_loaded is not { } state)
                return true;
            if (unusedFor > TimeSpan.Zero && (_subscribers.Length > 0 || _account.Store.Clock.GetElapsedTime(_lastUse) < unusedFor))
                return false;
            try
            {
                if (!state.IsClosedOnDisk && !state.MustPersist)
                    CloseInOrder(state);
            }
            catch (StorageException)
            {
                // The next load then goes on at the end of the reservation.
            }
            _loaded = null;
            state.Dispose();
            CloseHeaders();
            return true;
        }
    }

    private void CloseInOrder(LoadedMailbox state)
    {
        state.Journal!.File.Sync();
        var file = Describe(state, state.UidNext, state.NextModSeq) with
        {
            IsClosed = true,
            Messages = state.Messages.Count,
            Bytes = state.Messages.Bytes,
        };
        file.Write(_files, Folder);
        state.IsClosedOnDisk = true;
    }
}
