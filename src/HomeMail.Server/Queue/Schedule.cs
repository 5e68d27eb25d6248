namespace HomeMail.Server.Queue;

/// <summary>
/// What is due when: a binary heap in which each item knows its place. So an item that is planned anew moves, and leaves nothing behind: however often
/// that happens, the heap has eight octets an item.
/// </summary>
internal sealed class Schedule
{
    private QueueItem[] _heap = new QueueItem[16];

    /// <summary>How many items are planned.</summary>
    public int Count { get; private set; }

    /// <summary>The item that is due first, or null.</summary>
    public QueueItem? First => Count == 0 ? null : _heap[0];

    /// <summary>Makes room.</summary>
    /// <param name="count">For so many items in all.</param>
    public void EnsureCapacity(int count)
    {
        if (count > _heap.Length)
            Array.Resize(ref _heap, count);
    }

    /// <summary>Plans an item, or plans it anew.</summary>
    /// <param name="item">The item.</param>
    /// <param name="due">When it is due, as a timestamp.</param>
    public void Set(QueueItem item, long due)
    {
        var place = item.Place;
        if (place < 0)
        {
            if (Count == _heap.Length)
                Array.Resize(ref _heap, Count + (Count / 2));
            place = Count++;
        }
        item.Due = due;
        place = Rise(item, place);
        Sink(item, place);
    }

    /// <summary>Takes an item out, if it is there.</summary>
    /// <param name="item">The item.</param>
    public void Remove(QueueItem item)
    {
        var place = item.Place;
        if (place < 0)
            return;
        item.Place = -1;
        var last = _heap[--Count];
        _heap[Count] = null!;
        if (last == item)
            return;
        place = Rise(last, place);
        Sink(last, place);
    }

    // Moves the free place up until the item may stand there, and puts it there.
    private int Rise(QueueItem item, int place)
    {
        while (place > 0 && _heap[(place - 1) / 2] is var above && above.Due > item.Due)
        {
            Put(above, place);
            place = (place - 1) / 2;
        }
        Put(item, place);
        return place;
    }

    private void Sink(QueueItem item, int place)
    {
        while ((2 * place) + 1 is var below && below < Count)
        {
            if (below + 1 < Count && _heap[below + 1].Due < _heap[below].Due)
                below++;
            if (_heap[below].Due >= item.Due)
                break;
            Put(_heap[below], place);
            place = below;
        }
        Put(item, place);
    }

    private void Put(QueueItem item, int place)
    {
        _heap[place] = item;
        item.Place = place;
    }
}
