using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>
/// What the writer does to a mailbox, in two halves: staging writes the journal and decides numbers, publishing makes it visible once it is
/// durable. Of all that a batch staged, everything becomes visible at once, so a reader's mod-sequence never skips a change.
/// </summary>
public sealed partial class Mailbox
{
    private const int MaximumReason = 500;

    /// <summary>The journal, for a change that has written to it and has to wait until that is on the device.</summary>
    internal IFile JournalFile
    {
        get
        {
            lock (_gate)
                return Loaded().Journal!.File;
        }
    }

    /// <summary>Gives a message its UID and mod-sequence and writes its record. The caller makes the file.</summary>
    internal uint StageAdd(StoreWriter writer, MessageRow row, IReadOnlyList<string> keywords, string? reason)
    {
        lock (_gate)
        {
            var state = Writable();
            Reserve(state, state.UidNext + 1UL, state.NextModSeq + 1);
            row.Uid = state.UidNext++;
            row.ModSeq = state.NextModSeq++;
            Record(state, journal =>
            {
                row.Keywords = MapKeywords(state, journal, keywords, out _);
                journal.Advance(JournalRecord.WriteAdd(journal.Room(), ref journal.Chain, row));
                if (reason is not null)
                    journal.Advance(JournalRecord.WriteReason(journal.Room(), ref journal.Chain, row.Uid, reason.Length > MaximumReason ? reason[..MaximumReason] : reason));
            });
            state.StagedAdds.Add(row);
            writer.Stage(this);
            return row.Uid;
        }
    }

    /// <summary>A change that had staged a message has failed.</summary>
    internal void DropStaged(uint uid)
    {
        lock (_gate)
        {
            if (_loaded is not { } state || state.StagedAdds.RemoveAll(row => row.Uid == uid) == 0)
                return;
            try
            {
                Record(state, journal => journal.Advance(JournalRecord.WriteExpunge(journal.Room(), ref journal.Chain, new UidRange(uid, uid), state.NextModSeq - 1)));
            }
            catch (StorageException)
            {
                // The journal is written anew then, without it.
            }
        }
    }

    /// <summary>Decides and records new flags. Returns false if nothing changes.</summary>
    internal bool StageFlags(StoreWriter writer, FlagRequest request, FlagResult result)
    {
        lock (_gate)
        {
            var state = Writable();
            ulong mask = 0;
            if (request.Operation == FlagOperation.Remove)
                mask = KnownKeywords(state, request.Keywords);
            else if (request.Keywords.Count > 0)
                Record(state, journal => mask = MapKeywords(state, journal, request.Keywords, out result.KeywordsRefused));
            var changes = new List<(uint Uid, MessageFlags Flags, ulong Keywords)>();
            foreach (var range in UidRange.Normalize(request.Uids))
                Decide(state, range, request, mask, changes, result);
            if (changes.Count == 0)
                return false;
            Reserve(state, state.UidNext, state.NextModSeq + 1);
            var modSeq = state.NextModSeq++;
            Record(state, journal =>
            {
                foreach (var (uid, flags, keywords) in changes)
                    journal.Advance(JournalRecord.WriteFlags(journal.Room(), ref journal.Chain, uid, flags, keywords, modSeq));
            });
            foreach (var (uid, flags, keywords) in changes)
            {
                state.StagedFlags.Add((uid, flags, keywords, modSeq));
                UidRange.Add(result.Changed, uid);
            }
            result.ModSeq = modSeq;
            writer.Stage(this);
            return true;
        }
    }

    private static void Decide(LoadedMailbox state, UidRange range, FlagRequest request, ulong mask, List<(uint Uid, MessageFlags Flags, ulong Keywords)> changes, FlagResult result)
    {
        var from = range.First;
        for (var rows = state.Messages.From(from); rows.Length > 0; rows = state.Messages.From(from))
        {
            foreach (ref readonly var row in rows)
            {
                if (row.Uid > range.Last)
                    return;
                if (row.ModSeq > request.UnchangedSince)
                {
                    UidRange.Add(result.Modified, row.Uid);
                    continue;
                }
                var (flags, keywords) = request.Operation switch
                {
                    FlagOperation.Add => (row.Flags | request.Flags, row.Keywords | mask),
                    FlagOperation.Remove => (row.Flags & ~request.Flags, row.Keywords & ~mask),
                    _ => (request.Flags, mask),
                };
                if (flags != row.Flags || keywords != row.Keywords)
                    changes.Add((row.Uid, flags, keywords));
            }
            if (rows[^1].Uid == uint.MaxValue)
                return;
            from = rows[^1].Uid + 1;
        }
    }

