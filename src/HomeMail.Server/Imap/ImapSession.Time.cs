using System.Security.Authentication;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private static readonly TimeSpan WriteGrace = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan HandshakeTime = TimeSpan.FromMinutes(1);

    private long _deadline;
    private string? _expired;

    /// <summary>Sets how long the session may wait from now on.</summary>
    private void Wait(TimeSpan span) => Volatile.Write(ref _deadline, _clock.GetTimestamp() + Ticks(span));

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _clock.TimestampFrequency);

    /// <summary>Looks at the session's time. One whose time is over is woken to say so; one that does not even take that is broken off.</summary>
    /// <param name="now">The clock's timestamp.</param>
    public void CheckTime(long now)
    {
        if (_stop.IsCancellationRequested)
            Expire("The server stops", now);
        else if (now > Volatile.Read(ref _deadline))
            Expire("Too long idle", now);
        else if (Volatile.Read(ref _isIdle) == 1)
            CheckKeepAlive(now);
    }

    private void CheckKeepAlive(long now)
    {
        if (_options.KeepAlive is null || now <= Volatile.Read(ref _nextSign))
            return;
        Volatile.Write(ref _nextSign, long.MaxValue);
        Volatile.Write(ref _signDue, 1);
        ThreadPool.UnsafeQueueUserWorkItem(static session => session._transport.CancelRead(), this, preferLocal: false);
    }

    private void Expire(string why, long now)
    {
        if (Interlocked.CompareExchange(ref _expired, why, null) is null)
        {
            Volatile.Write(ref _deadline, now + Ticks(WriteGrace));
            _transport.CancelRead();
        }
        else if (now > Volatile.Read(ref _deadline))
        {
            _endReason ??= "time-out";
            _transport.Abort();
        }
    }

    /// <summary>The handshake. After it the session begins anew: nothing that was said in plain text counts any more (RFC 9051 6.2.1).</summary>
    private async ValueTask<bool> SecureAsync()
    {
        Wait(HandshakeTime + WriteGrace);
        var failure = _options.Tls is null ? "no certificate" : await _transport.StartTlsAsync(_options.Tls, HandshakeTime).ConfigureAwait(false);
        if (failure is null)
            return true;
        _endReason = "TLS: " + failure;
        _isOver = true;
        _transport.Abort();
        return false;
    }

    /// <summary>COMPRESS (RFC 4978 3): what follows the OK is compressed, both ways, within TLS.</summary>
    private async ValueTask<string?> CompressAsync()
    {
        var reader = Arguments();
        if (!reader.Space() || !reader.Word("DEFLATE"u8) || !reader.IsAtEnd)
            return "BAD Only DEFLATE is known";
        if (_transport.IsCompressed)
            return "BAD [COMPRESSIONACTIVE] It is compressed already";
        // What others did belongs before the answer: behind it, all is compressed.
        if (_view is not null)
            await SendUpdatesAsync(mayExpunge: true).ConfigureAwait(false);
        if (_isOver)
            return "NO The mailbox has been deleted";
        Answer("OK Compressed from here on");
        await FlushAsync().ConfigureAwait(false);
        if (!await _transport.StartCompressionAsync().ConfigureAwait(false))
        {
            _endReason = "octets were sent before COMPRESS was answered";
            _isOver = true;
            _transport.Abort();
        }
        return null;
    }

    private async ValueTask<string?> StartTlsAsync()
    {
        if (!Arguments().IsAtEnd)
            return "BAD STARTTLS has no arguments";
        if (IsTls)
            return "BAD TLS is on already";
        if (_options.Tls is null)
            return "NO [UNAVAILABLE] There is no certificate";
        Answer("OK Begin TLS now");
        await FlushAsync().ConfigureAwait(false);
        try
        {
            await SecureAsync().ConfigureAwait(false);
        }
        catch (AuthenticationException error)
        {
            _endReason = "TLS: " + error.Message;
            _isOver = true;
        }
        return null;
    }
}
