namespace HomeMail.Server.Net;

/// <summary>
/// Keeps the server within its memory: what sessions hold of messages that are coming in is counted, and the heap is looked at each heartbeat. Reaching
/// the heap's limit throws somewhere, in whatever is running; so admission stops well before, and says "later" to those who come.
/// </summary>
/// <param name="heapLimit">Octets of the heap's limit.</param>
/// <param name="used">How many octets of the heap are in use, garbage included; null asks the runtime.</param>
/// <param name="collect">Collects garbage; null asks the runtime to.</param>
public sealed class MemoryBudget(long heapLimit, Func<long>? used = null, Action? collect = null) : ITimed
{
    // Of the heap: a quarter for content under way, one for transactions, one for views of mailboxes; what is left is for all else, and the marks say when the
    // sum is too much. The marks are above what a server at work has.
    private const double ContentShare = 0.25;
    private const double KeptShare = 0.25;
    private const double ShortMark = 0.75;
    private const double CriticalMark = 0.85;

    // What makes much garbage at once has it collected from here on.
    private const double ReliefMark = 0.5;
    private const double ReliefStep = 0.125;

    // Where a collection has brought nothing, another one at once brings nothing but heat.
    private const int BeatsBetweenCollections = 10;

    private readonly long _contentLimit = (long)(heapLimit * ContentShare);
    private readonly long _keptLimit = (long)(heapLimit * KeptShare);
    private long _content;
    private long _kept;
    private long _views;
    private long _left;
    private int _beats;
    private volatile Level _level;

    private enum Level
    {
        Fine,
        Short,
        Critical,
    }

    /// <summary>Octets that are reserved now.</summary>
    public long Reserved => Interlocked.Read(ref _content);

    /// <summary>New transactions are put off (452).</summary>
    public bool IsShort => _level != Level.Fine;

    /// <summary>New connections are put off (421), and messages that are coming in are given up (452).</summary>
    public bool IsCritical => _level == Level.Critical;

    /// <summary>A budget as large as the heap may be.</summary>
    public static MemoryBudget OfThisProcess() => new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>Asks for room for content.</summary>
    /// <param name="octets">How much.</param>
    /// <returns>False if there is none now; nothing is reserved then.</returns>
    public bool TryReserve(int octets) => TryTake(ref _content, _contentLimit, octets);

    /// <summary>Gives room back.</summary>
    /// <param name="octets">As much as was reserved.</param>
    public void Release(int octets) => Interlocked.Add(ref _content, -octets);

    /// <summary>
    /// Asks for room for what a session keeps: a transaction. It is counted when it comes: a thousand sessions that begin something at once would be past the
    /// limit before the heap is looked at again.
    /// </summary>
    /// <param name="octets">How much.</param>
    /// <returns>False if there is none now; nothing is kept then.</returns>
    public bool TryKeep(int octets) => TryTake(ref _kept, _keptLimit, octets);

    /// <summary>Gives room back.</summary>
    /// <param name="octets">As much as was kept.</param>
    public void LetGo(int octets) => Interlocked.Add(ref _kept, -octets);

    /// <summary>
    /// Asks for room for the view of a mailbox that is open. It has a share of its own: those who read must not keep mail out, and strangers who begin to send
    /// must not keep those out who read.
    /// </summary>
    /// <param name="octets">How much.</param>
    /// <returns>False if there is none now; nothing is kept then.</returns>
    public bool TryKeepView(int octets) => TryTake(ref _views, _keptLimit, octets);

    /// <summary>Gives the room of a view back.</summary>
    /// <param name="octets">As much as was kept.</param>
    public void LetGoView(int octets) => Interlocked.Add(ref _views, -octets);

    private static bool TryTake(ref long taken, long limit, int octets)
    {
        if (Interlocked.Add(ref taken, octets) <= limit)
            return true;
        Interlocked.Add(ref taken, -octets);
        return false;
    }

    /// <summary>Looks at the heap. Only what is left after a collection counts: garbage is no shortage.</summary>
    /// <param name="now">The clock's timestamp.</param>
    public void CheckTime(long now)
    {
        if (Used() <= heapLimit * ShortMark)
            _beats = 0;
        else if (_beats++ % BeatsBetweenCollections == 0)
            Collect();
        var left = Used();
        _level = left > heapLimit * CriticalMark ? Level.Critical : left > heapLimit * ShortMark ? Level.Short : Level.Fine;
    }

    /// <summary>
    /// Called now and then by what makes much garbage at once: where half of the heap is in use, that is collected. The runtime does so by itself only at the
    /// limit, and in a small heap that may be too late: then the process ends.
    /// </summary>
    public void Relieve()
    {
        // What is in use for good is not looked through again and again.
        if (Used() <= Math.Max(heapLimit * ReliefMark, Interlocked.Read(ref _left) + (heapLimit * ReliefStep)))
            return;
        if (collect is not null)
            collect();
        else
            GC.Collect(1, GCCollectionMode.Forced, blocking: true);
        // Large objects are the oldest generation's.
        if (Used() > heapLimit * ReliefMark)
            Collect();
        Interlocked.Exchange(ref _left, Used());
    }

    private long Used() => used?.Invoke() ?? GC.GetTotalMemory(false);

    private void Collect()
    {
        if (collect is not null)
            collect();
        else
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
    }
}
