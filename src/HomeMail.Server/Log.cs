using System.Globalization;
using System.Text;

namespace HomeMail.Server;

/// <summary>How much is told: the <c>[server] log</c> setting.</summary>
public enum LogLevel
{
    /// <summary>What somebody has to look at.</summary>
    Error,

    /// <summary>One line a session and a message, and changes of state.</summary>
    Info,

    /// <summary>Dialogues, with secrets taken out.</summary>
    Debug,
}

/// <summary>One <c>key=value</c> of a log line.</summary>
/// <param name="Key">A short name in lower case.</param>
/// <param name="Value">The value; null leaves the field out.</param>
public readonly record struct LogField(string Key, string? Value)
{
    /// <summary>A text field.</summary>
    public static implicit operator LogField((string Key, string? Value) field) => new(field.Key, field.Value);

    /// <summary>A number field.</summary>
    public static implicit operator LogField((string Key, long Value) field) =>
        new(field.Key, field.Value.ToString(CultureInfo.InvariantCulture));
}

/// <summary>
/// The log: one line an event, <c>2026-01-31T12:00:00.123Z info session id=... peer=...</c>, so that it can be searched by id with grep.
/// A value with white space, quotes or control characters is quoted and escaped: no peer can write a line of its own. Secrets are never passed in.
/// </summary>
/// <param name="writer">Where lines go; each is one call, under a lock.</param>
/// <param name="clock">Where time stamps come from.</param>
/// <param name="level">What is written; can be changed while running.</param>
public sealed class Log(TextWriter writer, TimeProvider clock, LogLevel level = LogLevel.Info)
{
    private readonly Lock _gate = new();
    private static readonly TimeSpan RateSpan = TimeSpan.FromSeconds(10);

    private readonly StringBuilder _line = new(256);
    private readonly Dictionary<string, (long Since, int Lines)> _rates = new(StringComparer.Ordinal);
    private long _leftOut;

    /// <summary>What is written: this level and the more serious ones.</summary>
    public LogLevel Level { get; set; } = level;

    /// <summary>A log that keeps nothing.</summary>
    public static Log None { get; } = new(TextWriter.Null, TimeProvider.System, LogLevel.Error);

    /// <summary>Whether lines of this level are written; ask before an expensive field is made.</summary>
    /// <param name="level">The level.</param>
    public bool IsOn(LogLevel level) => level <= Level;

    /// <summary>Writes a line of level <see cref="LogLevel.Error"/>.</summary>
    /// <param name="name">What happened, one word.</param>
    /// <param name="fields">The facts.</param>
    public void Error(string name, params ReadOnlySpan<LogField> fields) => Write(LogLevel.Error, name, fields);

    /// <summary>Writes a line of level <see cref="LogLevel.Info"/>.</summary>
    /// <param name="name">What happened, one word.</param>
    /// <param name="fields">The facts.</param>
    public void Info(string name, params ReadOnlySpan<LogField> fields) => Write(LogLevel.Info, name, fields);

    /// <summary>Writes a line of level <see cref="LogLevel.Debug"/>.</summary>
    /// <param name="name">What happened, one word.</param>
    /// <param name="fields">The facts.</param>
    public void Debug(string name, params ReadOnlySpan<LogField> fields) => Write(LogLevel.Debug, name, fields);

    /// <summary>
    /// The most lines of one name within ten seconds; what is more is left out and counted, so that nobody fills the log, or the flash it is kept on. Null is no
    /// limit, and at <see cref="LogLevel.Debug"/> there is none.
    /// </summary>
    public int? MostLines { get; init; }

    /// <summary>Lines that were left out so far.</summary>
    public long LeftOut => Interlocked.Read(ref _leftOut);

    /// <summary>Writes a line.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="name">What happened, one word.</param>
    /// <param name="fields">The facts.</param>
    public void Write(LogLevel level, string name, params ReadOnlySpan<LogField> fields)
    {
        if (!IsOn(level))
            return;
        lock (_gate)
        {
            if (!IsLetThrough(name, out var missed))
                return;
            if (missed > 0)
                Put(LogLevel.Error, "left-out", [("name", name), ("lines", missed)]);
            Put(level, name, fields);
        }
    }

    private bool IsLetThrough(string name, out int missed)
    {
        missed = 0;
        if (MostLines is not { } most || Level == LogLevel.Debug)
            return true;
        var (since, lines) = _rates.GetValueOrDefault(name);
        var now = clock.GetTimestamp();
        if (lines == 0 || clock.GetElapsedTime(since, now) >= RateSpan)
        {
            missed = Math.Max(0, lines - most);
            (since, lines) = (now, 0);
        }
        _rates[name] = (since, lines + 1);
        if (lines < most)
            return true;
        Interlocked.Increment(ref _leftOut);
        return false;
    }

    private void Put(LogLevel level, string name, ReadOnlySpan<LogField> fields)
    {
        _line.Clear();
        _line.Append(clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        _line.Append(level switch { LogLevel.Error => " error ", LogLevel.Info => " info ", _ => " debug " }).Append(name);
        foreach (var field in fields)
        {
            if (field.Value is null)
                continue;
            _line.Append(' ').Append(field.Key).Append('=');
            AppendValue(field.Value);
        }
        _line.Append('\n');
        foreach (var chunk in _line.GetChunks())
            writer.Write(chunk.Span);
        writer.Flush();
    }

    private void AppendValue(string value)
    {
        var plain = value.Length > 0;
        foreach (var c in value)
            plain &= c > ' ' && c != '"' && c != '\\' && c != '\x7f' && !char.IsControl(c) && !char.IsWhiteSpace(c);
        if (plain)
        {
            _line.Append(value);
            return;
        }
        _line.Append('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\')
                _line.Append('\\').Append(c);
            else if (c == ' ' || (!char.IsControl(c) && !char.IsWhiteSpace(c)))
                _line.Append(c);
            else
                _line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        _line.Append('"');
    }
}
