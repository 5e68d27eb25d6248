using System.Threading.Tasks.Sources;

namespace HomeMail.Fuzz;

/// <summary>
/// The server's end of a connection whose client is a method call: <see cref="Feed"/> gives octets, and the server has worked them off when it returns,
/// on the caller's thread. It allocates nothing, so that what is allocated is the server's.
/// </summary>
public sealed class InlineStream : Stream, IValueTaskSource<int>
{
    private ManualResetValueTaskSourceCore<int> _pending;
    private Memory<byte> _target;
    private ReadOnlyMemory<byte> _input;
    private byte[] _output = new byte[64 * 1024];
    private bool _isPending;
    private bool _isEnded;

    /// <summary>What the server has written since <see cref="ClearOutput"/>.</summary>
    public ReadOnlySpan<byte> Output => _output.AsSpan(0, OutputLength);

    /// <summary>Octets that the server has written since then.</summary>
    public int OutputLength { get; private set; }

    /// <summary>Whether the server has closed.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Forgets what was written.</summary>
    public void ClearOutput() => OutputLength = 0;

    /// <summary>The client sends octets. They are all taken when this returns, unless the server has closed.</summary>
    public void Feed(ReadOnlyMemory<byte> octets)
    {
        _input = octets;
        while (_input.Length > 0 && !IsClosed)
        {
            if (!_isPending)
                throw new InvalidOperationException("The server does not read.");
            Complete();
        }
    }

    /// <summary>The client says no more.</summary>
    public void End()
    {
        _isEnded = true;
        while (_isPending)
            Complete();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        if (_input.Length > 0 || _isEnded)
            return new ValueTask<int>(Take(buffer));
        _pending.Reset();
        _target = buffer;
        _isPending = true;
        return new ValueTask<int>(this, _pending.Version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        if (_output.Length - OutputLength < buffer.Length)
            Array.Resize(ref _output, (OutputLength + buffer.Length) * 2);
        buffer.Span.CopyTo(_output.AsSpan(OutputLength));
        OutputLength += buffer.Length;
        return ValueTask.CompletedTask;
    }

    public int GetResult(short token) => _pending.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _pending.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _pending.OnCompleted(continuation, state, token, flags);

    private void Complete()
    {
        _isPending = false;
        _pending.SetResult(Take(_target));
    }

    private int Take(Memory<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _input.Length);
        _input[..count].CopyTo(buffer);
        _input = _input[count..];
        return count;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        IsClosed = true;
        base.Dispose(disposing);
    }
}
