using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>What an item is waiting for.</summary>
internal enum ItemState : byte
{
    /// <summary>Nothing: it is not planned, or not any more.</summary>
    Gone,

    /// <summary>Its time.</summary>
    Scheduled,

    /// <summary>Its turn.</summary>
    Ready,

    /// <summary>Nothing: an attempt runs.</summary>
    Running,

    /// <summary>To be released by hand.</summary>
    Parked,
}

/// <summary>Something that is done at a time: an attempt for recipients of a lane, or a look at a message's envelope.</summary>
internal abstract class QueueItem
{
    /// <summary>The message that it is about.</summary>
    public abstract QueuedMessage Message { get; }

    /// <summary>When it is due, as a timestamp.</summary>
    public long Due { get; set; }

    /// <summary>Its place in the schedule; -1 if it is not there.</summary>
    public int Place { get; set; } = -1;

    public ItemState State { get; set; }
}

/// <summary>
/// A message in the queue, and while it is worked on its envelope. As an item it stands for a look at the envelope: after a start, or for a DSN that is
/// owed. A queue may have 100,000 of them in a heap of 32 MB: 64 octets each, and as many for each lane that its recipients are known to be in.
/// </summary>
internal sealed class QueuedMessage(MessageId id) : QueueItem
{
    public override QueuedMessage Message => this;

    public MessageId Id { get; } = id;

    /// <summary>The first of its items in lanes; the others hang on it.</summary>
    public LaneItem? First { get; set; }

    public bool IsHeld { get; set; }

    /// <summary>It is to be tried as soon as its envelope has been read.</summary>
    public bool IsHurried { get; set; }

    /// <summary>It is to go without another attempt as soon as nobody works on it.</summary>
    public bool IsDropped { get; set; }

    /// <summary>The envelope while somebody works on it, else null.</summary>
    public OpenEnvelope? Open { get; set; }

    /// <summary>Whether a look at its envelope is planned.</summary>
    public bool IsToBeRead => State != ItemState.Gone;

    /// <summary>Whether nothing at all is planned.</summary>
    public bool HasNothingToDo => First is null && !IsToBeRead;

    /// <summary>Whether somebody works on it.</summary>
    public bool IsRunning => State == ItemState.Running || HasRunningAttempt;

    /// <summary>Whether an attempt runs.</summary>
    public bool HasRunningAttempt
    {
        get
        {
            for (var item = First; item is not null; item = item.Next)
                if (item.State == ItemState.Running)
                    return true;
            return false;
        }
    }

    /// <summary>The item in a lane, or null.</summary>
    public LaneItem? In(Lane lane)
    {
        var item = First;
        while (item is not null && item.Lane != lane)
            item = item.Next;
        return item;
    }

    /// <summary>Puts an item behind the others.</summary>
    public void Append(LaneItem added)
    {
        if (First is null)
        {
            First = added;
            return;
        }
        var last = First;
        while (last.Next is not null)
            last = last.Next;
        last.Next = added;
    }

    /// <summary>Takes an item out; its own link stays, so that who goes through the items goes on.</summary>
    public void TakeOut(LaneItem item)
    {
        if (First == item)
        {
            First = item.Next;
            return;
        }
        var before = First;
        while (before is not null && before.Next != item)
            before = before.Next;
        if (before is not null)
            before.Next = item.Next;
    }
}

/// <summary>An envelope that is being worked on. Several destinations of a message share it; changes and saves are made inside <see cref="Gate"/>.</summary>
internal sealed class OpenEnvelope(Func<Envelope?> load)
{
    private readonly Lazy<Envelope?> _envelope = new(load);

    /// <summary>The envelope, which is read when it is first asked for; null if it is not there.</summary>
    public Envelope? Envelope => _envelope.Value;

    /// <summary>The envelope if it has been read. Reads nothing and never throws.</summary>
    public Envelope? Loaded => _envelope.IsValueCreated ? _envelope.Value : null;

    public SemaphoreSlim Gate { get; } = new(1);

    public int Users { get; set; }

    /// <summary>What is in memory could not be saved: it must not be forgotten.</summary>
    public bool IsUnsaved { get; set; }
}
