using HomeMail.Protocol.Smtp;
using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage;

/// <summary>What is done with the spool's files after a start.</summary>
public sealed partial class Spool
{
    /// <summary>
    /// After a start, before anything else: finishes what an intent says, clears away what was never accepted, sets damaged envelopes
    /// aside, and tells what is queued. Envelopes are read one by one and not kept.
    /// </summary>
    /// <returns>The queued messages, by time of arrival.</returns>
    /// <exception cref="StorageException">The spool cannot be read at all.</exception>
    public IReadOnlyList<QueueEntry> Recover()
    {
        var queue = new List<QueueEntry>();
        Recover(queue.Add);
        return queue;
    }

    /// <summary>As <see cref="Recover()"/>; no list of all entries is made.</summary>
    /// <param name="found">Is called for each queued message, by time of arrival.</param>
    /// <exception cref="StorageException">The spool cannot be read at all.</exception>
    public void Recover(Action<QueueEntry> found)
    {
        ArgumentNullException.ThrowIfNull(found);
        ClearTemporary();
        var messages = ListIds(MessageFolder);
        var envelopes = ListIds(EnvelopeFolder);
        foreach (var id in envelopes)
        {
            if (Examine(id, messages.BinarySearch(id) >= 0) is { } entry)
                found(entry);
        }

        // A message without an envelope was never accepted, or is done with.
        foreach (var id in messages)
            if (envelopes.BinarySearch(id) < 0)
                Discard(MessagePath(id));
    }

    /// <summary>What the queue has to know of an envelope.</summary>
    /// <param name="envelope">The envelope.</param>
    public static QueueEntry EntryOf(Envelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        var next = DateTimeOffset.MaxValue;
        foreach (var recipient in envelope.Recipients)
        {
            var due = recipient.Status switch
            {
                RecipientStatus.Waiting => recipient.NextAttempt,
                RecipientStatus.Closed => DateTimeOffset.MaxValue,
                RecipientStatus.Delivered when (recipient.Notify & DsnNotify.Success) == 0 => DateTimeOffset.MaxValue,
                _ => DateTimeOffset.MinValue,
            };
            if (due < next)
                next = due;
        }

        // All closed: it is due at once, to be closed itself.
        if (next == DateTimeOffset.MaxValue)
            next = DateTimeOffset.MinValue;
        return new QueueEntry(envelope.Id, next < envelope.ReleaseAt ? envelope.ReleaseAt.Value : next, envelope.Held);
    }

    private void ClearTemporary()
    {
        var names = new List<string>();
        Files.List(TemporaryFolder, (name, isFolder) =>
        {
            if (!isFolder)
                names.Add(name.ToString());
        });
        foreach (var name in names)
            Discard(TemporaryFolder + "/" + name);
    }

    private List<MessageId> ListIds(string folder)
    {
        var ids = new List<MessageId>();
        Files.List(folder, (name, isFolder) =>
        {
            if (!isFolder && MessageId.TryParse(name, out var id))
                ids.Add(id);
        });
        ids.Sort();
        return ids;
    }

    private QueueEntry? Examine(MessageId id, bool hasMessage)
    {
        Envelope? envelope;
        try
        {
            envelope = LoadEnvelope(id);
        }
        catch (StorageException error)
        {
            // One file that cannot be read holds up nothing else; the queue asks for it again.
            _notices(new StorageNotice("envelope-unreadable", EnvelopePath(id), error.Message));
            return new QueueEntry(id, DateTimeOffset.MinValue, false);
        }
        if (envelope is null)
            return null;
        RollForward(envelope, hasMessage);
        if (!hasMessage && IsOpen(envelope))
        {
            SetAside(id, "message-missing", "The queued message's file is gone");
            return null;
        }
        if (IsOpen(envelope))
            return EntryOf(envelope);
        Discard(EnvelopePath(id));
        Discard(MessagePath(id));
        return null;
    }

    private static bool IsOpen(Envelope envelope)
    {
        foreach (var recipient in envelope.Recipients)
            if (recipient.Status is RecipientStatus.Waiting or RecipientStatus.Failed or RecipientStatus.Local
                || (recipient.Status == RecipientStatus.Delivered && (recipient.Notify & DsnNotify.Success) != 0))
                return true;
        return false;
    }

    /// <summary>
    /// Finishes intents: where the mailbox knows the UID, as a message or as one expunged since, the link was made; otherwise it is made now,
    /// under a new UID, since others may have been given out meanwhile.
    /// </summary>
    private void RollForward(Envelope envelope, bool hasMessage)
    {
        var owed = new List<(EnvelopeRecipient Recipient, LocalDelivery Delivery)>();
        var changed = false;
        foreach (var recipient in envelope.Recipients)
        {
            if (recipient is not { Status: RecipientStatus.Local, Local: { } local })
                continue;
            if (_mail.Knows(local) || !hasMessage)
            {
                // Without the message's file all links were made: it goes last.
                recipient.Status = RecipientStatus.Delivered;
                changed = true;
                continue;
            }
            owed.Add((recipient, new LocalDelivery(local.Account, _mail.PlaceFor(local))
            {
                Recipient = recipient.Address,
                Flags = local.Flags,
                Keywords = local.Keywords,
                Reason = local.Reason,
                InternalDate = local.InternalDate ?? envelope.Arrived,
            }));
        }
        if (owed.Count > 0)
        {
            var result = DeliverAsync(envelope, owed).GetAwaiter().GetResult();
            if (!result.IsCommitted)
                _notices(new StorageNotice("intent-pending", EnvelopePath(envelope.Id), $"A local delivery begun before the restart could not be finished: {result.Detail}"));
        }
        else if (changed)
        {
            TrySaveInPlace(envelope.Id, EnvelopeFile.Format(envelope, []));
        }
    }

    /// <summary>Moves an envelope and its message to <c>spool/damaged</c>, where a person can look at them, and says so.</summary>
    private void SetAside(MessageId id, string kind, string what)
    {
        var envelope = DamagedFolder + "/" + id.Value + EnvelopeSuffix;
        var done = "it was moved to spool/damaged";
        try
        {
            Files.Rename(EnvelopePath(id), envelope);
            if (Files.TryStat(MessagePath(id), out _))
                Files.Rename(MessagePath(id), DamagedFolder + "/" + id.Value + Mailbox.MessageSuffix);
        }
        catch (StorageException error)
        {
            done = "it could not be moved to spool/damaged: " + error.Message;
        }
        _notices(new StorageNotice(kind, envelope, $"{what}; {done}."));
    }
}
