using System.Collections.Concurrent;

namespace HomeMail.Server.Net;

/// <summary>Something that has a time limit and is looked at now and then.</summary>
public interface ITimed
{
    /// <summary>Looks at the time. Must be quick and must not throw.</summary>
    /// <param name="now">The clock's timestamp.</param>
    void CheckTime(long now);
}

/// <summary>One timer for the time limits of all sessions: a thousand idle connections have a thousand entries here and not a thousand timers.</summary>
public sealed class Heartbeat : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<ITimed, byte> _members = [];
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;

    /// <summary>Starts the timer.</summary>
    /// <param name="clock">Time.</param>
    public Heartbeat(TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        _clock = clock;
        _timer = clock.CreateTimer(static state => ((Heartbeat)state!).Beat(), this, Interval, Interval);
    }

    /// <summary>From now on this is looked at.</summary>
    /// <param name="member">What has a time limit.</param>
    public void Add(ITimed member) => _members.TryAdd(member, 0);

    /// <summary>From now on this is not looked at.</summary>
    /// <param name="member">What had a time limit.</param>
    public void Remove(ITimed member) => _members.TryRemove(member, out _);

    /// <summary>Looks at all members at once.</summary>
    public void Beat()
    {
        var now = _clock.GetTimestamp();
        foreach (var (member, _) in _members)
            member.CheckTime(now);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();
}
