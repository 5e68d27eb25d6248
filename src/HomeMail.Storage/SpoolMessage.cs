using System.Buffers;
using HomeMail.Storage.Files;

namespace HomeMail.Storage;

/// <summary>
/// A message on its way in: the body, as octets with CRLF line ends; the header is held by whoever reads it. A small body stays in one
/// pooled buffer; a larger one goes to <c>spool/tmp/</c> as it comes. Used by one thread at a time. Disposing it without a commit leaves nothing.
/// </summary>
public sealed class SpoolMessage : IDisposable
{
    /// <summary>Bodies up to this size, in octets, are held in memory.</summary>
    public const int BufferedLimit = 64 * 1024;

    private const int FirstBuffer = 4 * 1024;

    private readonly Spool _spool;
    private byte[]? _buffer;
    private int _buffered;
    private IFile? _file;
    private long _written;

    internal SpoolMessage(Spool spool, MessageId id)
    {
        _spool = spool;
        Id = id;
    }

    /// <summary>The message's identifier.</summary>
    public MessageId Id { get; }

    /// <summary>How many octets the body has so far.</summary>
    public long BodyLength => _written + _buffered;

    /// <summary>
    /// What went wrong while the body was written (the disk is full, say). Later octets are then counted no more; a commit gives this condition.
    /// So the dialogue goes on to the end of the data and answers then.
    /// </summary>
    public StorageCondition Condition { get; private set; }

    /// <summary>For the log: the step that failed, or null.</summary>
    public string? Detail { get; private set; }

    internal bool IsCommitted { get; set; }

    internal IFile? BodyFile => _file;

    internal ReadOnlyMemory<byte> Buffered => _buffer is null ? default : _buffer.AsMemory(0, _buffered);

    private string BodyPath => _spool.TemporaryPath(Id, ".body");

    /// <summary>Adds octets of the body. Failures are kept in <see cref="Condition"/>.</summary>
    /// <param name="octets">The octets, dots already unstuffed (RFC 5321 4.5.2).</param>
    public void Append(ReadOnlySpan<byte> octets)
    {
        if (Condition != StorageCondition.None)
            return;
        try
        {
            while (octets.Length > 0)
            {
                if (_buffered == BufferedLimit)
                    Spill();
                var room = Room(Math.Min(octets.Length, BufferedLimit - _buffered));
                var part = octets[..Math.Min(octets.Length, room.Length)];
                part.CopyTo(room);
                _buffered += part.Length;
                octets = octets[part.Length..];
            }
        }
        catch (StorageException error)
        {
            Condition = error.Condition;
            Detail = error.Message;
        }
    }

    /// <summary>Reads the body before the commit.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="offset">Offset in the body, in octets.</param>
    /// <returns>How many octets came; 0 only at the end.</returns>
    /// <exception cref="StorageException">The file could not be read.</exception>
    public int Read(Span<byte> buffer, long offset)
    {
        if (offset < _written)
            return _file!.Read(buffer[..(int)Math.Min(buffer.Length, _written - offset)], offset);
        var at = (int)Math.Min(offset - _written, _buffered);
        var count = Math.Min(buffer.Length, _buffered - at);
        _buffer.AsSpan(at, count).CopyTo(buffer);
        return count;
    }

    /// <summary>The body as a stream to read, valid until this message is committed or disposed; any number may be open.</summary>
    public Stream OpenBody() => new BodyStream(this);

    /// <summary>Drops the message, unless it was committed, and gives the buffer back.</summary>
    public void Dispose()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
            _buffered = 0;
        }
        if (_file is null)
            return;
        _file.Dispose();
        _file = null;
        _spool.Discard(BodyPath);
    }

    private Span<byte> Room(int wanted)
    {
        if (_buffer is null)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, FirstBuffer));
        }
        else if (_buffer.Length == _buffered)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Min(BufferedLimit, Math.Max(_buffered * 2, _buffered + wanted)));
            _buffer.AsSpan(0, _buffered).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        return _buffer.AsSpan(_buffered, Math.Min(_buffer.Length, BufferedLimit) - _buffered);
    }

    private void Spill()
    {
        _file ??= _spool.Files.Create(BodyPath);
        _file.Write(_buffer.AsSpan(0, _buffered), _written);
        _written += _buffered;
        _buffered = 0;
    }

    private sealed class BodyStream(SpoolMessage message) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => message.BodyLength;

        public override long Position
        {
            get => _position;
            set => _position = value;
        }

        public override int Read(Span<byte> buffer)
        {
            var read = message.Read(buffer, _position);
            _position += read;
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override long Seek(long offset, SeekOrigin origin) => _position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => Length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
