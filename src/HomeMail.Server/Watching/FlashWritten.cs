using System.Globalization;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Watching;

/// <summary>
/// How much this process has written to what is below the file system, by the kernel's count (<c>write_bytes</c> of proc(5)): what wears flash out. A kernel that
/// does not count tells nothing.
/// </summary>
/// <param name="memory">Keeps the day's sum over a restart, or null.</param>
/// <param name="clock">Time.</param>
/// <param name="readAll">Reads the kernel's file; null is the machine's own.</param>
public sealed class FlashWritten(StateCollection? memory, TimeProvider clock, Func<IEnumerable<string>>? readAll = null)
{
    private const string Field = "write_bytes:";

    private readonly Lock _gate = new();
    private int _day = -1;

    // What the process had written when the day began, less what an earlier process wrote on the same day.
    private long _before;

    /// <summary>Octets written since the process began; null if nobody counts.</summary>
    public long? Total
    {
        get
        {
            try
            {
                foreach (var line in readAll?.Invoke() ?? File.ReadLines("/proc/self/io"))
                    if (line.StartsWith(Field, StringComparison.Ordinal)
                        && long.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var octets))
                        return octets;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // A kernel without task accounting, as routers often have.
            }
            return null;
        }
    }

    /// <summary>Octets written today (UTC), by this process and those before it; null if nobody counts.</summary>
    public long? Today()
    {
        if (Total is not { } total)
            return null;
        lock (_gate)
        {
            var today = Day();
            if (_day < 0)
                _before = memory?.Find("flash") is { } kept && kept["day"].AsInt32 == today ? -kept["octets"].AsInt64 : 0;
            else if (_day != today)
                _before = total;
            _day = today;
            return total - _before;
        }
    }

    /// <summary>Keeps the day's sum, at the end.</summary>
    public void Save()
    {
        if (Today() is { } octets)
            memory?.Upsert("flash", new BsonDocument { ["day"] = Day(), ["octets"] = octets }, clock.GetUtcNow() + TimeSpan.FromDays(2));
    }

    private int Day() => (int)(clock.GetUtcNow().ToUnixTimeSeconds() / 86_400);
}
