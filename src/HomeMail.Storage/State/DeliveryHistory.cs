using System.Globalization;
using System.Text;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.State;

/// <summary>One thing that happened to a message.</summary>
/// <param name="Time">When, to the millisecond.</param>
/// <param name="Message">The message.</param>
/// <param name="Address">The recipient or sender it is about, as text; empty if none.</param>
/// <param name="What">What happened, one word: <c>accepted</c>, <c>delivered</c>, <c>deferred</c>, <c>failed</c>, ...</param>
/// <param name="Detail">The reply, host, mailbox or reason; or null.</param>
public readonly record struct DeliveryEvent(DateTimeOffset Time, MessageId Message, string Address, string What, string? Detail);

/// <summary>
/// What became of each message, for <c>homemail log</c>: one line an event in a file a day, <c>history/2026-01-31.log</c> (two, where a day has much). Lines are gathered and appended
/// every minute or so; whole days are dropped by age and by size. Plain files rather than the database: an append dirties one page where
/// a LiteDB commit writes some 80 kB, a search holds nothing in memory, dropping a day is one unlink, and grep works.
/// </summary>
public sealed class DeliveryHistory
{
    private const string Suffix = ".log";

    // The part of a day before the rest of it; sorts before that.
    private const string EarlierSuffix = ".1.log";
    private const string DayFormat = "yyyy-MM-dd";
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
    private const int BufferSize = 64 * 1024;
    private const int MaximumPending = 4 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Lock _fileGate = new();
    private readonly IFileSystem _files;
    private readonly string _folder;
    private readonly TimeProvider _clock;
    private readonly int _days;
    private readonly long _bytes;
    private StringBuilder _pending = new();

    /// <summary>Opens the history.</summary>
    /// <param name="folder">Its folder, made if need be.</param>
    /// <param name="clock">Where the time comes from.</param>
    /// <param name="days">How many days are kept.</param>
    /// <param name="bytes">How many octets are kept at most.</param>
    /// <param name="files">The file system; null is the machine's.</param>
    /// <exception cref="StorageException">The folder cannot be used.</exception>
    public DeliveryHistory(string folder, TimeProvider clock, int days = 30, long bytes = 32 * 1024 * 1024, IFileSystem? files = null)
    {
        _folder = folder;
        _clock = clock;
        _days = days;
        _bytes = bytes;
        _files = files ?? RealFileSystem.Instance;
        _files.CreateFolder(folder);
    }

    /// <summary>False as long as the clock cannot be trusted: then nothing is dropped for its age.</summary>
    public bool MayExpire { get; set; } = true;

    /// <summary>Is told the word of each event; must be quick. Or null.</summary>
    public Action<string>? Happened { get; init; }

