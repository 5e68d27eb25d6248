using System.Diagnostics;

namespace HomeMail.Fuzz;

/// <summary>What a run has come to.</summary>
/// <param name="Target">The target's name.</param>
/// <param name="Inputs">Inputs that were run.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Slowest">The longest that one input took.</param>
/// <param name="MostAllocated">The most octets that one input made the target allocate.</param>
/// <param name="Failure">What went wrong, or null.</param>
/// <param name="FailedInput">The input that it went wrong with, or null.</param>
public sealed record FuzzReport(string Target, long Inputs, TimeSpan Elapsed, TimeSpan Slowest, long MostAllocated, string? Failure, byte[]? FailedInput);

/// <summary>Runs a target on inputs of the <see cref="Mutator"/>, without any other program, and watches time and memory of each.</summary>
public static class RandomDriver
{
    /// <summary>An input of 4 kB that takes longer than this is a hang. (A machine that is busy with other things is forgiven: it is tried again.)</summary>
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(1);

    // What one input may make a target allocate: a session holds a header and a body, and nothing grows with the square of its input.
    private const long MostAllocated = 4 * 1024 * 1024;

    /// <summary>Runs a target until either limit is reached, or something goes wrong.</summary>
    /// <param name="target">The target.</param>
    /// <param name="seed">Which inputs.</param>
    /// <param name="inputs">How many inputs at most.</param>
    /// <param name="time">How long at most.</param>
    public static FuzzReport Run(FuzzTarget target, ulong seed, long inputs, TimeSpan time)
    {
        var mutator = new Mutator(target, seed);
        var slowest = TimeSpan.Zero;
        long most = 0, count = 0;
        var watch = Stopwatch.StartNew();
        while (count < inputs && watch.Elapsed < time)
        {
            var input = mutator.Next();
            count++;
            var failure = TryRun(target, input, out var took, out var allocated);
            if (failure is null && took > Hang)
            {
                failure = TryRun(target, input, out took, out _);
                if (took > Hang)
                    failure ??= $"took {took.TotalSeconds:f1} s";
            }
            if (allocated > MostAllocated)
                failure ??= $"allocated {allocated} octets";
            slowest = took > slowest ? took : slowest;
            most = Math.Max(most, allocated);
            if (failure is not null)
                return new FuzzReport(target.Name, count, watch.Elapsed, slowest, most, failure, input.ToArray());
        }
        return new FuzzReport(target.Name, count, watch.Elapsed, slowest, most, null, null);
    }

    private static string? TryRun(FuzzTarget target, ReadOnlySpan<byte> input, out TimeSpan took, out long allocated)
    {
        var start = Stopwatch.GetTimestamp();
        var before = GC.GetAllocatedBytesForCurrentThread();
        string? failure = null;
        try
        {
            target.Run(input);
        }
        catch (Exception error)
        {
            failure = error.ToString();
        }
        allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        took = Stopwatch.GetElapsedTime(start);
        return failure;
    }
}
