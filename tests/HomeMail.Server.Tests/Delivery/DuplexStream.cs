using System.IO.Pipelines;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>One end of a connection in memory. Closing it ends the peer's reads and breaks the peer's writes, as a socket does.</summary>
internal sealed class DuplexStream(PipeReader reader, PipeWriter writer) : Stream
{
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DuplexStream? _peer;
    private bool _closed;

    /// <summary>Ends when the other end is closed.</summary>
    public Task PeerClosed => _peer!._gone.Task;

    /// <summary>Two ends; <paramref name="room"/> is how many octets fit in each direction before a writer has to wait.</summary>
    public static (DuplexStream Client, DuplexStream Server) Pair(int room = 64 * 1024)
    {
        var options = new PipeOptions(pauseWriterThreshold: room, resumeWriterThreshold: Math.Max(1, room / 2), useSynchronizationContext: false);
        var up = new Pipe(options);
        var down = new Pipe(options);
        var (near, far) = (new DuplexStream(down.Reader, up.Writer), new DuplexStream(up.Reader, down.Writer));
        (near._peer, far._peer) = (far, near);
        return (near, far);
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var result = await reader.ReadAsync(cancellationToken);
        var part = result.Buffer.Slice(0, Math.Min(buffer.Length, result.Buffer.Length));
        var length = 0;
        foreach (var segment in part)
        {
            segment.CopyTo(buffer[length..]);
            length += segment.Length;
        }
        reader.AdvanceTo(part.End);
        return length;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var result = await writer.WriteAsync(buffer, cancellationToken);
        if (result.IsCompleted)
            throw new IOException("the peer has closed");
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (!_closed && disposing)
        {
            _closed = true;
            reader.Complete();
            writer.Complete();
            _gone.SetResult();
        }
        base.Dispose(disposing);
    }
}
