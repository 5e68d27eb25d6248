namespace HomeMail.Server.Tests.Smtp;

/// <summary>A clock on which nobody waits: whatever is to happen in a minute happens at once, and then a minute has passed.</summary>
public sealed class JumpingClock : TimeProvider
{
    private readonly Lock _gate = new();
    private long _ticks = new DateTimeOffset(2026, 3, 14, 9, 26, 53, TimeSpan.Zero).UtcTicks;

    /// <summary>How much has been waited for so far.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan span)
    {
        lock (_gate)
            _ticks += span.Ticks;
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return new DateTimeOffset(_ticks, TimeSpan.Zero);
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        lock (_gate)
            return _ticks;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime != Timeout.InfiniteTimeSpan)
            Jump(callback, state, dueTime);
        return new Jumper(this, callback, state);
    }

    private void Jump(TimerCallback callback, object? state, TimeSpan dueTime)
    {
        lock (_gate)
        {
            _ticks += dueTime.Ticks;
            Waited += dueTime;
        }
        ThreadPool.QueueUserWorkItem(static job => job.callback(job.state), (callback, state), preferLocal: false);
    }

    private sealed class Jumper(JumpingClock clock, TimerCallback callback, object? state) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != Timeout.InfiniteTimeSpan)
                clock.Jump(callback, state, dueTime);
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
