using HomeMail.Storage;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Queue;

/// <summary>Where queued messages are kept. The queue itself holds only what is due when.</summary>
public interface IQueueStore
{
    /// <summary>Tells what is queued, after a start.</summary>
    /// <param name="found">Is called for each message, oldest first.</param>
    void Recover(Action<QueueEntry> found);

    /// <summary>Reads an envelope; null if it is gone or was damaged and set aside.</summary>
    /// <param name="id">Which.</param>
    /// <exception cref="IOException">It could not be read now.</exception>
    Envelope? LoadEnvelope(MessageId id);

    /// <summary>Makes the present state of an envelope durable.</summary>
    /// <param name="envelope">The envelope; not to be changed until the task ends.</param>
    /// <exception cref="IOException">It could not be written now; the former state stands.</exception>
    Task SaveAsync(Envelope envelope);

    /// <summary>Nothing is left to do: envelope and message go, and when the task ends they do not come back.</summary>
    /// <param name="envelope">The envelope; its last state need not have been saved.</param>
    /// <exception cref="IOException">They could not be removed.</exception>
    Task CloseAsync(Envelope envelope);

    /// <summary>Opens a message to read.</summary>
    /// <param name="id">Which.</param>
    /// <exception cref="IOException">It is not there or cannot be read.</exception>
    IFile OpenMessage(MessageId id);
}

/// <summary>The spool as the queue sees it.</summary>
/// <param name="spool">The spool.</param>
public sealed class SpoolQueueStore(Spool spool) : IQueueStore
{
    /// <inheritdoc/>
    public void Recover(Action<QueueEntry> found) => spool.Recover(found);

    /// <inheritdoc/>
    public Envelope? LoadEnvelope(MessageId id) => spool.LoadEnvelope(id);

    /// <inheritdoc/>
    public Task SaveAsync(Envelope envelope) => spool.SaveAsync(envelope);

    /// <inheritdoc/>
    public Task CloseAsync(Envelope envelope) => spool.CloseAsync(envelope);

    /// <inheritdoc/>
    public IFile OpenMessage(MessageId id) => spool.OpenMessage(id);
}
