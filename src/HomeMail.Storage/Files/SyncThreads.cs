namespace HomeMail.Storage.Files;

/// <summary>
/// Syncs several files at the same time. One after the other, each fsync makes the device flush its cache; at the same time, the kernel makes
/// one flush of many (measured on ext4: 16 files and their folder took 110 ms in a row, 6 ms together). The threads come when needed and end when
/// there is nothing to do. They wait without spinning: what they wait for is a disk, and on two cores somebody else has work meanwhile.
/// </summary>
internal sealed class SyncThreads
{
    private const int MaximumHelpers = 7;
    private const int StackSize = 128 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Monitor, not Lock, for waiting and waking belong to it.
    private readonly object _gate = new();
    private readonly Queue<Work> _open = [];
    private int _helpers;
    private int _waiting;

    private sealed class Work(SyncItem[] items)
    {
        private int _next;
        private int _left = items.Length;

        /// <summary>The next item that nobody has taken, or null. Under the lock.</summary>
        public SyncItem? Take() => _next < items.Length ? items[_next++] : null;

        /// <summary>Whether the item that was done was the last one. Under the lock.</summary>
        public bool IsEnded() => --_left == 0;

        /// <summary>Whether all are done. Under the lock.</summary>
        public bool IsDone => _left == 0;

        /// <summary>Whether there is an item that nobody has taken; by the time it is asked for, somebody may have.</summary>
        public bool HasMore => Volatile.Read(ref _next) < items.Length;
    }

    /// <summary>Runs all items; the caller's thread takes part, so this works without any helper too.</summary>
    public void Run(IReadOnlyList<SyncItem> items, IFileSystem files)
    {
        if (items.Count == 1)
        {
            items[0].Run(files);
            return;
        }
        // A copy: the caller's list is another's when a helper that comes late looks into it.
        var work = new Work([.. items]);
        lock (_gate)
        {
            _open.Enqueue(work);
            var wanted = Math.Min(items.Count - 1, MaximumHelpers);
            for (var i = Math.Min(wanted, _waiting); i > 0; i--)
                Monitor.Pulse(_gate);
            for (; _helpers < wanted && TryStart(files); _helpers++)
            {
            }
        }
        RunAll(work, files);
        lock (work)
            while (!work.IsDone)
                Monitor.Wait(work);
        lock (_gate)
            if (_open.TryPeek(out var first) && first == work)
                _open.Dequeue();
    }

    private bool TryStart(IFileSystem files)
    {
        try
        {
            new Thread(() => Help(files), StackSize) { IsBackground = true, Name = "sync" }.UnsafeStart();
            return true;
        }
        catch (OutOfMemoryException)
        {
            // No more threads are to be had; what there are do it, only slower.
            return false;
        }
    }

    private static void RunAll(Work work, IFileSystem files)
    {
        for (SyncItem? item = null; (item = Next(work, item)) is not null;)
            item.Run(files);
    }

    /// <summary>Tells that an item of some work is done, and takes the next one of it.</summary>
    private static SyncItem? Next(Work work, SyncItem? done)
    {
        lock (work)
        {
            if (done is not null && work.IsEnded())
                Monitor.Pulse(work);
            return work.Take();
        }
    }

    private void Help(IFileSystem files)
    {
        while (Wait() is { } work)
            RunAll(work, files);
    }

    /// <summary>Waits for work; null when there was none for a while, and the thread is to end.</summary>
    private Work? Wait()
    {
        lock (_gate)
        {
            while (true)
            {
                // What has been taken to its last item needs nobody any more.
                if (_open.TryPeek(out var work))
                {
                    if (work.HasMore)
                        return work;
                    _open.Dequeue();
                    continue;
                }
                _waiting++;
                var pulsed = Monitor.Wait(_gate, Patience);
                _waiting--;
                if (pulsed || _open.Count > 0)
                    continue;
                _helpers--;
                return null;
            }
        }
    }
}
