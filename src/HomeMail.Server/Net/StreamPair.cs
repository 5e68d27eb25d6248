using System.IO.Pipelines;

namespace HomeMail.Server.Net;

/// <summary>
/// Two streams of which each reads what the other writes: a connection within this process. For a session between two hosted domains where we cannot
/// reach ourselves, and for tests.
/// </summary>
public static class StreamPair
{
    /// <summary>Makes a pair.</summary>
    /// <param name="buffer">Octets that may be under way in each direction before the writer waits.</param>
    public static (Stream Client, Stream Server) Create(int buffer = 64 * 1024)
    {
        var options = new PipeOptions(pauseWriterThreshold: buffer, resumeWriterThreshold: buffer / 2, useSynchronizationContext: false);
        var forth = new Pipe(options);
        var back = new Pipe(options);
        var client = new Side(back.Reader, forth.Writer);
        var server = new Side(forth.Reader, back.Writer) { Other = client };
        client.Other = server;
        return (client, server);
    }

    private sealed class Side(PipeReader reader, PipeWriter writer) : Stream
    {
        private volatile bool _disposed;

        public Side? Other { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (result.IsCanceled)
                throw new IOException("The connection was broken off.");
            var count = (int)Math.Min(buffer.Length, result.Buffer.Length);
            var part = result.Buffer.Slice(0, count);
            foreach (var segment in part)
            {
                segment.Span.CopyTo(buffer.Span);
                buffer = buffer[segment.Length..];
            }
            reader.AdvanceTo(part.End);
            return count;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var isOver = Other!._disposed;
            if (!isOver)
            {
                var result = await writer.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
                isOver = result.IsCompleted || result.IsCanceled;
            }
            if (isOver)
                throw new IOException("The other side has closed the connection.");
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        private void StopWriting() => writer.CancelPendingFlush();

        protected override void Dispose(bool disposing)
        {
            if (!disposing || _disposed)
                return;
            _disposed = true;
            // A read that waits on this side ends; the other side reads what was written, and then the end.
            reader.CancelPendingRead();
            writer.Complete();
            // And a write of the other side that waits for us to read.
            Other!.StopWriting();
            base.Dispose(disposing);
        }
    }
}
