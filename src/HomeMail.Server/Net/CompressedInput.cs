using System.Buffers;
using HomeMail.Protocol.Imap;

namespace HomeMail.Server.Net;

/// <summary>What a peer sends compressed (RFC 4978), as a stream to read. While the peer is silent it holds no buffer, only what the peer may refer back to.</summary>
internal sealed class CompressedInput(Stream from) : Stream
{
    private const int BlockSize = 1024;

    private readonly Inflater _inflater = new();
    private byte[] _block = [];
    private int _start;
    private int _end;
    private bool _mayHaveMore;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_inflater.IsAtEnd)
                return 0;
            if (_start < _end || _mayHaveMore)
            {
                // Who reads nothing waits only until there is something.
                if (buffer.IsEmpty)
                    return 0;
                if (!_inflater.TryInflate(_block.AsSpan(_start, _end - _start), out var taken, buffer.Span, out var written))
                    throw new IOException("What came is not compressed by DEFLATE.");
                _start += taken;
                _mayHaveMore = written == buffer.Length;
                if (written > 0)
                    return written;
                continue;
            }
            Rest();
            await from.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
            _block = ArrayPool<byte>.Shared.Rent(BlockSize);
            _end = await from.ReadAsync(_block, cancellationToken).ConfigureAwait(false);
            if (_end == 0)
                return 0;
        }
    }

    private void Rest()
    {
        if (_block.Length > 0)
            ArrayPool<byte>.Shared.Return(_block);
        _block = [];
        (_start, _end) = (0, 0);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        Rest();
        base.Dispose(disposing);
    }
}
