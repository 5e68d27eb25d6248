using System.Buffers;

namespace HomeMail.Storage.Mail;

/// <summary>
/// Looks records up in a mailbox's header cache for one command, and gathers new ones. It holds one block of records, and up to one of new ones; give
/// it back when the command ends. For one thread at a time.
/// </summary>
public sealed class HeaderCacheReader : IDisposable
{
    // Fewer new records than these are not worth a write: a client that looks at the newest message reads its file.
    private const int WorthWriting = 48;

    private readonly HeaderCache _cache;
    private byte[]? _block;
    private byte[]? _added;
    private int _length;
    private int _at;
    private uint _first = 1;
    private uint _last;
    private uint _atUid;
    private uint _absent;
    private int _addedLength;
    private int _addedCount;
    private bool _isWorthWriting;
    private uint _addedLast;

    internal HeaderCacheReader(HeaderCache cache) => _cache = cache;

    /// <summary>Looks a record up.</summary>
    /// <param name="uid">The message's UID. Ascending ones are found soonest.</param>
    /// <param name="record">What was kept of it. Valid until the next call.</param>
    public bool TryFind(uint uid, out ReadOnlySpan<byte> record)
    {
        record = default;
        if (uid < _first || uid > _last)
        {
            // A UID that is in no block leaves the block where it is.
            if (!TryOpen(uid))
                return false;
        }
        else if (uid < _atUid)
            (_at, _atUid) = (0, 0);
        ReadOnlySpan<byte> rest = _block.AsSpan(_at, _length - _at);
        while (HeaderCache.TryTake(ref rest, out var found, out var whole))
        {
            if (found > uid)
                return false;
            _at = _length - rest.Length;
            _atUid = found + 1;
            if (found == uid)
            {
                // It may be asked for again.
                _at -= whole.Length;
                _atUid = found;
                record = whole[6..];
                return true;
            }
        }
        return false;
    }

    /// <summary>Keeps what was read of a message. It is written when there is enough of it.</summary>
    /// <param name="uid">The message's UID.</param>
    /// <param name="record">What to keep; what is too long is not kept.</param>
    public void Keep(uint uid, ReadOnlySpan<byte> record)
    {
        if (record.Length > HeaderCache.MaxRecord)
            return;
        var length = 6 + record.Length;
        // Blocks are in the order of UIDs.
        if (_addedCount > 0 && (_addedLength + length > HeaderCache.BlockLength || uid <= _addedLast))
            Flush();
        _added ??= ArrayPool<byte>.Shared.Rent(HeaderCache.BlockLength + HeaderCache.MaxRecord);
        HeaderCache.WriteHead(_added.AsSpan(_addedLength), uid, record.Length);
        record.CopyTo(_added.AsSpan(_addedLength + 6));
        _addedLength += length;
        _addedCount++;
        _addedLast = uid;
    }

    /// <summary>Writes what has been gathered, if it is worth it, and gives the memory back.</summary>
    public void Dispose()
    {
        Flush();
        if (_block is not null)
            ArrayPool<byte>.Shared.Return(_block);
        if (_added is not null)
            ArrayPool<byte>.Shared.Return(_added);
        (_block, _added, _first, _last) = (null, null, 1, 0);
    }

    private void Flush()
    {
        // Once a command has read many files, the last few are kept too.
        _isWorthWriting |= _addedCount >= WorthWriting || _addedLength >= HeaderCache.BlockLength / 2;
        if (_addedCount > 0 && _isWorthWriting)
        {
            _cache.Add(_added.AsSpan(0, _addedLength));
            // What is in hand may have been replaced.
            (_first, _last, _absent) = (1, 0, 0);
        }
        (_addedLength, _addedCount, _addedLast) = (0, 0, 0);
    }

    private bool TryOpen(uint uid)
    {
        if (uid == _absent)
            return false;
        _block ??= ArrayPool<byte>.Shared.Rent(HeaderCache.BlockLength + HeaderCache.MaxRecord);
        if (!_cache.TryRead(uid, _block, out var block))
        {
            _absent = uid;
            (_first, _last) = (1, 0);
            return false;
        }
        (_first, _last, _length, _at, _atUid) = (block.First, block.Last, block.Length, 0, 0);
        return true;
    }
}
