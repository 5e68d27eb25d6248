using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;

namespace HomeMail.Server.Net;

/// <summary>
/// A connection as a line protocol sees it: a pipe to read from, a small buffer to gather replies in, and the step to TLS. It works over any stream,
/// so that a session runs in a test, or within this process, as it does over a socket.
/// </summary>
/// <remarks>While a peer is silent the connection holds no buffer: reads of no octets wait for the first one, and the reply buffer is given back.</remarks>
public sealed class Transport : IAsyncDisposable
{
    private const int OutputSize = 4096;

    // A read buffer is one page; what a quiet session holds is nothing.
    private static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: 4096, minimumReadSize: 1024, leaveOpen: true, useZeroByteReads: true);

    private readonly Stream _raw;
    private Stream _stream;
    private byte[] _output = [];
    private int _outputLength;
    private CompressedOutput? _compression;
    private volatile bool _aborted;

    /// <summary>Makes a transport over a stream, which it then owns.</summary>
    /// <param name="stream">The stream.</param>
    public Transport(Stream stream)
    {
        _raw = _stream = stream;
        Reader = PipeReader.Create(stream, ReaderOptions);
    }

    /// <summary>What the peer sends.</summary>
    public PipeReader Reader { get; private set; }

    /// <summary>The TLS stream, or null while in plain text.</summary>
    public SslStream? Tls => _stream as SslStream;

    /// <summary>Octets gathered and not yet sent.</summary>
    public int Pending => _outputLength;

    /// <summary>Whether both ways are compressed.</summary>
    public bool IsCompressed => _compression is not null;

    /// <summary>Octets sent so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Gathers octets to be sent with the next flush.</summary>
    /// <param name="octets">The octets.</param>
    public void Write(ReadOnlySpan<byte> octets)
    {
        if (_output.Length - _outputLength < octets.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(OutputSize, _outputLength + octets.Length));
            _output.AsSpan(0, _outputLength).CopyTo(larger);
            GiveBack();
            _output = larger;
        }
        octets.CopyTo(_output.AsSpan(_outputLength));
        _outputLength += octets.Length;
    }

    /// <summary>Sends what was gathered.</summary>
    /// <exception cref="IOException">The connection is broken.</exception>
    public ValueTask FlushAsync()
    {
        if (_outputLength == 0)
            return ValueTask.CompletedTask;
        // Most writes end at once: the socket has room.
        var write = _stream.WriteAsync(_compression?.Compress(_output.AsSpan(0, _outputLength)) ?? _output.AsMemory(0, _outputLength));
        if (!write.IsCompletedSuccessfully)
            return FlushedAsync(write);
        write.GetAwaiter().GetResult();
        Flushed();
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FlushedAsync(ValueTask write)
    {
        await write.ConfigureAwait(false);
        Flushed();
    }

    private void Flushed()
    {
        Sent += _outputLength;
        _outputLength = 0;
        GiveBack();
    }

    /// <summary>
    /// The server's side of a TLS handshake. What the peer sent before it in plain text must have been consumed: octets that are still waiting were
    /// injected, and end the connection (RFC 3207 4.2, CVE-2011-0411).
    /// </summary>
    /// <param name="identity">Certificate and key.</param>
    /// <param name="timeout">How long the handshake may take.</param>
    /// <returns>Null if TLS is on; otherwise what went wrong, in a few words, and the connection is of no use any more.</returns>
    public async ValueTask<string?> StartTlsAsync(TlsIdentity identity, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(identity);
        if (Reader.TryRead(out var early))
        {
            var injected = early.Buffer.Length;
            Reader.AdvanceTo(early.Buffer.End);
            if (injected > 0)
                return "octets were sent in plain text after STARTTLS";
        }
        await Reader.CompleteAsync().ConfigureAwait(false);
        var tls = new SslStream(_stream, leaveInnerStreamOpen: true);
        using var deadline = new CancellationTokenSource(timeout);
        try
        {
            await tls.AuthenticateAsServerAsync(identity.ServerOptions, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is AuthenticationException or IOException or OperationCanceledException or InvalidOperationException)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            return error is OperationCanceledException ? "time-out" : error.InnerException?.Message ?? error.Message;
        }
        _stream = tls;
        Reader = PipeReader.Create(tls, ReaderOptions);
        return null;
    }

    /// <summary>
    /// From now on both ways are compressed by DEFLATE, within TLS (RFC 4978 3). All that was to be sent before must have been sent.
    /// </summary>
    /// <returns>False if the peer has said more without waiting for the answer: what of it is compressed nobody knows, and the connection is of no use any more.</returns>
    public async ValueTask<bool> StartCompressionAsync()
    {
        if (Reader.TryRead(out var early))
        {
            var isEarly = early.Buffer.Length > 0;
            Reader.AdvanceTo(early.Buffer.End);
            if (isEarly)
                return false;
        }
        await Reader.CompleteAsync().ConfigureAwait(false);
        _compression = new CompressedOutput();
        Reader = PipeReader.Create(new CompressedInput(_stream), ReaderOptions);
        return true;
    }

    /// <summary>Gives back what is only needed while there is something to send.</summary>
    public void Rest() => _compression?.Rest();

    /// <summary>Makes a waiting read return with <see cref="ReadResult.IsCanceled"/>. May be called from any thread.</summary>
    public void CancelRead()
    {
        try
        {
            Reader.CancelPendingRead();
        }
        catch (Exception error) when (error is ObjectDisposedException or InvalidOperationException or AggregateException)
        {
            // Between plain text and TLS there is no reader that waits; and whoever calls this has other sessions to look after.
        }
    }

    /// <summary>Breaks the connection off. May be called from any thread; reads and writes that wait end with an error.</summary>
    public void Abort()
    {
        if (_aborted)
            return;
        _aborted = true;
        _raw.Dispose();
    }

    /// <summary>Whether <see cref="Abort"/> was called.</summary>
    public bool IsAborted => _aborted;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GiveBack();
        _outputLength = 0;
        _compression?.Dispose();
        await Reader.CompleteAsync().ConfigureAwait(false);
        if (_stream is SslStream tls)
        {
            try
            {
                // A closing alert tells the peer that nothing was cut off (RFC 8446 6.1).
                if (!_aborted)
                    await tls.ShutdownAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or InvalidOperationException)
            {
                // The peer has gone already.
            }
            await tls.DisposeAsync().ConfigureAwait(false);
        }
        await _raw.DisposeAsync().ConfigureAwait(false);
    }

    private void GiveBack()
    {
        if (_output.Length > 0)
            ArrayPool<byte>.Shared.Return(_output);
        _output = [];
    }
}
