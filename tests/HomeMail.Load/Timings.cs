using System.Diagnostics;
using System.Globalization;

namespace HomeMail.Load;

/// <summary>How long each of many things took, and what is told of it: one line of JSON. The processor time is this program's own, from here on.</summary>
internal sealed class Timings(int count)
{
    private readonly long[] _ticks = new long[count];
    private readonly TimeSpan _processor = Environment.CpuUsage.TotalTime;
    private int _done;
    private int _failed;
    private int _deferred;
    private string? _firstFailure;

    public void Took(long since) => _ticks[Interlocked.Increment(ref _done) - 1] = Stopwatch.GetTimestamp() - since;

    public void Failed(string why)
    {
        Interlocked.Increment(ref _failed);
        Interlocked.CompareExchange(ref _firstFailure, why, null);
    }

    /// <summary>Was answered with "not now", and is tried again.</summary>
    public void Deferred() => Interlocked.Increment(ref _deferred);

    public void Tell(TimeSpan whole)
    {
        var processor = (Environment.CpuUsage.TotalTime - _processor).TotalMilliseconds / Math.Max(1, _done);
        var sorted = _ticks.AsSpan(0, _done).ToArray();
        Array.Sort(sorted);
        var seconds = whole.TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"done":{{_done}},"failed":{{_failed}},"deferred":{{_deferred}},"cpums":{{processor:F4}},"seconds":{{seconds:F4}},"rate":{{_done / seconds:F1}},"p50ms":{{Part(0.5):F3}},"p90ms":{{Part(0.9):F3}},"p99ms":{{Part(0.99):F3}},"why":"{{_firstFailure?.Replace('"', '\'').Replace('\\', '/')}}"}"""));

        double Part(double part) => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(part * sorted.Length))] * 1000.0 / Stopwatch.Frequency;
    }
}
