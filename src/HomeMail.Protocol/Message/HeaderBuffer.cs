using System.Buffers;

namespace HomeMail.Protocol.Message;

/// <summary>Where a <see cref="HeaderBuffer"/> stands.</summary>
public enum HeaderState : byte
{
    /// <summary>More header is to come.</summary>
    Open,

    /// <summary>The header is whole; what comes now is body.</summary>
    Complete,

    /// <summary>The header passes its limit. What was held is dropped.</summary>
    TooBig,
}

/// <summary>
/// Holds the header of a message that comes in as slices of content, each with at most one line ending, at its end. The block it keeps ends in the
/// empty line (RFC 5322 2.1); where a message lacks it, because a line that is no field ends the header, it is put in, so that every reader after us
/// sees the same border between header and body.
/// </summary>
public sealed class HeaderBuffer : IDisposable
{
    /// <summary>Octets a header may have.</summary>
    public const int Limit = 256 * 1024;

    private const int FirstSize = 4096;

    private byte[] _buffer = [];
    private int _length;
    private int _lineStart;

    /// <summary>Where it stands.</summary>
    public HeaderState State { get; private set; }

    /// <summary>Octets of memory that are held.</summary>
    public int Capacity => _buffer.Length;

    /// <summary>The header block so far; after <see cref="HeaderState.Complete"/> with the empty line at its end. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Block => _buffer.AsSpan(0, _length);

    /// <summary>The same as <see cref="Block"/>, as memory.</summary>
    public ReadOnlyMemory<byte> BlockMemory => _buffer.AsMemory(0, _length);

    /// <summary>Takes a slice of content. Call it only while <see cref="State"/> is <see cref="HeaderState.Open"/>.</summary>
    /// <param name="content">The slice.</param>
    /// <param name="body">What turned out to be the first octets of the body, for the header had no empty line. Valid until the next call.</param>
    public HeaderState Append(ReadOnlySpan<byte> content, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (_length + content.Length > Limit)
        {
            _length = 0;
            return State = HeaderState.TooBig;
        }
        Reserve(content.Length + 2);
        content.CopyTo(_buffer.AsSpan(_length));
        _length += content.Length;
        if (content.IsEmpty || content[^1] != (byte)'\n')
            return State;
        var line = _buffer.AsSpan(_lineStart, _length - _lineStart);
        if (line is [(byte)'\r', (byte)'\n'])
            return State = HeaderState.Complete;
        if ((_lineStart > 0 && line[0] is (byte)' ' or (byte)'\t') || HeaderFields.IsFieldStart(line, out _, out _))
        {
            _lineStart = _length;
            return State;
        }
        // The first line of an mbox file is no part of the message. (With a colon next it is a field, in an obsolete form.)
        if (_lineStart == 0 && line.StartsWith("From "u8))
        {
            _length = 0;
            return State;
        }
        // The line moves up by two to make room for the empty line; it is handed out from there as body.
        line.CopyTo(_buffer.AsSpan(_lineStart + 2));
        _buffer[_lineStart] = (byte)'\r';
        _buffer[_lineStart + 1] = (byte)'\n';
        body = _buffer.AsSpan(_lineStart + 2, _length - _lineStart);
        _length = _lineStart + 2;
        return State = HeaderState.Complete;
    }

    /// <summary>The content has ended: a header that is still open ends here.</summary>
    /// <param name="body">What turned out to be body: a last line without line ending that is no field. Valid until the next call.</param>
    public void Finish(out ReadOnlySpan<byte> body)
    {
        body = default;
        if (State != HeaderState.Open)
            return;
        if (_length > _lineStart)
            Append("\r\n"u8, out body);
        if (State == HeaderState.Open)
            Append("\r\n"u8, out _);
    }

    /// <summary>Makes it ready for the next message. The memory is given back.</summary>
    public void Reset()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = _lineStart = 0;
        State = HeaderState.Open;
    }

    /// <inheritdoc/>
    public void Dispose() => Reset();

    private void Reserve(int more)
    {
        if (_buffer.Length - _length >= more)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstSize, Math.Max(_buffer.Length * 2, _length + more)));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
