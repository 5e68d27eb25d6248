using HomeMail.Storage.Files;

namespace HomeMail.Storage.Commit;

/// <summary>
/// The one writer of the store: everything that changes mail or queue on the disk goes through here, so that there is one order of
/// events, UIDs are published as they are given, and what waits together shares its syncs (group commit). It takes what is waiting,
/// without delay; while it syncs, the next batch gathers. It has a thread of its own, for it waits for the disk, and the pool's are as many
/// as there are cores; the thread ends when there was nothing to do for a while.
/// </summary>
internal sealed class StoreWriter(IFileSystem files)
{
    private const int StackSize = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    // Bounds how long the first of a batch waits for the others' links.
    private const int BatchLimit = 128;

    // Monitor, not Lock, for waiting and waking belong to it.
    private readonly object _gate = new();
    private readonly LinkedList<StoreChange> _waiting = new();
    private readonly SyncSet _syncs = new(files);
    private readonly List<StoreChange> _batch = [];
    private readonly List<StoreChange> _active = [];
    private readonly HashSet<object> _claimed = [];
    private readonly HashSet<IStaging> _staged = [];
    private bool _running;
    private bool _hasThread;
    private bool _closed;
    private TaskCompletionSource? _idle;

    /// <summary>Something that holds what changes of this batch have added and not yet published.</summary>
    public interface IStaging
    {
        /// <summary>Makes visible what was added and has not been dropped, in order.</summary>
        void PublishStaged();
    }

    /// <summary>Puts a change in line. The task ends as <see cref="StoreChange.Done"/> says.</summary>
    /// <exception cref="StorageClosedException">The store is closing.</exception>
    public Task RunAsync(StoreChange change)
    {
        lock (_gate)
        {
            if (_closed)
                throw new StorageClosedException();
            if (!_hasThread)
            {
                Start();
                _hasThread = true;
            }
            _waiting.AddLast(change);
            _running = true;
            Monitor.Pulse(_gate);
        }
        return change.Done;
    }

    /// <summary>Asks that something is published when the batch is done. Only called by steps.</summary>
    public void Stage(IStaging staging) => _staged.Add(staging);

    /// <summary>Takes no more, and ends when all is done that was waiting.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.Pulse(_gate);
            if (!_running)
                return Task.CompletedTask;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    private void Start()
    {
        try
        {
            new Thread(Run, StackSize) { IsBackground = true, Name = "store" }.UnsafeStart();
        }
        catch (OutOfMemoryException)
        {
            // No more threads are to be had; one of the pool does it until there is nothing to do.
            ThreadPool.UnsafeQueueUserWorkItem(static writer => writer.Run(), this, preferLocal: false);
        }
    }

    private void Run()
    {
        while (TakeBatch())
            RunBatch();
    }

    /// <summary>Takes what is waiting, or waits for it; false if the thread is to end.</summary>
    private bool TakeBatch()
    {
        _batch.Clear();
        _claimed.Clear();
        lock (_gate)
        {
            while (true)
            {
                Gather();
                if (_batch.Count > 0)
                    return true;
                _running = false;
                _idle?.SetResult();
                if (_closed || (!Monitor.Wait(_gate, Patience) && _waiting.Count == 0))
                {
                    _hasThread = false;
                    return false;
                }
            }
        }
    }

    private void Gather()
    {
        for (var node = _waiting.First; node is not null && _batch.Count < BatchLimit;)
        {
            var next = node.Next;
            var change = node.Value;
            if (change.Alone && _batch.Count > 0)
                return;
            if (change.Exclusive is null || _claimed.Add(change.Exclusive))
            {
                _batch.Add(change);
                _waiting.Remove(node);
            }
            if (change.Alone)
                return;
            node = next;
        }
    }

    private void RunBatch()
    {
        _active.AddRange(_batch);
        for (var step = 0; _active.Count > 0; step++)
        {
            for (var i = 0; i < _active.Count;)
            {
                if (Step(_active[i], step))
                    i++;
                else
                    _active.RemoveAt(i);
            }
            _syncs.Run();
            _active.RemoveAll(static change => change.Failure is not null);
        }
        PublishStaged();
        foreach (var change in _batch)
        {
            Publish(change);
            change.Complete();
        }
    }

    /// <summary>What fails here is no fault of the disk but ours; whoever waits must be told, and the writer goes on.</summary>
    private void PublishStaged()
    {
        foreach (var staging in _staged)
        {
            try
            {
                staging.PublishStaged();
            }
            catch (Exception error)
            {
                foreach (var change in _batch)
                    change.Fail(error);
            }
        }
        _staged.Clear();
    }

    private static void Publish(StoreChange change)
    {
        if (change.Failure is not null)
            return;
        try
        {
            change.Publish();
        }
        catch (Exception error)
        {
            change.FailAfterwards(error);
        }
    }

    private bool Step(StoreChange change, int step)
    {
        try
        {
            return change.Step(step, _syncs);
        }
        catch (Exception error)
        {
            change.Fail(error);
            return false;
        }
    }
}
