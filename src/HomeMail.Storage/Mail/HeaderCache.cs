using System.Buffers;
using System.Buffers.Binary;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>
/// What was read of messages' headers, kept beside them in <c>.headers</c>, so that a search or a sort need not open each file again. What a record
/// says is its reader's affair; here it is octets of a UID, which never come to mean another message. The file may be lost at any time: it is never
/// synced, each block has a checksum, and what does not fit is begun anew.
/// </summary>
/// <remarks>
/// A flash card is written in blocks of some dozens of messages, and not for each that is read. A block holds records in the order of their UIDs, and
/// a block that is written later takes the place of each that it overlaps. In memory are 24 octets a block.
/// </remarks>
internal sealed class HeaderCache : IDisposable
{
    internal const string FileName = ".headers";

    /// <summary>Octets of records in a block: enough for some 60 messages.</summary>
    internal const int BlockLength = 32 * 1024;

    /// <summary>A record that is longer is not kept: of such headers there are few, and they would make the cache what they like.</summary>
    internal const int MaxRecord = 8 * 1024;

    private const uint FileMark = 0x32484d48;
    private const uint BlockMark = 0x42484d48;
    private const int HeadLength = 16;
    private const int BlockHeadLength = 28;
    private const long CompactionSlack = 256 * 1024;

    // A block is written anew for what comes to lie inside of it if that is at least so much of it.
    private const int MergeShare = 32;

    private readonly Lock _gate = new();
    private readonly Mailbox _mailbox;
    private readonly IFileSystem _files;
    private readonly uint _uidValidity;
    private readonly List<Block> _blocks = [];
    private IFile? _file;
    private long _length;
    private long _live;
    private bool _isOpen;
    private bool _isClosed;

    internal readonly record struct Block(uint First, uint Last, long Offset, int Length, int Count, uint Sum);

    internal HeaderCache(Mailbox mailbox, IFileSystem files, uint uidValidity)
    {
        _mailbox = mailbox;
        _files = files;
        _uidValidity = uidValidity;
    }

    /// <summary>Reads the block that a UID would be in; false if there is none.</summary>
    /// <param name="uid">The UID.</param>
    /// <param name="buffer">At least <see cref="BlockLength"/> and <see cref="MaxRecord"/> long.</param>
    /// <param name="block">The block; its records begin at the buffer's begin.</param>
    internal bool TryRead(uint uid, byte[] buffer, out Block block)
    {
        lock (_gate)
        {
            Open();
            var at = Find(uid);
            block = at < 0 ? default : _blocks[at];
            if (at < 0 || _file is null)
                return false;
            if (IsSound(block, buffer))
                return true;
            // What is damaged is as good as not there.
            _blocks.RemoveAt(at);
            _live -= block.Length;
            return false;
        }
    }

    /// <summary>Adds records; those for UIDs that have one take its place. Never throws for a disk that is full or gone.</summary>
    /// <param name="records">As in a block, ascending.</param>
    internal void Add(ReadOnlySpan<byte> records)
    {
        try
        {
            bool isLong;
            lock (_gate)
            {
                Open();
                if (_isClosed || _mailbox.IsDeleted)
                    return;
                Begin();
                AddMerged(records);
                isLong = _length > (2 * _live) + CompactionSlack;
            }
            if (!isLong)
                return;
            // The mailbox is asked first, since who has its lock may want ours.
            var uids = _mailbox.Uids(out _);
            lock (_gate)
                if (!_isClosed && _file is not null)
                    Compact(uids);
        }
        catch (StorageException)
        {
            // The next one that reads the files tries again.
        }
    }

