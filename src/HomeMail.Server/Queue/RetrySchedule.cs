namespace HomeMail.Server.Queue;

/// <summary>When to try again: after minutes first, then ever less often, never in step with others.</summary>
/// <param name="options">The waits.</param>
/// <param name="random">Chance.</param>
internal sealed class RetrySchedule(QueueOptions options, Random random)
{
    /// <summary>The wait after so many attempts at a recipient.</summary>
    /// <param name="attempts">Attempts made, at least 1.</param>
    public TimeSpan AfterAttempt(int attempts) => Spread(Doubled(options.FirstRetry, options.LongestRetry, attempts));

    /// <summary>How long to leave a destination alone.</summary>
    /// <param name="failures">How often in a row it could not be reached, at least 1.</param>
    public TimeSpan AfterFailure(int failures) => Spread(Doubled(options.FirstBackOff, options.LongestBackOff, failures));

    private static TimeSpan Doubled(TimeSpan first, TimeSpan longest, int times)
    {
        var wait = first * Math.Pow(2, Math.Min(times - 1, 30));
        return wait < longest ? wait : longest;
    }

    private TimeSpan Spread(TimeSpan wait) => wait * (1 + (options.Jitter * ((2 * random.NextDouble()) - 1)));
}
