using HomeMail.Server.Delivery;

namespace HomeMail.Server.Queue;

/// <summary>All that is queued for one destination, and how the destination does. Guarded by the runner's lock.</summary>
internal sealed class Lane(Destination destination)
{
    private const int FewWaiters = 16;

    private readonly List<LaneItem> _waiters = [];

    /// <summary>Where it leads by the routes of now; its key stays.</summary>
    public Destination Destination { get; set; } = destination;

    /// <summary>What is due.</summary>
    public Queue<LaneItem> Ready { get; } = new();

    /// <summary>Whether the lane stands in the runner's round.</summary>
    public bool IsListed { get; set; }

    /// <summary>How many items name this lane.</summary>
    public int Items { get; set; }

    public int Running { get; set; }

    /// <summary>How often in a row no host could be reached.</summary>
    public int Failures { get; set; }

    /// <summary>When it was last found unreachable, as a timestamp.</summary>
    public long FailedAt { get; set; }

    /// <summary>Until when the destination is left alone, as a timestamp; 0 if it is not.</summary>
    public long NotBefore { get; set; }

    /// <summary>Why it could not be reached.</summary>
    public Diagnostic? Failure { get; set; }

    /// <summary>Whether it has answered since it was last unreachable; only then more than one attempt runs at once.</summary>
    public bool HasAnswered { get; set; }

    /// <summary>How many items are kept that wait for a host, those included that are gone since; for tests of what it costs.</summary>
    public int WaiterCount => _waiters.Count;

    /// <summary>An item is worth another attempt as soon as a host can be reached: it is found again without a look at all of the queue.</summary>
    public void AddWaiter(LaneItem item)
    {
        item.WaitsForHost = true;
        if (item.IsAmongWaiters)
            return;
        Tidy();
        item.IsAmongWaiters = true;
        _waiters.Add(item);
    }

    /// <summary>An item has gone.</summary>
    public void Left()
    {
        Items--;
        Tidy();
    }

    // Those that are gone leave room, when they are as many as those that are there: what it costs is shared by as many.
    private void Tidy()
    {
        if (_waiters.Count <= FewWaiters || _waiters.Count <= 2 * Items)
            return;
        _waiters.RemoveAll(static waiter => !(waiter.IsAmongWaiters = waiter.WaitsForHost && waiter.State != ItemState.Gone));
        _waiters.Capacity = Math.Max(FewWaiters, _waiters.Count * 2);
    }

    /// <summary>The items that wait for a host, each once; from now on they are not kept here.</summary>
    public List<LaneItem> TakeWaiters()
    {
        var waiting = new List<LaneItem>(_waiters.Count);
        foreach (var item in _waiters)
        {
            item.IsAmongWaiters = false;
            if (item is { WaitsForHost: true, State: ItemState.Scheduled or ItemState.Ready })
                waiting.Add(item);
        }
        _waiters.Clear();
        return waiting;
    }
}

/// <summary>The recipients of one message in one lane. Who they are stands in the envelope.</summary>
internal sealed class LaneItem(QueuedMessage message, Lane lane) : QueueItem
{
    public override QueuedMessage Message { get; } = message;

    public Lane Lane { get; } = lane;

    /// <summary>The next item of the message.</summary>
    public LaneItem? Next { get; set; }

    /// <summary>Whether the last attempt failed because no host could be reached, so that it is worth another as soon as one can.</summary>
    public bool WaitsForHost { get; set; }

    /// <summary>Whether the lane keeps it among those that wait for a host.</summary>
    public bool IsAmongWaiters { get; set; }

    /// <summary>Whether it has just been made, and recipients may yet make it earlier; those that were there before are planned already.</summary>
    public bool IsNew { get; set; }

    /// <summary>When something is owed whether the destination can be reached or not (a delay notice, giving up), as a timestamp.</summary>
    public long Deadline { get; set; } = long.MaxValue;
}
