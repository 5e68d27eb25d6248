using System.Runtime.InteropServices;

namespace HomeMail.Storage.Mail;

/// <summary>One message in memory: 44 octets.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct MessageRow
{
    public ulong ModSeq;
    public ulong Keywords;
    public ulong EmailId;
    public uint Uid;
    public uint Size;
    public uint InternalDate;
    public uint SaveDate;
    public MessageFlags Flags;

    public readonly MessageInfo ToInfo() => new(
        Uid, Flags, Keywords, ModSeq, Size,
        DateTimeOffset.FromUnixTimeSeconds(InternalDate), DateTimeOffset.FromUnixTimeSeconds(SaveDate), EmailId);

    /// <summary>Seconds since 1970 as 32 bits without a sign: good until 2106, and what is before 1970 becomes 1970.</summary>
    public static uint Seconds(DateTimeOffset time) => (uint)Math.Clamp(time.ToUnixTimeSeconds(), 0, uint.MaxValue);
}

/// <summary>
/// The messages of a mailbox by UID, in blocks of rows: no object a message, no large array to move, and a block that has not
/// changed since a mod-sequence is passed over as a whole.
/// </summary>
internal sealed class MessageTable
{
    private const int BlockRows = 512;
    private const int FirstRows = 16;

    private readonly List<Block> _blocks = [];

    public int Count { get; private set; }

    public int Unseen { get; private set; }

    public int Deleted { get; private set; }

    public long Bytes { get; private set; }

    public uint LastUid => _blocks.Count == 0 ? 0 : _blocks[^1].Rows[_blocks[^1].Count - 1].Uid;

    /// <summary>The row of a UID; a null reference if there is none. Do not change UID, size or flags through it.</summary>
    public ref readonly MessageRow Find(uint uid)
    {
        var at = BlockOf(uid);
        if (at >= 0)
        {
            var row = _blocks[at].IndexOf(uid);
            if (row >= 0)
                return ref _blocks[at].Rows[row];
        }
        return ref System.Runtime.CompilerServices.Unsafe.NullRef<MessageRow>();
    }

    public bool Contains(uint uid) => !System.Runtime.CompilerServices.Unsafe.IsNullRef(in Find(uid));

    /// <summary>Adds a message; mostly at the end. False if the UID is there.</summary>
    public bool Add(in MessageRow row)
    {
        var at = Math.Max(BlockOf(row.Uid), 0);
        if (_blocks.Count == 0)
            _blocks.Add(new Block());
        var block = _blocks[at];
        var index = block.IndexOf(row.Uid);
        if (index >= 0)
            return false;
        index = ~index;
        if (block.Count == BlockRows)
        {
            var next = new Block();
            _blocks.Insert(at + 1, next);
            if (index == BlockRows)
            {
                (block, index) = (next, 0);
            }
            else
            {
                block.MoveHalfTo(next);
                if (index > block.Count)
                    (block, index) = (next, index - block.Count);
            }
        }
        block.Insert(index, row);
        Account(row, +1);
        return true;
    }

    /// <summary>Sets flags, keywords and mod-sequence. False if there is no such message.</summary>
    public bool Set(uint uid, MessageFlags flags, ulong keywords, ulong modSeq)
    {
        var at = BlockOf(uid);
        var index = at < 0 ? -1 : _blocks[at].IndexOf(uid);
        if (index < 0)
            return false;
        ref var row = ref _blocks[at].Rows[index];
        Account(row, -1);
        (row.Flags, row.Keywords, row.ModSeq) = (flags, keywords, modSeq);
        Account(row, +1);
        _blocks[at].HighestModSeq = Math.Max(_blocks[at].HighestModSeq, modSeq);
        return true;
    }

    /// <summary>Takes a message out. False if there is no such message.</summary>
    public bool Remove(uint uid)
    {
        var at = BlockOf(uid);
        var index = at < 0 ? -1 : _blocks[at].IndexOf(uid);
        if (index < 0)
            return false;
        Account(_blocks[at].Rows[index], -1);
        _blocks[at].RemoveAt(index);
        if (_blocks[at].Count == 0)
            _blocks.RemoveAt(at);
        return true;
    }

