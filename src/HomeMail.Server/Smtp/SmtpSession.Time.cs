using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    private static readonly TimeSpan RateSpan = TimeSpan.FromMinutes(1);

    private long _deadline;
    private long _rateMark;
    private long _rateOctets = -1;

    /// <summary>Sets how long the session may wait from now on.</summary>
    private void Wait(TimeSpan span) => Volatile.Write(ref _deadline, _clock.GetTimestamp() + (long)(span.TotalSeconds * _clock.TimestampFrequency));

    /// <summary>
    /// Looks at the session's time. Called by the heartbeat every second or so, for all sessions from one thread. A session whose time is over is woken
    /// to say so; one that does not even take that is broken off.
    /// </summary>
    /// <param name="now">The clock's timestamp.</param>
    public void CheckTime(long now)
    {
        if (_stop.IsCancellationRequested)
            Expire(SmtpReplies.ShuttingDown, now);
        else if (now > Volatile.Read(ref _deadline))
            Expire(SmtpReplies.IdleTooLong, now);
        else if (_clock.GetElapsedTime(_started, now) > Limits.Session)
            Expire(SmtpReplies.SessionTooLong, now);
        else if (IsTooSlow(now))
            Expire(SmtpReplies.TooSlow, now);
    }

    private bool IsTooSlow(long now)
    {
        if (!_receiving)
        {
            _rateOctets = -1;
            return false;
        }
        if (_rateOctets < 0)
        {
            _rateMark = now;
            _rateOctets = Volatile.Read(ref _received);
            return false;
        }
        var elapsed = _clock.GetElapsedTime(_rateMark, now);
        if (elapsed < RateSpan)
            return false;
        var octets = Volatile.Read(ref _received) - _rateOctets;
        _rateMark = now;
        _rateOctets += octets;
        return octets < Limits.DataRate * elapsed.TotalSeconds;
    }

    private void Expire(SmtpReply reply, long now)
    {
        if (Interlocked.CompareExchange(ref _expiredReply, reply, null) is null)
        {
            Volatile.Write(ref _deadline, now + (long)(WriteGrace.TotalSeconds * _clock.TimestampFrequency));
            _transport.CancelRead();
        }
        else if (now > Volatile.Read(ref _deadline))
        {
            _endReason ??= "time-out";
            _transport.Abort();
        }
    }

    /// <summary>A read was cancelled: by the heartbeat, with a reply to give, or by the end of the greeting's wait, without one.</summary>
    private void Expired()
    {
        if (_expiredReply is { } reply)
            Close(reply, reply.Text);
    }
}
