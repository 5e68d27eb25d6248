namespace HomeMail.Server.Queue;

/// <summary>How often, how long and how much at once.</summary>
public sealed record QueueOptions
{
    /// <summary>Wait before the second attempt; doubled each time after.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The longest wait between two attempts.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromHours(4);

    /// <summary>By which part a wait is made longer or shorter by chance, so that what failed together does not come again together.</summary>
    public double Jitter { get; init; } = 0.15;

    /// <summary>How long a message is tried; RFC 5321 4.5.4.1 asks for four to five days.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(5);

    /// <summary>Attempts that must have been made before a message is given up for its age: a clock that jumps ahead gives up nothing.</summary>
    public int LeastAttempts { get; init; } = 4;

    /// <summary>After which time the sender is told of the delay, where that was asked for.</summary>
    public TimeSpan DelayNotice { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Messages that are sent at once in all.</summary>
    public int MaxSending { get; init; } = 20;

    /// <summary>Attempts at once in all, those included that still look for a host that answers.</summary>
    public int MaxAttempts { get; init; } = 100;

    /// <summary>Attempts at once to a destination that has answered lately; to any other there is one.</summary>
    public int MaxPerDestination { get; init; } = 4;

    /// <summary>How long a destination that could not be reached is left alone; doubled each time.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest time that a destination is left alone.</summary>
    public TimeSpan LongestBackOff { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Wait before something of our own that failed (a full disk) is tried again.</summary>
    public TimeSpan OwnRetry { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long running attempts may go on at shutdown.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the clock can be believed. Until then nothing expires, bounces, or is released at a set time.</summary>
    public Func<bool> ClockIsSane { get; init; } = static () => true;

    /// <summary>No message can have arrived before this time (the build date); one that says so came while the clock was wrong.</summary>
    public DateTimeOffset EarliestTime { get; init; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
}