    /// <summary>Takes all messages of a range out.</summary>
    public void RemoveRange(UidRange uids)
    {
        if (uids.First == uids.Last)
        {
            Remove(uids.First);
            return;
        }
        for (var rows = From(uids.First); rows.Length > 0 && rows[0].Uid <= uids.Last; rows = From(uids.First))
            Remove(rows[0].Uid);
    }

    public void Clear()
    {
        _blocks.Clear();
        (Count, Unseen, Deleted, Bytes) = (0, 0, 0, 0);
    }

    /// <summary>The rows from a UID on, block by block: first the part of the block that holds it.</summary>
    /// <returns>The rows, empty at the end.</returns>
    public ReadOnlySpan<MessageRow> From(uint uid)
    {
        var at = Math.Max(BlockOf(uid), 0);
        for (; at < _blocks.Count; at++)
        {
            var index = _blocks[at].IndexOf(uid);
            if (index < 0)
                index = ~index;
            if (index < _blocks[at].Count)
                return _blocks[at].Rows.AsSpan(index, _blocks[at].Count - index);
        }
        return default;
    }

    /// <summary>Adds the messages that changed after a mod-sequence, in order.</summary>
    public void ChangedSince(ulong modSeq, List<MessageInfo> changed)
    {
        foreach (var block in _blocks)
        {
            if (block.HighestModSeq <= modSeq)
                continue;
            foreach (ref readonly var row in block.Rows.AsSpan(0, block.Count))
                if (row.ModSeq > modSeq)
                    changed.Add(row.ToInfo());
        }
    }

    private void Account(in MessageRow row, int sign)
    {
        Count += sign;
        Bytes += sign * (long)row.Size;
        if ((row.Flags & MessageFlags.Seen) == 0)
            Unseen += sign;
        if ((row.Flags & MessageFlags.Deleted) != 0)
            Deleted += sign;
    }

    /// <summary>The block whose range a UID falls in: the last that begins at or below it, or -1.</summary>
    private int BlockOf(uint uid)
    {
        int low = 0, high = _blocks.Count - 1;
        if (high >= 0 && _blocks[high].Rows[0].Uid <= uid)
            return high;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (_blocks[middle].Rows[0].Uid <= uid)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high;
    }

    private sealed class Block
    {
        public MessageRow[] Rows = new MessageRow[FirstRows];
        public int Count;
        public ulong HighestModSeq;

        public int IndexOf(uint uid)
        {
            if (Count > 0 && Rows[Count - 1].Uid < uid)
                return ~Count;
            int low = 0, high = Count - 1;
            while (low <= high)
            {
                var middle = (low + high) >>> 1;
                if (Rows[middle].Uid == uid)
                    return middle;
                if (Rows[middle].Uid < uid)
                    low = middle + 1;
                else
                    high = middle - 1;
            }
            return ~low;
        }

        public void Insert(int index, in MessageRow row)
        {
            if (Count == Rows.Length)
                Array.Resize(ref Rows, Math.Min(BlockRows, Rows.Length * 2));
            Rows.AsSpan(index, Count - index).CopyTo(Rows.AsSpan(index + 1));
            Rows[index] = row;
            Count++;
            HighestModSeq = Math.Max(HighestModSeq, row.ModSeq);
        }

        public void RemoveAt(int index)
        {
            Count--;
            Rows.AsSpan(index + 1, Count - index).CopyTo(Rows.AsSpan(index));
        }

        public void MoveHalfTo(Block other)
        {
            var kept = Count / 2;
            other.Rows = new MessageRow[BlockRows];
            Rows.AsSpan(kept, Count - kept).CopyTo(other.Rows);
            other.Count = Count - kept;
            other.HighestModSeq = HighestModSeq;
            Count = kept;
        }
    }
}
