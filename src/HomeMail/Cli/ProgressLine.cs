using System.Globalization;

namespace HomeMail.Cli;

/// <summary>How far something long has come: on a terminal one line that is written over each second, else a line now and then.</summary>
/// <param name="output">Standard error: standard output is for results.</param>
/// <param name="isTerminal">Whether it is a terminal.</param>
/// <param name="clock">Time.</param>
internal sealed class ProgressLine(TextWriter output, bool isTerminal, TimeProvider clock)
{
    private static readonly TimeSpan OnTerminal = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan InFile = TimeSpan.FromSeconds(30);

    private readonly long _started = clock.GetTimestamp();
    private long _told = clock.GetTimestamp();
    private int _shown;

    /// <summary>How long it has taken.</summary>
    public TimeSpan Elapsed => clock.GetElapsedTime(_started);

    /// <summary>Tells, if it is time.</summary>
    /// <param name="done">How many are done.</param>
    /// <param name="what">What they are: <c>messages</c>.</param>
    /// <param name="part">The part of all that is done, 0 to 1; negative if nobody knows.</param>
    public void Tell(long done, string what, double part)
    {
        if (clock.GetElapsedTime(_told) < (isTerminal ? OnTerminal : InFile))
            return;
        _told = clock.GetTimestamp();
        var rate = done / Math.Max(Elapsed.TotalSeconds, 0.001);
        var left = part > 0.01 ? $", {Words.Span(Elapsed * ((1 - part) / part))} left" : "";
        var text = string.Create(CultureInfo.InvariantCulture, $"{done} {what}{(part >= 0 ? $", {part * 100:0} %" : "")}, {rate:0}/s{left}");
        output.Write(isTerminal ? "\r" + text.PadRight(_shown) : text + "\n");
        _shown = isTerminal ? text.Length : 0;
    }

    /// <summary>Clears the line, for what comes next.</summary>
    public void Clear()
    {
        if (_shown > 0)
            output.Write("\r" + new string(' ', _shown) + "\r");
        _shown = 0;
    }
}
