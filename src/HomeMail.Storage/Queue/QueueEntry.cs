namespace HomeMail.Storage;

/// <summary>What the queue has to know of a message; the rest is in its envelope.</summary>
/// <param name="Id">The message.</param>
/// <param name="NextAttempt">The earliest time at which something is to be done about a recipient; <see cref="DateTimeOffset.MinValue"/> means now.</param>
/// <param name="Held">Held by hand.</param>
public readonly record struct QueueEntry(MessageId Id, DateTimeOffset NextAttempt, bool Held);
