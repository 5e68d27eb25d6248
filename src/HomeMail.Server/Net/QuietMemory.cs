using System.Globalization;
using System.Runtime.InteropServices;

namespace HomeMail.Server.Net;

/// <summary>
/// Gives memory back when it is quiet. What sessions needed stays with the runtime's heap and with libc's, and a router has other uses for it; while
/// there is work, giving it back would only be undone.
/// </summary>
/// <param name="allocated">Octets allocated since the start; null asks the runtime.</param>
/// <param name="giveBack">Gives it back; null asks the runtime and libc to.</param>
public sealed partial class QuietMemory(Func<long>? allocated = null, Action? giveBack = null) : ITimed
{
    // Heartbeats with next to nothing allocated; and how much must have been since the last time for it to be worth a collection.
    private const int QuietBeats = 5;
    private const long QuietOctets = 64 << 10;
    private const long WorthIt = 1 << 20;

    // MADV_DONTNEED of madvise(2).
    private const int DoNotNeed = 4;

    private long _last;
    private long _given;
    private int _quiet;

    /// <inheritdoc/>
    public void CheckTime(long now)
    {
        var total = allocated?.Invoke() ?? GC.GetTotalAllocatedBytes(false);
        _quiet = total - _last <= QuietOctets ? _quiet + 1 : 0;
        _last = total;
        if (_quiet < QuietBeats || total - _given < WorthIt)
            return;
        if (giveBack is not null)
            giveBack();
        else
            GiveBack();
        _given = allocated?.Invoke() ?? GC.GetTotalAllocatedBytes(false);
        _last = _given;
    }

    private static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // A libc that gives back by itself, such as musl.
        }
        LeaveCode();
    }

    // What was run once at the start stays mapped with all that lies beside it. The file has it still: what is needed comes back by itself, without a read
    // where it is in the page cache, and the rest is the kernel's to reuse. Code is never written, so nothing can be lost.
    private static void LeaveCode()
    {
        if (Environment.ProcessPath is not { } program)
            return;
        try
        {
            foreach (var line in File.ReadLines("/proc/self/maps"))
                if (line.EndsWith(program, StringComparison.Ordinal) && line.Split(' ', 3) is [var range, "r-xp", _] && range.Split('-') is [var from, var to]
                    && nuint.TryParse(from, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var start)
                    && nuint.TryParse(to, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end))
                    _ = Advise(start, end - start, DoNotNeed);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A system without /proc keeps its pages.
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint start, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