    /// <summary>Gives the file and memory back; readers then find nothing.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            Forget();
        }
    }

    /// <summary>Writes a record's head: its UID and length.</summary>
    internal static void WriteHead(Span<byte> to, uint uid, int length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, uid);
        BinaryPrimitives.WriteUInt16LittleEndian(to[4..], (ushort)length);
    }

    /// <summary>Takes the next record off; false at the end.</summary>
    internal static bool TryTake(scoped ref ReadOnlySpan<byte> records, out uint uid, out ReadOnlySpan<byte> whole)
    {
        uid = 0;
        whole = default;
        if (records.Length < 6)
            return false;
        uid = BinaryPrimitives.ReadUInt32LittleEndian(records);
        var length = 6 + BinaryPrimitives.ReadUInt16LittleEndian(records[4..]);
        if (length > records.Length)
            return false;
        whole = records[..length];
        records = records[length..];
        return true;
    }

    private void Forget()
    {
        _file?.Dispose();
        _file = null;
        _blocks.Clear();
        (_length, _live) = (0, 0);
    }

    // The blocks' heads are read once.
    private void Open()
    {
        if (_isOpen || _isClosed)
            return;
        _isOpen = true;
        Span<byte> head = stackalloc byte[BlockHeadLength];
        try
        {
            _file = _files.Open(Path, write: true);
            if (ReadFully(_file, head[..HeadLength], 0) < HeadLength || !IsHead(head))
            {
                Forget();
                return;
            }
            for (_length = HeadLength; ReadFully(_file, head, _length) == BlockHeadLength && TryReadBlock(head, out var block); _length = block.Offset + block.Length)
                Place(block);
        }
        catch (StorageException)
        {
            Forget();
        }
    }

    private string Path => _mailbox.Folder + "/" + FileName;

    private bool IsHead(ReadOnlySpan<byte> head) =>
        BinaryPrimitives.ReadUInt32LittleEndian(head) == FileMark && BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) == _uidValidity
        && BinaryPrimitives.ReadUInt32LittleEndian(head[12..]) == JournalRecord.Sum(head[..12], FileMark);

    private bool TryReadBlock(ReadOnlySpan<byte> head, out Block block)
    {
        block = new Block(
            BinaryPrimitives.ReadUInt32LittleEndian(head[4..]), BinaryPrimitives.ReadUInt32LittleEndian(head[8..]), _length + BlockHeadLength,
            BinaryPrimitives.ReadInt32LittleEndian(head[12..]), BinaryPrimitives.ReadInt32LittleEndian(head[16..]), BinaryPrimitives.ReadUInt32LittleEndian(head[20..]));
        return BinaryPrimitives.ReadUInt32LittleEndian(head) == BlockMark && BinaryPrimitives.ReadUInt32LittleEndian(head[24..]) == JournalRecord.Sum(head[..24], BlockMark)
            && block.First <= block.Last && block.Length is > 0 and <= BlockLength + MaxRecord && block.Offset + block.Length <= _file!.Length;
    }

    private bool IsSound(Block block, byte[] buffer)
    {
        try
        {
            var octets = buffer.AsSpan(0, block.Length);
            return ReadFully(_file!, octets, block.Offset) == block.Length && JournalRecord.Sum(octets, BlockMark) == block.Sum;
        }
        catch (StorageException)
        {
            return false;
        }
    }

    private static int ReadFully(IFile file, Span<byte> buffer, long offset)
    {
        var filled = 0;
        while (filled < buffer.Length && file.Read(buffer[filled..], offset + filled) is var read and > 0)
            filled += read;
        return filled;
    }

    /// <summary>The block that a UID would be in; -1 if there is none.</summary>
    private int Find(uint uid)
    {
        var at = FirstFrom(uid);
        return at < _blocks.Count && _blocks[at].First <= uid ? at : -1;
    }

    /// <summary>The first block that ends at a UID or above it.</summary>
    private int FirstFrom(uint uid)
    {
        var (low, high) = (0, _blocks.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_blocks[middle].Last < uid)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private void Place(Block block)
    {
        var from = FirstFrom(block.First);
        var to = from;
        for (; to < _blocks.Count && _blocks[to].First <= block.Last; to++)
            _live -= _blocks[to].Length;
        _blocks.RemoveRange(from, to - from);
        _blocks.Insert(from, block);
        _live += block.Length;
    }

    // The file is made when there is something for it.
    private void Begin()
    {
        if (_file is not null)
            return;
        _files.Unlink(Path);
        _file = _files.Create(Path);
        WriteFileHead(_file);
        _length = HeadLength;
    }

    private void WriteFileHead(IFile file)
    {
        Span<byte> head = stackalloc byte[HeadLength];
        BinaryPrimitives.WriteUInt32LittleEndian(head, FileMark);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], _uidValidity);
        BinaryPrimitives.WriteUInt32LittleEndian(head[12..], JournalRecord.Sum(head[..12], FileMark));
        file.Write(head, 0);
    }

    /// <summary>Writes what lies outside of all blocks, and with what lies inside of one that block anew.</summary>
    private void AddMerged(ReadOnlySpan<byte> records)
    {
        var old = ArrayPool<byte>.Shared.Rent(BlockLength + MaxRecord);
        var writer = new HeaderBlockWriter(BlockLength, Append);
        try
        {
            for (var rest = records; TryTake(ref rest, out var uid, out var record); records = rest)
            {
                var at = Find(uid);
                if (at < 0)
                {
                    // Up to where the next block begins.
                    writer.EndBefore(FirstFrom(uid) is var next && next < _blocks.Count ? _blocks[next].First : uint.MaxValue);
                    writer.Add(uid, record);
                    continue;
                }
                writer.End();
                var block = _blocks[at];
                var inside = Inside(records, block.Last, out var count);
                rest = records[inside.Length..];
                if (count * MergeShare < block.Count || !IsSound(block, old))
                    continue;
                Merge(writer, old.AsSpan(0, block.Length), inside);
                writer.End();
            }
            writer.End();
        }
        finally
        {
            writer.Dispose();
            ArrayPool<byte>.Shared.Return(old);
        }
    }

    /// <summary>The records up to a UID.</summary>
    private static ReadOnlySpan<byte> Inside(ReadOnlySpan<byte> records, uint last, out int count)
    {
        count = 0;
        var length = 0;
        for (var rest = records; TryTake(ref rest, out var uid, out var record) && uid <= last; count++)
            length += record.Length;
        return records[..length];
    }

    private static void Merge(HeaderBlockWriter writer, ReadOnlySpan<byte> old, ReadOnlySpan<byte> added)
    {
        var hasOld = TryTake(ref old, out var oldUid, out var oldRecord);
        var hasAdded = TryTake(ref added, out var uid, out var record);
        while (hasOld || hasAdded)
        {
            if (hasAdded && (!hasOld || uid <= oldUid))
            {
                if (hasOld && uid == oldUid)
                    hasOld = TryTake(ref old, out oldUid, out oldRecord);
                writer.Add(uid, record);
                hasAdded = TryTake(ref added, out uid, out record);
            }
            else
            {
                writer.Add(oldUid, oldRecord);
                hasOld = TryTake(ref old, out oldUid, out oldRecord);
            }
        }
    }

    private void Append(uint first, uint last, int count, ReadOnlySpan<byte> records)
    {
        var block = Write(_file!, _length, first, last, count, records);
        _length = block.Offset + block.Length;
        Place(block);
    }

    private static Block Write(IFile file, long at, uint first, uint last, int count, ReadOnlySpan<byte> records)
    {
        var block = new Block(first, last, at + BlockHeadLength, records.Length, count, JournalRecord.Sum(records, BlockMark));
        var octets = ArrayPool<byte>.Shared.Rent(BlockHeadLength + records.Length);
        try
        {
            var head = octets.AsSpan(0, BlockHeadLength);
            BinaryPrimitives.WriteUInt32LittleEndian(head, BlockMark);
            BinaryPrimitives.WriteUInt32LittleEndian(head[4..], first);
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], last);
            BinaryPrimitives.WriteInt32LittleEndian(head[12..], records.Length);
            BinaryPrimitives.WriteInt32LittleEndian(head[16..], count);
            BinaryPrimitives.WriteUInt32LittleEndian(head[20..], block.Sum);
            BinaryPrimitives.WriteUInt32LittleEndian(head[24..], JournalRecord.Sum(head[..24], BlockMark));
            records.CopyTo(octets.AsSpan(BlockHeadLength));
            file.Write(octets.AsSpan(0, BlockHeadLength + records.Length), at);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(octets);
        }
        return block;
    }

    /// <summary>Writes the file anew, without what was replaced and without messages that are gone.</summary>
    private void Compact(uint[] uids)
    {
        _files.Unlink(Path + ".new");
        var file = _files.Create(Path + ".new");
        var buffer = ArrayPool<byte>.Shared.Rent(BlockLength + MaxRecord);
        var blocks = new List<Block>();
        var length = (long)HeadLength;
        using var writer = new HeaderBlockWriter(BlockLength, (first, last, count, records) =>
        {
            blocks.Add(Write(file, length, first, last, count, records));
            length = blocks[^1].Offset + blocks[^1].Length;
        });
        try
        {
            WriteFileHead(file);
            foreach (var block in _blocks)
            {
                if (!IsSound(block, buffer))
                    continue;
                ReadOnlySpan<byte> records = buffer.AsSpan(0, block.Length);
                while (TryTake(ref records, out var uid, out var record))
                    if (Array.BinarySearch(uids, uid) >= 0)
                        writer.Add(uid, record);
            }
            writer.End();
            _files.Rename(Path + ".new", Path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        Forget();
        _file = file;
        _length = length;
        foreach (var block in blocks)
            Place(block);
    }
}
