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
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
