using System.IO.Pipelines;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>
/// A connection within this process that a test has in its hand: how many octets the server gets at a time, whether it is waiting for more, and an end
/// that can be closed in one direction.
/// </summary>
public sealed class Wire
{
    private readonly Lock _gate = new();
    private readonly int _readLimit;
    private TaskCompletionSource _changed = NewSignal();
    private long _written;
    private long _read;
    private bool _isReading;
    private bool _isOver;

    /// <param name="readLimit">Octets that the server gets from one read.</param>
    public Wire(int readLimit = int.MaxValue)
    {
        _readLimit = readLimit;
        var options = new PipeOptions(pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19, useSynchronizationContext: false);
        var forth = new Pipe(options);
        var back = new Pipe(options);
        Client = new End(this, back.Reader, forth.Writer, isServer: false);
        Server = new End(this, forth.Reader, back.Writer, isServer: true);
    }

    /// <summary>The client's end.</summary>
    public Stream Client { get; }

    /// <summary>The server's end.</summary>
    public Stream Server { get; }

    /// <summary>The client says no more; what the server says can still be read.</summary>
    public void EndOutput() => ((End)Client).EndOutput();

    /// <summary>Returns when the server has taken all that was written and waits for more, or has gone.</summary>
    public async Task AtRestAsync()
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_isOver || (_isReading && _read == _written))
                    return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(TimeSpan.FromSeconds(20));
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Note(Action change)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            change();
            changed = _changed;
            _changed = NewSignal();
        }
        changed.TrySetResult();
    }

    private sealed class End(Wire wire, PipeReader reader, PipeWriter writer, bool isServer) : Stream
    {
        private bool _disposed;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void EndOutput() => writer.Complete();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var pending = reader.ReadAsync(cancellationToken);
            if (isServer && !pending.IsCompleted)
                wire.Note(() => wire._isReading = true);
            ReadResult result;
            try
            {
                result = await pending;
            }
            finally
            {
                if (isServer)
                    wire.Note(() => wire._isReading = false);
            }
            if (result.IsCanceled)
                throw new IOException("The connection was broken off.");
            var limit = isServer ? Math.Min(buffer.Length, wire._readLimit) : buffer.Length;
            var part = result.Buffer.Slice(0, Math.Min(limit, result.Buffer.Length));
            foreach (var segment in part)
            {
                segment.CopyTo(buffer);
                buffer = buffer[segment.Length..];
            }
            var count = (int)part.Length;
            if (isServer)
                wire.Note(() => wire._read += count);
            reader.AdvanceTo(part.End);
            return count;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!isServer)
                wire.Note(() => wire._written += buffer.Length);
            var result = await writer.WriteAsync(buffer, cancellationToken);
            if (result.IsCompleted)
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

        protected override void Dispose(bool disposing)
        {
            if (!disposing || _disposed)
                return;
            _disposed = true;
            reader.CancelPendingRead();
            writer.Complete();
            if (isServer)
                wire.Note(() => wire._isOver = true);
            base.Dispose(disposing);
        }
    }
}
