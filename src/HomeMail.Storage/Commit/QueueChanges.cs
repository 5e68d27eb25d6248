using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>An envelope's state becomes durable: in place where only statuses differ, else as a new file.</summary>
internal sealed class SaveChange(Spool spool, MessageId id, byte[] octets) : StoreChange
{
    private IFile? _file;

    public override object? Exclusive => id;

    public override bool Step(int step, SyncSet syncs)
    {
        if (step == 0)
        {
            if (spool.OpenInPlace(id, octets) is { } inPlace)
            {
                _file = inPlace;
                syncs.Add(this, _file);
                return false;
            }
            var path = spool.TemporaryPath(id, Spool.EnvelopeSuffix);
            spool.Files.Unlink(path);
            _file = spool.Files.Create(path);
            _file.Write(octets, 0);
            syncs.Add(this, _file);
            return true;
        }
        spool.Files.Rename(spool.TemporaryPath(id, Spool.EnvelopeSuffix), spool.EnvelopePath(id));
        syncs.AddFolder(this, spool.EnvelopeFolder);
        return false;
    }

    public override void Undo()
    {
        _file?.Dispose();
        spool.Discard(spool.TemporaryPath(id, Spool.EnvelopeSuffix));
    }

    public override void Publish() => _file?.Dispose();
}

/// <summary>An envelope goes, for good, and only then its message: so no envelope is ever found without one.</summary>
internal sealed class CloseChange(Spool spool, MessageId id) : StoreChange
{
    public override object? Exclusive => id;

    public override bool Step(int step, SyncSet syncs)
    {
        if (spool.Files.Unlink(spool.EnvelopePath(id)))
            syncs.AddFolder(this, spool.EnvelopeFolder);
        return false;
    }

    public override void Publish() => spool.Discard(spool.MessagePath(id));
}

/// <summary>
/// A queued message goes into mailboxes: the envelope says so first, with the UIDs; then the links are made. So a crash finds either nothing
/// done or what is to be finished, and never two copies.
/// </summary>
internal sealed class DeliverChange(Spool spool, MailStore mail, StoreWriter writer, Envelope envelope, IReadOnlyList<(EnvelopeRecipient Recipient, LocalDelivery Delivery)> deliveries, DateTimeOffset now) : StoreChange
{
    private readonly MessagePlaces _places = new(mail, writer);
    private readonly List<(EnvelopeRecipient Recipient, RecipientStatus Status, LocalIntent? Local)> _before = [];
    private IFile? _file;

    public List<StoredMessage> Stored { get; } = [];

    public override object? Exclusive => envelope.Id;

    public override bool Step(int step, SyncSet syncs)
    {
        var temporary = spool.TemporaryPath(envelope.Id, Spool.EnvelopeSuffix);
        switch (step)
        {
            case 0:
                GiveUids();
                spool.Files.Unlink(temporary);
                _file = spool.Files.Create(temporary);
                _file.Write(EnvelopeFile.Format(envelope, []), 0);
                syncs.Add(this, _file);
                return true;
            case 1:
                spool.Files.Rename(temporary, spool.EnvelopePath(envelope.Id));
                syncs.AddFolder(this, spool.EnvelopeFolder);
                return true;
            default:
                _places.Link(spool.Files, spool.MessagePath(envelope.Id), this, syncs);
                return false;
        }
    }

    public override void Undo()
    {
        _file?.Dispose();
        _places.Undo();
        Stored.Clear();
        foreach (var (recipient, status, _) in _before)
            recipient.Status = status;

        // The intent may be on the device. Its status octets go back in place, which needs no room; if even that fails the next start
        // carries it out.
        spool.TrySaveInPlace(envelope.Id, EnvelopeFile.Format(envelope, []));
        foreach (var (recipient, _, local) in _before)
            recipient.Local = local;
    }

    public override void Publish()
    {
        _file?.Dispose();
        foreach (var (recipient, _) in deliveries)
            recipient.Status = RecipientStatus.Delivered;
        spool.TrySaveInPlace(envelope.Id, EnvelopeFile.Format(envelope, []));
    }

    private void GiveUids()
    {
        foreach (var (recipient, delivery) in deliveries)
        {
            _before.Add((recipient, recipient.Status, recipient.Local));
            recipient.Local = _places.Add(delivery, envelope.Id, envelope.Size, now);
            recipient.Status = RecipientStatus.Local;
            Stored.Add(new StoredMessage(recipient.Local.Account, recipient.Local.Mailbox, recipient.Local.UidValidity, recipient.Local.Uid));
        }
    }
}
