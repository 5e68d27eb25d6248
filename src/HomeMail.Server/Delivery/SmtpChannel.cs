using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

/// <summary>
/// The client's end of a connection: commands are collected and flushed together (RFC 2920), replies are read with a time limit each, and
/// the stream can be changed for TLS. One read and one write may be under way at a time. Broken connections are <see cref="PeerException"/>.
/// </summary>
internal sealed class SmtpChannel : IAsyncDisposable
{
    private const int InputSize = 4096;
    private const int OutputSize = 4096;

    private readonly TimeProvider _clock;
    private readonly CancellationToken _lifetime;
    private readonly CancellationTokenRegistration _end;
    private readonly SmtpReplyParser _parser = new();
    private readonly byte[] _input = new byte[InputSize];
    private byte[] _output = new byte[OutputSize];
    private CancellationTokenSource _readLimit;
    private CancellationTokenSource _writeLimit;
    private Stream _stream;
    private int _inputStart;
    private int _inputEnd;
    private int _outputLength;
    private volatile bool _abandoned;
    private bool _closed;

    /// <summary>Takes a connected stream.</summary>
    /// <param name="stream">The connection; closed with the channel.</param>
    /// <param name="clock">Measures time limits.</param>
    /// <param name="lifetime">Ends every wait by <see cref="OperationCanceledException"/>.</param>
    public SmtpChannel(Stream stream, TimeProvider clock, CancellationToken lifetime)
    {
        _stream = stream;
        _clock = clock;
        _lifetime = lifetime;
        _readLimit = NewLimit();
        _writeLimit = NewLimit();
        _end = lifetime.UnsafeRegister(static channel => ((SmtpChannel)channel!).Abandon(), this);
    }

    /// <summary>Adds text to what the next flush sends.</summary>
    /// <param name="text">A command or a part of one; UTF-8 on the wire.</param>
    public void Append(ReadOnlySpan<char> text)
    {
        Reserve(Encoding.UTF8.GetMaxByteCount(text.Length));
        _outputLength += Encoding.UTF8.GetBytes(text, _output.AsSpan(_outputLength));
    }

    /// <summary>How many octets wait to be flushed.</summary>
    public int Pending => _outputLength;

    /// <summary>Sends what was appended.</summary>
    /// <param name="limit">How long it may take.</param>
    public async ValueTask FlushAsync(TimeSpan limit)
    {
        if (_outputLength == 0)
            return;
        var length = _outputLength;
        _outputLength = 0;
        await WriteAsync(_output.AsMemory(0, length), limit).ConfigureAwait(false);
    }

