using HomeMail.Server.Delivery;
using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>All that is queued for one destination, and how the destination does. Guarded by the runner's lock.</summary>
internal sealed class Lane(Destination destination)
{
    public Destination Destination { get; } = destination;

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
}

/// <summary>What an item is waiting for.</summary>
internal enum ItemState : byte
{
    /// <summary>Its time.</summary>
    Scheduled,

    /// <summary>Its turn.</summary>
    Ready,

    /// <summary>Nothing: an attempt runs.</summary>
    Running,

    /// <summary>To be released by hand.</summary>
    Parked,

    /// <summary>Nothing any more.</summary>
    Gone,
}

/// <summary>The recipients of one message in one lane. Who they are stands in the envelope.</summary>
internal sealed class LaneItem(QueuedMessage message, Lane? lane)
{
    public QueuedMessage Message { get; } = message;

    /// <summary>The lane; null for a message whose envelope has to be looked at first: after a start, or for a DSN that is owed.</summary>
    public Lane? Lane { get; } = lane;

    public ItemState State { get; set; }

    /// <summary>Whether the last attempt failed because no host could be reached, so that it is worth another as soon as one can.</summary>
    public bool WaitsForHost { get; set; }

    /// <summary>When it is due, as a timestamp.</summary>
    public long Due { get; set; }

    /// <summary>When something is owed whether the destination can be reached or not (a delay notice, giving up), as a timestamp.</summary>
    public long Deadline { get; set; } = long.MaxValue;
}

/// <summary>A message in the queue, and while it is worked on its envelope.</summary>
internal sealed class QueuedMessage(MessageId id)
{
    public MessageId Id { get; } = id;

    public List<LaneItem> Items { get; } = new(1);

    public bool IsHeld { get; set; }

    /// <summary>It is to be tried as soon as its envelope has been read.</summary>
    public bool IsHurried { get; set; }

    /// <summary>It is to go without another attempt as soon as nobody works on it.</summary>
    public bool IsDropped { get; set; }

    /// <summary>For a message that arrived while the clock was wrong: since when it is known with a right one.</summary>
    public DateTimeOffset? KnownSince { get; set; }

    /// <summary>The envelope while somebody works on it, else null.</summary>
    public OpenEnvelope? Open { get; set; }
}

/// <summary>An envelope that is being worked on. Several destinations of a message share it; changes and saves are made inside <see cref="Gate"/>.</summary>
internal sealed class OpenEnvelope(Func<Envelope?> load)
{
    private readonly Lazy<Envelope?> _envelope = new(load);

    public Envelope? Envelope => _envelope.Value;

    public SemaphoreSlim Gate { get; } = new(1);

    public int Users { get; set; }

    /// <summary>What is in memory could not be saved: it must not be forgotten.</summary>
    public bool IsUnsaved { get; set; }
}
