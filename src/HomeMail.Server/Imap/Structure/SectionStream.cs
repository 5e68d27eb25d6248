namespace HomeMail.Server.Imap.Structure;

/// <summary>Reads one range of a message file, forward only. The file stays open when it is closed.</summary>
public sealed class SectionStream : Stream
{
    private readonly Stream _message;
    private long _left;

    /// <summary>Reads a range.</summary>
    /// <param name="message">The message file, able to seek; nobody else moves it meanwhile.</param>
    /// <param name="range">The octets.</param>
    public SectionStream(Stream message, SectionRange range)
    {
        _message = message;
        _message.Position = range.Offset;
        _left = range.Length;
        Length = range.Length;
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override long Position
    {
        get => Length - _left;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var read = _message.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        _left -= read;
        return read;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
