using System.Buffers;

namespace HomeMail.Storage.Mail;

/// <summary>Gathers records of the header cache, ascending, into blocks.</summary>
internal sealed class HeaderBlockWriter(int blockLength, HeaderBlockWriter.TakeBlock take) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(blockLength + HeaderCache.MaxRecord + 6);
    private uint _first;
    private uint _last;
    private uint _before = uint.MaxValue;
    private int _length;
    private int _count;

    /// <summary>Gets a block that is full.</summary>
    public delegate void TakeBlock(uint first, uint last, int count, ReadOnlySpan<byte> records);

    /// <summary>Adds a whole record, its head with it.</summary>
    public void Add(uint uid, ReadOnlySpan<byte> record)
    {
        if (_length > 0 && _length + record.Length > blockLength)
            End();
        if (_count++ == 0)
            _first = uid;
        _last = uid;
        record.CopyTo(_buffer.AsSpan(_length));
        _length += record.Length;
    }

    /// <summary>Says where what comes next has to end; what was to end elsewhere ends now.</summary>
    public void EndBefore(uint uid)
    {
        if (_before != uid)
            End();
        _before = uid;
    }

    /// <summary>Ends the block that is being gathered.</summary>
    public void End()
    {
        if (_count == 0)
            return;
        var (length, count) = (_length, _count);
        (_length, _count) = (0, 0);
        take(_first, _last, count, _buffer.AsSpan(0, length));
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }
}
