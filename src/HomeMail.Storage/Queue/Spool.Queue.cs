using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;

namespace HomeMail.Storage;

/// <summary>The files of the queue.</summary>
public sealed partial class Spool
{
    /// <summary>Reads an envelope; null if it is not there, or was damaged and has just been set aside.</summary>
    /// <param name="id">Which.</param>
    /// <exception cref="StorageException">It could not be read now.</exception>
    public Envelope? LoadEnvelope(MessageId id)
    {
        byte[] octets;
        try
        {
            octets = FieldFile.ReadAll(Files, EnvelopePath(id));
        }
        catch (StorageException error) when (error.Error == FileError.NotFound)
        {
            return null;
        }
        var envelope = EnvelopeFile.Parse(octets);
        if (envelope is not null && envelope.Id == id)
            return envelope;
        SetAside(id, "envelope-damaged", "The envelope is damaged");
        return null;
    }

    /// <summary>
    /// Makes the present state of an envelope durable. Where only statuses have changed this is one octet a recipient, in place; otherwise the
    /// file is replaced. Saves that come together share their syncs.
    /// </summary>
    /// <param name="envelope">The envelope; what it says when this is called is saved.</param>
    /// <exception cref="StorageException">It could not be written (disk full): on the device is the former state, or this one, whole.</exception>
    /// <exception cref="StorageClosedException">The store is closing.</exception>
    public Task SaveAsync(Envelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        return _writer.RunAsync(new SaveChange(this, envelope.Id, EnvelopeFile.Format(envelope, [])));
    }

    /// <summary>
    /// Nothing is left to do: the envelope goes, and then the message. When the task ends it does not come back. Statuses need not be
    /// saved before; closings that come together share a sync.
    /// </summary>
    /// <param name="envelope">The envelope.</param>
    /// <exception cref="StorageException">It could not be removed.</exception>
    /// <exception cref="StorageClosedException">The store is closing.</exception>
    public Task CloseAsync(Envelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        return _writer.RunAsync(new CloseChange(this, envelope.Id));
    }

    /// <summary>
    /// Puts a queued message into mailboxes (delayed delivery, release from hold, a rule that fell due): for each of the recipients once, also across
    /// a crash. They become <see cref="RecipientStatus.Delivered"/>; what is left of the envelope is the queue's to save or close.
    /// </summary>
    /// <param name="envelope">The envelope, as loaded or kept by the queue.</param>
    /// <param name="deliveries">Recipients of this envelope, and where each gets the message.</param>
    /// <returns>Where the message is, in the order given; or the condition, and then no mailbox has it.</returns>
    public async Task<CommitResult> DeliverAsync(Envelope envelope, IReadOnlyList<(EnvelopeRecipient Recipient, LocalDelivery Delivery)> deliveries)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(deliveries);
        return await AttemptAsync(async () =>
        {
            var change = new DeliverChange(this, _mail, _writer, envelope, deliveries, _clock.GetUtcNow());
            await _writer.RunAsync(change).ConfigureAwait(false);
            return new CommitResult { Condition = StorageCondition.None, Stored = change.Stored, Size = envelope.Size };
        }, isLong: false).ConfigureAwait(false);
    }

    /// <summary>
    /// Opens the envelope to write if the new text differs in status octets only, and writes these; null if the file must be replaced.
    /// </summary>
    internal IFile? OpenInPlace(MessageId id, byte[] octets)
    {
        var path = EnvelopePath(id);
        if (EnvelopeFile.StatusDifferences(FieldFile.ReadAll(Files, path), octets) is not { } offsets)
            return null;
        var file = Files.Open(path, write: true);
        try
        {
            foreach (var offset in offsets)
                file.Write(octets.AsSpan(offset, 1), offset);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes statuses without a sync, where losing them costs only work.</summary>
    internal void TrySaveInPlace(MessageId id, byte[] octets)
    {
        try
        {
            OpenInPlace(id, octets)?.Dispose();
        }
        catch (StorageException)
        {
            // The next start finds the links made, and sets the statuses then.
        }
    }
}
