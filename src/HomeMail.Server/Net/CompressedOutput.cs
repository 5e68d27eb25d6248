using System.IO.Compression;
using HomeMail.Protocol.Text;

namespace HomeMail.Server.Net;

/// <summary>
/// What is sent to a peer, compressed by DEFLATE (RFC 4978). Each piece is flushed, so that the peer can read all of it. The compressor, some 250 kB, is
/// there while there is something to send: a new one goes on where the old one stopped, and merely does not refer back to before.
/// </summary>
internal sealed class CompressedOutput : IDisposable
{
    private readonly PooledWriter _compressed = new(4096);
    private DeflateStream? _deflate;

    /// <summary>Compresses a piece. The result holds until the next call.</summary>
    public ReadOnlyMemory<byte> Compress(ReadOnlySpan<byte> piece)
    {
        _compressed.Clear();
        _deflate ??= new DeflateStream(new Sink(_compressed), CompressionLevel.Fastest, leaveOpen: false);
        _deflate.Write(piece);
        // To the octet, and without an end.
        _deflate.Flush();
        return _compressed.WrittenMemory;
    }

    /// <summary>Gives back all memory until there is more to send.</summary>
    public void Rest()
    {
        // What this writes, an end of the stream, is not sent.
        _deflate?.Dispose();
        _deflate = null;
        _compressed.Dispose();
    }

    public void Dispose() => Rest();

    private sealed class Sink(PooledWriter to) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            buffer.CopyTo(to.GetSpan(buffer.Length));
            to.Advance(buffer.Length);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