    /// <summary>Sends a block past the buffer.</summary>
    /// <param name="block">The octets.</param>
    /// <param name="limit">How long it may take.</param>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> block, TimeSpan limit)
    {
        try
        {
            await _stream.WriteAsync(block, Arm(ref _writeLimit, limit)).ConfigureAwait(false);
            await _stream.FlushAsync(_writeLimit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not PeerException && IsBroken(e))
        {
            throw Translate(e, _writeLimit);
        }
        finally
        {
            _writeLimit.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Reads the next reply.</summary>
    /// <param name="limit">How long it may take; <see cref="LimitRead"/> can shorten it while it runs.</param>
    public async ValueTask<RemoteReply> ReadReplyAsync(TimeSpan limit)
    {
        try
        {
            var cancel = Arm(ref _readLimit, limit);
            while (true)
            {
                var progress = _parser.Read(_input.AsSpan(_inputStart, _inputEnd - _inputStart), out var consumed);
                _inputStart += consumed;
                if (progress == ReplyProgress.Complete)
                    return _parser.Reply!;
                if (progress == ReplyProgress.Malformed)
                    throw new PeerException(PeerFault.NotSmtp, "the answer is not SMTP");
                _inputStart = 0;
                _inputEnd = await _stream.ReadAsync(_input.AsMemory(0, InputSize), cancel).ConfigureAwait(false);
                if (_inputEnd == 0)
                    throw new PeerException(PeerFault.Closed, "the connection was closed");
            }
        }
        catch (Exception e) when (e is not PeerException && IsBroken(e))
        {
            throw Translate(e, _readLimit);
        }
        finally
        {
            _readLimit.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Sets the time limit of the read that is under way, from now.</summary>
    /// <param name="limit">How long it may still take.</param>
    public void LimitRead(TimeSpan limit) => _readLimit.CancelAfter(limit);

    /// <summary>
    /// Forgets octets that came before TLS: somebody on the way could have put them there, to be taken for replies under TLS (RFC 3207 6).
    /// </summary>
    /// <returns>How many there were.</returns>
    public int DiscardInput()
    {
        var length = _inputEnd - _inputStart;
        _inputStart = _inputEnd = 0;
        return length;
    }

    /// <summary>Changes to TLS.</summary>
    /// <param name="options">How; its callback judges the certificate.</param>
    /// <param name="limit">How long the handshake may take.</param>
    /// <exception cref="PeerException">The handshake failed.</exception>
    public async ValueTask<SslStream> StartTlsAsync(SslClientAuthenticationOptions options, TimeSpan limit)
    {
        var tls = new SslStream(_stream, leaveInnerStreamOpen: false);
        try
        {
            await tls.AuthenticateAsClientAsync(options, Arm(ref _writeLimit, limit)).ConfigureAwait(false);
        }
        catch (AuthenticationException e)
        {
            // Texts of the platform are missing from the binary; what OpenSSL says is its own.
            var detail = e.InnerException?.Message.StartsWith("error:", StringComparison.Ordinal) == true ? ": " + e.InnerException.Message : "";
            throw new PeerException(PeerFault.NotSmtp, "the TLS handshake failed" + detail, e);
        }
        catch (Exception e) when (IsBroken(e))
        {
            throw Translate(e, _writeLimit);
        }
        finally
        {
            _writeLimit.CancelAfter(Timeout.InfiniteTimeSpan);
            _stream = tls;
        }
        return tls;
    }

    /// <summary>Breaks off what is under way; every later use of the channel ends at once.</summary>
    public void Abandon()
    {
        _abandoned = true;
        try
        {
            _readLimit.Cancel();
            _writeLimit.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Closed at the same moment: nothing is under way.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_closed)
            return;
        _closed = true;
        await _end.DisposeAsync().ConfigureAwait(false);
        try
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // A connection that is broken already cannot be closed any better.
        }
        _readLimit.Dispose();
        _writeLimit.Dispose();
    }

    private static bool IsBroken(Exception e) =>
        e is OperationCanceledException or IOException or SocketException or ObjectDisposedException or InvalidOperationException;

    private Exception Translate(Exception e, CancellationTokenSource limit)
    {
        if (_abandoned)
            return new OperationCanceledException(null, e, _lifetime);
        return limit.IsCancellationRequested
            ? new PeerException(PeerFault.TimedOut, "no answer in time", e)
            : new PeerException(PeerFault.Closed, "the connection was closed", e);
    }

    // Cancellation sources are used again and again; only one that has fired is replaced.
    private CancellationToken Arm(ref CancellationTokenSource source, TimeSpan limit)
    {
        if (_abandoned)
            throw new OperationCanceledException(_lifetime);
        if (source.IsCancellationRequested)
        {
            source.Dispose();
            source = NewLimit();
        }
        source.CancelAfter(limit);
        // The source may be newer than the one that Abandon has seen.
        if (_abandoned)
            source.Cancel();
        return source.Token;
    }

    private CancellationTokenSource NewLimit() => new(Timeout.InfiniteTimeSpan, _clock);

    private void Reserve(int octets)
    {
        if (_outputLength + octets > _output.Length)
            Array.Resize(ref _output, Math.Max(_output.Length * 2, _outputLength + octets));
    }
}
