using System.Collections;
using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>
/// The messages of the queue by identifier. In parts, each of its own: a table that grows is copied, and the copy of one table for all would be megabytes in
/// one piece, which a small heap that is full has not.
/// </summary>
internal sealed class MessageSet : IEnumerable<QueuedMessage>
{
    private const int Parts = 256;

    private readonly HashSet<QueuedMessage>?[] _parts = new HashSet<QueuedMessage>?[Parts];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Looks a message up.</summary>
    /// <param name="id">Its identifier.</param>
    /// <returns>The message, or null.</returns>
    public QueuedMessage? Find(MessageId id) =>
        PartOf(id) is { } part && part.GetAlternateLookup<MessageId>().TryGetValue(id, out var message) ? message : null;

    /// <summary>Adds a message that is not there.</summary>
    /// <param name="message">The message.</param>
    public void Add(QueuedMessage message)
    {
        if ((PartOf(message.Id) ??= new HashSet<QueuedMessage>(ById.Instance)).Add(message))
            Count++;
    }

    /// <summary>Takes a message out, if it is there.</summary>
    /// <param name="message">The message.</param>
    public void Remove(QueuedMessage message)
    {
        if (PartOf(message.Id)?.Remove(message) == true)
            Count--;
    }

    /// <inheritdoc/>
    public IEnumerator<QueuedMessage> GetEnumerator()
    {
        foreach (var part in _parts)
            if (part is not null)
                foreach (var message in part)
                    yield return message;
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private ref HashSet<QueuedMessage>? PartOf(MessageId id) => ref _parts[(uint)id.GetHashCode() % Parts];

    private sealed class ById : IEqualityComparer<QueuedMessage>, IAlternateEqualityComparer<MessageId, QueuedMessage>
    {
        public static ById Instance { get; } = new();

        public bool Equals(QueuedMessage? x, QueuedMessage? y) => x == y || (x is not null && y is not null && x.Id == y.Id);

        public int GetHashCode(QueuedMessage obj) => GetHashCode(obj.Id);

        public bool Equals(MessageId alternate, QueuedMessage other) => alternate == other.Id;

        // The part is chosen by the lower octet: what is left of it tells nothing within one.
        public int GetHashCode(MessageId alternate) => alternate.GetHashCode() >>> 8;

        public QueuedMessage Create(MessageId alternate) => new(alternate);
    }
}