    /// <summary>Decides and records what goes. Returns false if there is nothing to expunge.</summary>
    internal bool StageExpunge(StoreWriter writer, IReadOnlyList<UidRange> uids, bool onlyDeleted, List<UidRange> expunged)
    {
        lock (_gate)
        {
            var state = Writable();
            Collect(state, uids, onlyDeleted, expunged);
            if (expunged.Count == 0)
                return false;
            Reserve(state, state.UidNext, state.NextModSeq + 1);
            var modSeq = state.NextModSeq++;
            Record(state, journal =>
            {
                foreach (var range in expunged)
                    journal.Advance(JournalRecord.WriteExpunge(journal.Room(), ref journal.Chain, range, modSeq));
            });
            foreach (var range in expunged)
                state.StagedExpunges.Add((range, modSeq));
            writer.Stage(this);
            return true;
        }
    }

    /// <summary>The messages of given UIDs, as the writer copies them.</summary>
    internal void Collect(IReadOnlyList<UidRange> uids, List<MessageRow> found)
    {
        lock (_gate)
        {
            var state = Loaded();
            foreach (var range in uids)
                VisitRange(state.Messages, range, (in MessageRow row) => found.Add(row));
        }
    }

    /// <summary>
    /// A change of flags, or an expunge, has failed: it is as if it had not been, and since nobody knows what of the journal is on the device,
    /// that is written anew before the next change.
    /// </summary>
    internal void DropChanges()
    {
        lock (_gate)
        {
            if (_loaded is not { } state)
                return;
            state.StagedFlags.Clear();
            state.StagedExpunges.Clear();
            state.MustPersist = true;
        }
    }

    /// <summary>A sync of the journal failed.</summary>
    internal void Distrust()
    {
        lock (_gate)
            if (_loaded is { } state)
                state.MustPersist = true;
    }

    void StoreWriter.IStaging.PublishStaged()
    {
        lock (_gate)
        {
            if (_loaded is not { } state)
                return;
            Publish(state);
            state.StagedAdds.Clear();
            state.StagedFlags.Clear();
            state.StagedExpunges.Clear();
            if (state.MustPersist || state.Journal!.Length > state.CompactAt)
                CompactNow(state);
        }
        NotifySubscribers();
    }

    private void Publish(LoadedMailbox state)
    {
        foreach (var row in state.StagedAdds)
            state.Messages.Add(row);
        foreach (var (uid, flags, keywords, modSeq) in state.StagedFlags)
            state.Messages.Set(uid, flags, keywords, modSeq);
        foreach (var (uids, modSeq) in state.StagedExpunges)
        {
            state.Messages.RemoveRange(uids);
            state.Vanished.Add(uids, modSeq);
        }
        state.Vanished.Trim();
        (state.UidNextSeen, state.HighestModSeq) = (state.UidNext, state.NextModSeq - 1);
        Interlocked.Exchange(ref _bytes, state.Messages.Bytes);
    }

    private void CompactNow(LoadedMailbox state)
    {
        try
        {
            if (state.MustPersist)
                Persist(state);
            else
                Compact(state);
        }
        catch (StorageException)
        {
            // A long journal is as good as a short one: again when it has grown some more. One that is not to be trusted is written
            // before the next change.
            state.CompactAt = (state.Journal?.Length ?? 0) + CompactionSlack;
        }
    }

    /// <summary>Writes records; if that fails none counts, and the journal is written anew in case some are in the file.</summary>
    private static void Record(LoadedMailbox state, Action<Journal> write)
    {
        var journal = state.Journal!;
        try
        {
            write(journal);
            journal.FlushAll();
        }
        catch
        {
            state.MustPersist = true;
            journal.Abandon();
            throw;
        }
    }

    private static ulong KnownKeywords(LoadedMailbox state, IReadOnlyList<string> names)
    {
        ulong mask = 0;
        foreach (var name in names)
            if (state.Keywords.Find(name) is var number and >= 0)
                mask |= 1UL << number;
        return mask;
    }

    private static ulong MapKeywords(LoadedMailbox state, Journal journal, IReadOnlyList<string> names, out bool refused)
    {
        ulong mask = 0;
        refused = false;
        foreach (var name in names)
        {
            var number = state.Keywords.Find(name);
            if (number < 0 && (number = state.Keywords.Add(name)) >= 0)
                journal.Advance(JournalRecord.WriteKeyword(journal.Room(), ref journal.Chain, number, name));
            if (number >= 0)
                mask |= 1UL << number;
            else
                refused = true;
        }
        return mask;
    }

    private static void Collect(LoadedMailbox state, IReadOnlyList<UidRange> uids, bool onlyDeleted, List<UidRange> found)
    {
        foreach (var range in uids)
            VisitRange(state.Messages, range, (in MessageRow row) =>
            {
                if (!onlyDeleted || (row.Flags & MessageFlags.Deleted) != 0)
                    UidRange.Add(found, row.Uid);
            });
    }

    private static void VisitRange(MessageTable messages, UidRange range, RowVisitor visit)
    {
        var from = range.First;
        for (var rows = messages.From(from); rows.Length > 0; rows = messages.From(from))
        {
            foreach (ref readonly var row in rows)
            {
                if (row.Uid > range.Last)
                    return;
                visit(row);
            }
            if (rows[^1].Uid == uint.MaxValue)
                return;
            from = rows[^1].Uid + 1;
        }
    }
}
