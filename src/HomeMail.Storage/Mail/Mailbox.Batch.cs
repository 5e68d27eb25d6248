using HomeMail.Storage.Commit;

namespace HomeMail.Storage.Mail;

/// <summary>
/// Several messages that come in together, all or none (RFC 3502): their UIDs are written down as pending before the first file has its name, and
/// one record at the end makes messages of all of them. What a crash leaves pending is cleared away on loading.
/// </summary>
public sealed partial class Mailbox
{
    /// <summary>Gives messages their UIDs, in a row, and writes down that these are pending. The caller makes the files once that is durable.</summary>
    internal UidRange StagePending(int count)
    {
        lock (_gate)
        {
            var state = Writable();
            Reserve(state, state.UidNext + (ulong)count, state.NextModSeq + (ulong)count);
            var uids = new UidRange(state.UidNext, state.UidNext + (uint)count - 1);
            state.UidNext += (uint)count;
            Record(state, journal => journal.Advance(JournalRecord.WriteRange(journal.Room(), ref journal.Chain, JournalRecord.Pending, uids)));
            return uids;
        }
    }

    /// <summary>The files of what was pending have their names: writes that they are messages. They are once this is durable.</summary>
    internal void StageBatch(StoreWriter writer, UidRange uids, IReadOnlyList<MessageRow> rows, IReadOnlyList<IReadOnlyList<string>> keywords)
    {
        lock (_gate)
        {
            var state = Loaded();
            var added = new List<MessageRow>(rows.Count);
            Record(state, journal =>
            {
                // Keywords are named before, since the messages must follow without a break.
                for (var i = 0; i < rows.Count; i++)
                    added.Add(rows[i] with
                    {
                        Uid = uids.First + (uint)i,
                        ModSeq = state.NextModSeq++,
                        Keywords = MapKeywords(state, journal, keywords[i], out _),
                    });
                journal.Advance(JournalRecord.WriteRange(journal.Room(), ref journal.Chain, JournalRecord.Batch, uids));
                foreach (var row in added)
                    journal.Advance(JournalRecord.WriteAdd(journal.Room(), ref journal.Chain, row));
            });
            state.StagedAdds.AddRange(added);
            writer.Stage(this);
        }
    }

    /// <summary>A batch has failed: none of it counts, and the journal is written anew without it.</summary>
    internal void DropBatch(UidRange uids)
    {
        lock (_gate)
        {
            if (_loaded is not { } state)
                return;
            state.StagedAdds.RemoveAll(row => row.Uid >= uids.First && row.Uid <= uids.Last);
            state.MustPersist = true;
        }
    }

    /// <summary>What is read of a batch, and what of it was pending when the journal ended.</summary>
    private sealed class BatchReading
    {
        private readonly List<UidRange> _pending = [];
        private readonly List<MessageRow> _rows = [];
        private UidRange _batch;
        private bool _isOpen;

        public void Begin(byte kind, UidRange uids)
        {
            _isOpen = kind == JournalRecord.Batch;
            _rows.Clear();
            if (_isOpen)
                _batch = uids;
            else
                _pending.Add(uids);
        }

        /// <summary>Takes a message that belongs to a batch; false if there is none that it could belong to.</summary>
        public bool Take(LoadedMailbox state, in MessageRow row)
        {
            if (!_isOpen || row.Uid < _batch.First || row.Uid > _batch.Last)
                return false;
            _rows.Add(row);
            if (row.Uid != _batch.Last)
                return true;
            // All of them are there.
            foreach (var one in _rows)
            {
                state.Messages.Add(one);
                Seen(state, one.Uid, one.ModSeq);
            }
            _pending.Remove(_batch);
            _isOpen = false;
            return true;
        }

        /// <summary>What is pending still has come to nothing: its files, if there are any, are those of messages that never were.</summary>
        public bool Close(LoadedMailbox state)
        {
            foreach (var uids in _pending)
            {
                Seen(state, uids.Last, state.NextModSeq);
                state.Vanished.Add(uids, state.NextModSeq - 1);
            }
            return _pending.Count > 0;
        }
    }
}