    /// <summary>Adds an event that happens now. It is on disk after the next <see cref="Flush"/>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="address">The recipient or sender, or empty.</param>
    /// <param name="what">What happened, one word.</param>
    /// <param name="detail">The reply, host, mailbox or reason; or null.</param>
    public void Add(MessageId message, string address, string what, string? detail = null)
    {
        Happened?.Invoke(what);
        lock (_gate)
        {
            // A disk that stays full must not fill memory too.
            if (_pending.Length > MaximumPending)
                return;
            _pending.Append(_clock.GetUtcNow().UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)).Append('\t').Append(message.Value).Append('\t');
            AppendValue(address);
            _pending.Append('\t');
            AppendValue(what);
            _pending.Append('\t');
            AppendValue(detail ?? "");
            _pending.Append('\n');
        }
    }

    /// <summary>Appends what was gathered, and drops days that are too old or too much. Failures leave it for the next time.</summary>
    /// <returns>False if it could not be written.</returns>
    public bool Flush()
    {
        lock (_fileGate)
        {
            StringBuilder lines;
            lock (_gate)
                (lines, _pending) = (_pending, new StringBuilder());
            try
            {
                Append(lines);
                Drop();
                return true;
            }
            catch (StorageException)
            {
                lock (_gate)
                    _pending.Insert(0, lines);
                return false;
            }
        }
    }

    /// <summary>The latest events of a message or address, oldest first.</summary>
    /// <param name="key">A message identifier, or an address; compared as a whole, without regard to case.</param>
    /// <param name="limit">How many at most.</param>
    /// <exception cref="StorageException">A file could not be read.</exception>
    public IReadOnlyList<DeliveryEvent> Find(string key, int limit = 500)
    {
        ArgumentNullException.ThrowIfNull(key);
        var found = new List<DeliveryEvent>();
        lock (_fileGate)
        {
            string pending;
            lock (_gate)
                pending = _pending.ToString();
            Take(Encoding.UTF8.GetBytes(pending), key, happened => AddLatest(found, happened, limit));
            var days = Days();
            for (var i = days.Count - 1; i >= 0 && found.Count < limit; i--)
            {
                var day = new List<DeliveryEvent>();
                Search(days[i], key, happened => AddLatest(day, happened, limit));
                found.InsertRange(0, day);
            }
        }
        return found.Count > limit ? found[^limit..] : found;
    }

    /// <summary>How often what has happened today (UTC), by word.</summary>
    /// <exception cref="StorageException">The file could not be read.</exception>
    public IReadOnlyDictionary<string, int> CountToday()
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var today = _clock.GetUtcNow().UtcDateTime.ToString(DayFormat, CultureInfo.InvariantCulture);
        lock (_fileGate)
        {
            string pending;
            lock (_gate)
                pending = _pending.ToString();
            Take(Encoding.UTF8.GetBytes(pending), null, Count);
            foreach (var part in Days())
                if (part.StartsWith(today, StringComparison.Ordinal))
                    Search(part, null, Count);
        }
        return counts;

        void Count(DeliveryEvent happened)
        {
            if (happened.Time.UtcDateTime.Date == _clock.GetUtcNow().UtcDateTime.Date)
                counts[happened.What] = counts.GetValueOrDefault(happened.What) + 1;
        }
    }

    // Of an address with many events no more is held than is asked for, or twice that.
    private static void AddLatest(List<DeliveryEvent> found, DeliveryEvent happened, int limit)
    {
        if (found.Count >= 2 * limit)
            found.RemoveRange(0, found.Count - limit);
        found.Add(happened);
    }

    private void Append(StringBuilder lines)
    {
        if (lines.Length == 0)
            return;
        var day = _folder + "/" + _clock.GetUtcNow().UtcDateTime.ToString(DayFormat, CultureInfo.InvariantCulture);
        var path = day + Suffix;

        // A day that alone is too much for what is kept: its first half makes room for the next.
        if (_files.TryStat(path, out var stat) && stat.Length > _bytes / 2)
            _files.Rename(path, day + EarlierSuffix);
        using var file = _files.TryStat(path, out _) ? _files.Open(path, write: true) : _files.Create(path);
        var length = file.Length;

        // A line torn by a crash is ended, so that the next one stands by itself.
        Span<byte> last = stackalloc byte[1];
        if (length > 0 && file.Read(last, length - 1) == 1 && last[0] != '\n')
            file.Write("\n"u8, length++);
        file.Write(Encoding.UTF8.GetBytes(lines.ToString()), length);
    }

    private void Drop()
    {
        var days = Days();
        var oldest = _clock.GetUtcNow().UtcDateTime.AddDays(-_days).ToString(DayFormat, CultureInfo.InvariantCulture);
        long total = 0;
        for (var i = days.Count - 1; i >= 0; i--)
        {
            total += _files.TryStat(_folder + "/" + days[i], out var stat) ? stat.Length : 0;
            var isOld = MayExpire && string.CompareOrdinal(days[i], oldest) < 0;
            if (isOld || (total > _bytes && i < days.Count - 1))
                _files.Unlink(_folder + "/" + days[i]);
        }
    }

    private List<string> Days()
    {
        var days = new List<string>();
        _files.List(_folder, (name, isFolder) =>
        {
            if (!isFolder && name.EndsWith(Suffix))
                days.Add(name.ToString());
        });
        days.Sort(StringComparer.Ordinal);
        return days;
    }

    private void Search(string day, string? key, Action<DeliveryEvent> found)
    {
        using var file = _files.Open(_folder + "/" + day);
        var buffer = new byte[BufferSize];
        int kept = 0;
        for (long offset = 0; file.Read(buffer.AsSpan(kept), offset) is var read && read > 0; offset += read)
        {
            var filled = buffer.AsSpan(0, kept + read);
            var end = filled.LastIndexOf((byte)'\n') + 1;
            Take(filled[..end], key, found);

            // A line longer than the buffer is none of ours.
            kept = end == 0 && filled.Length == buffer.Length ? 0 : filled.Length - end;
            filled[^kept..].CopyTo(buffer);
        }
    }

    private static void Take(ReadOnlySpan<byte> lines, string? key, Action<DeliveryEvent> found)
    {
        while (lines.IndexOf((byte)'\n') is var end && end >= 0)
        {
            if (TryParse(Encoding.UTF8.GetString(lines[..end]), key, out var happened))
                found(happened);
            lines = lines[(end + 1)..];
        }
    }

    private static bool TryParse(string line, string? key, out DeliveryEvent happened)
    {
        happened = default;
        if (key is not null && !line.Contains(key, StringComparison.OrdinalIgnoreCase))
            return false;
        var parts = line.Split('\t');
        if (parts.Length != 5 || !MessageId.TryParse(parts[1], out var id)
            || !DateTimeOffset.TryParseExact(parts[0], TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return false;
        if (key is not null && !string.Equals(parts[1], key, StringComparison.OrdinalIgnoreCase) && !string.Equals(parts[2], key, StringComparison.OrdinalIgnoreCase))
            return false;
        happened = new DeliveryEvent(time, id, parts[2], parts[3], parts[4].Length == 0 ? null : parts[4]);
        return true;
    }

    /// <summary>No value makes a line or a part of its own.</summary>
    private void AppendValue(string value)
    {
        foreach (var c in value)
            _pending.Append(char.IsControl(c) ? ' ' : c);
    }
}
