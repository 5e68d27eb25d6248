using System.Buffers;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>
/// The journal file of a mailbox: records are put behind the last good one, at a known offset, so that what a failed write left
/// there is written over. Used under the mailbox's lock.
/// </summary>
internal sealed class Journal : IDisposable
{
    private const int BufferSize = 32 * 1024;
    private const int MaximumRecord = 7 + JournalRecord.MaximumText + 8;

    private readonly IFile _file;
    private uint _chain;
    private byte[]? _buffer;
    private int _buffered;
    private uint _bufferedChain;

    private Journal(IFile file, long length, uint chain)
    {
        _file = file;
        Length = length;
        _chain = chain;
        _bufferedChain = chain;
    }

    public IFile File => _file;

    /// <summary>Octets of good records in the file.</summary>
    public long Length { get; private set; }

    /// <summary>Begins a journal in a new file, without its first record.</summary>
    public static Journal Create(IFileSystem files, string path) => new(files.Create(path), 0, JournalRecord.Seed);

    /// <summary>Is called for each record that is read.</summary>
    public delegate void Visitor(byte kind, ReadOnlySpan<byte> payload);

    /// <summary>
    /// Reads a journal and opens it to go on. <paramref name="whole"/> is false if something stands behind the last good record: torn by a crash or damaged.
    /// Null if there is no journal, or nothing good in it.
    /// </summary>
    public static Journal? Open(IFileSystem files, string path, Visitor visit, out bool whole)
    {
        whole = false;
        IFile file;
        try
        {
            file = files.Open(path, write: true);
        }
        catch (StorageException error) when (error.Error == FileError.NotFound)
        {
            return null;
        }
        catch (StorageException error) when (error.Error == FileError.ReadOnly)
        {
            file = files.Open(path);
        }
        var chain = JournalRecord.Seed;
        try
        {
            var length = Scan(file, visit, ref chain, out whole);
            if (length > 0)
                return new Journal(file, length, chain);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        file.Dispose();
        return null;
    }

    /// <summary>Reads the good records again.</summary>
    public void Visit(Visitor visit)
    {
        var chain = JournalRecord.Seed;
        Scan(_file, visit, ref chain, out _);
    }

    /// <summary>Room for one record; write it with <see cref="Chain"/> and tell its length to <see cref="Advance"/>.</summary>
    public Span<byte> Room()
    {
        _buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
        if (_buffer.Length - _buffered < MaximumRecord)
            Flush();
        return _buffer.AsSpan(_buffered);
    }

    /// <summary>The checksum that the next record continues.</summary>
    public ref uint Chain => ref _bufferedChain;

    public void Advance(int length) => _buffered += length;

    /// <summary>Writes what is buffered. If that fails nothing of it counts.</summary>
    public void Flush()
    {
        try
        {
            if (_buffered > 0)
                _file.Write(_buffer.AsSpan(0, _buffered), Length);
            Length += _buffered;
            _chain = _bufferedChain;
        }
        finally
        {
            _buffered = 0;
            _bufferedChain = _chain;
        }
    }

    /// <summary>Writes what is buffered, and gives the buffer back.</summary>
    public void FlushAll()
    {
        try
        {
            Flush();
        }
        finally
        {
            if (_buffer is not null)
                ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
    }

    /// <summary>Forgets what is buffered.</summary>
    public void Abandon()
    {
        _buffered = 0;
        _bufferedChain = _chain;
        FlushAll();
    }

    public void Dispose()
    {
        if (_buffer is not null)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
        _file.Dispose();
    }

    private static long Scan(IFile file, Visitor visit, ref uint chain, out bool whole)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            long good = 0, offset = 0;
            int start = 0, end = 0;
            while (true)
            {
                var taken = JournalRecord.TryRead(buffer.AsSpan(start, end - start), ref chain, out var kind, out var payload);
                if (taken > 0)
                {
                    // The first record says whose journal this is; without it nothing can be made of the rest.
                    if ((good == 0) != (kind == JournalRecord.Head))
                        break;
                    visit(kind, payload);
                    start += taken;
                    good += taken;
                    continue;
                }
                if (taken < 0)
                    break;
                buffer.AsSpan(start, end - start).CopyTo(buffer);
                (start, end) = (0, end - start);
                var read = file.Read(buffer.AsSpan(end), offset);
                if (read == 0)
                    break;
                offset += read;
                end += read;
            }
            whole = good == file.Length;
            return good;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
