using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>
/// A message becomes durable. To one mailbox, with nothing for the queue: sync the file, link, sync the folder. Otherwise the message and
/// its envelope, with the decided links in it as an intent, are on the device before the first link.
/// </summary>
internal sealed class CommitChange : StoreChange, IDisposable
{
    private readonly Spool _spool;
    private readonly CommitRequest _request;
    private readonly DateTimeOffset _now;
    private readonly MessageId _id;
    private readonly SpooledFile _written;
    private readonly MessagePlaces _places;
    private readonly bool _needsEnvelope;
    private readonly List<EnvelopeRecipient> _more = [];
    private readonly List<EnvelopeRecipient> _intents = [];
    private Envelope? _envelope;
    private IFile? _envelopeFile;
    private bool _isQueued;

    /// <summary>Writes the message's file, on the caller's thread and not yet synced.</summary>
    public CommitChange(Spool spool, MailStore mail, StoreWriter writer, CommitRequest request, DateTimeOffset now)
    {
        _spool = spool;
        _request = request;
        _now = now;
        _id = request.Message.Id;
        _places = new MessagePlaces(mail, writer);
        _envelope = request.Envelope;
        _needsEnvelope = request.Envelope is not null || request.Local.Count > 1;
        _written = new SpooledFile(spool, request);
    }

    public long Size => _written.Size;

    public List<StoredMessage> Stored { get; } = [];

    /// <summary>Syncs a large file beforehand, so that the writer and all that wait for it are not held up.</summary>
    public void SyncEarly() => _written.File.Sync();

    public override bool Step(int step, SyncSet syncs)
    {
        switch (step)
        {
            case 0:
                syncs.Add(this, _written.File);
                return true;
            case 1 when !_needsEnvelope:
                GiveUids();
                _places.Link(_spool.Files, _written.Path, this, syncs);
                return false;
            case 1:
                _isQueued = true;
                _spool.Files.Rename(_written.Path, _spool.MessagePath(_id));
                syncs.AddFolder(this, _spool.MessageFolder);
                return true;
            case 2:
                GiveUids();
                WriteEnvelope(syncs);
                return true;
            case 3:
                _spool.Files.Rename(_spool.TemporaryPath(_id, Spool.EnvelopeSuffix), _spool.EnvelopePath(_id));
                syncs.AddFolder(this, _spool.EnvelopeFolder);
                return _places.Count > 0;
            default:
                _places.Link(_spool.Files, _spool.MessagePath(_id), this, syncs);
                return false;
        }
    }

    public override void Undo()
    {
        if (_isQueued)
        {
            _spool.Discard(_spool.EnvelopePath(_id));
            _spool.Discard(_spool.TemporaryPath(_id, Spool.EnvelopeSuffix));
            _spool.Discard(_spool.MessagePath(_id));
        }
        _places.Undo();
        Stored.Clear();
        foreach (var intent in _intents)
            intent.Local = null;
    }

    public override void Publish()
    {
        if (_request.Envelope is { } envelope)
        {
            // Not synced: after a crash the intent is found again, and its links with it.
            if (_places.Count > 0)
            {
                foreach (var intent in _intents)
                    intent.Status = RecipientStatus.Delivered;
                _spool.TrySaveInPlace(envelope.Id, EnvelopeFile.Format(envelope, _more));
            }
        }
        else if (_isQueued)
        {
            _spool.Discard(_spool.EnvelopePath(_id));
            _spool.Discard(_spool.MessagePath(_id));
        }
    }

    public void Dispose()
    {
        _written.Dispose();
        _envelopeFile?.Dispose();
        if (!_isQueued || Failure is not null)
            _spool.Discard(_written.Path);
    }

    private void GiveUids()
    {
        foreach (var delivery in _request.Local)
        {
            var intent = _places.Add(delivery, _id, Size, _now);
            Stored.Add(new StoredMessage(intent.Account, intent.Mailbox, intent.UidValidity, intent.Uid));
            if (!_needsEnvelope)
                continue;
            var recipient = RecipientOf(delivery);
            if (recipient is null)
                _more.Add(recipient = MessagePlaces.Line(delivery, intent));
            recipient.Local = intent;
            _intents.Add(recipient);
        }
    }

    private EnvelopeRecipient? RecipientOf(LocalDelivery delivery)
    {
        foreach (var recipient in _request.Envelope?.Recipients ?? [])
            if (recipient.Status == RecipientStatus.Local && recipient.Local is null && recipient.Address.Equals(delivery.Recipient))
                return recipient;
        return null;
    }

    private void WriteEnvelope(SyncSet syncs)
    {
        _envelope ??= new Envelope { Id = _id, Arrived = _now, Principal = "server", Recipients = _more };
        _envelope.Size = Size;
        _envelope.TravelOffset = _request.LocalTrace.Length;
        _envelopeFile = _spool.Files.Create(_spool.TemporaryPath(_id, Spool.EnvelopeSuffix));
        _envelopeFile.Write(EnvelopeFile.Format(_envelope, ReferenceEquals(_envelope.Recipients, _more) ? [] : _more), 0);
        syncs.Add(this, _envelopeFile);
    }
}
