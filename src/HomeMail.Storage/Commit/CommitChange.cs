using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>
/// A message becomes durable. One mailbox and nothing for the queue: write, sync the file, link, sync the folder. Otherwise the
/// message and its envelope, with the decided links in it as an intent, are on the device before the first link.
/// </summary>
internal sealed class CommitChange : StoreChange, IDisposable
{
    private readonly Spool _spool;
    private readonly MailStore _mail;
    private readonly CommitRequest _request;
    private readonly IFile _file;
    private readonly string _written;
    private readonly List<(Mailbox Mailbox, uint Uid)> _links = [];

    public CommitChange(Spool spool, MailStore mail, StoreWriter writer, CommitRequest request)
    {
        _ = writer;
        _spool = spool;
        _mail = mail;
        _request = request;
        _written = spool.TemporaryPath(request.Message.Id);
        _file = spool.Files.Create(_written, readOnly: true);
        Write();
    }

    public long Size { get; private set; }

    public List<StoredMessage> Stored { get; } = [];

    public override bool Step(int step, SyncSet syncs)
    {
        switch (step)
        {
            case 0:
                syncs.Add(this, _file);
                return true;
            default:
                foreach (var delivery in _request.Local)
                {
                    var mailbox = _mail.ForDelivery(delivery);
                    var uid = mailbox.NextUid();
                    _spool.Files.Link(_written, mailbox.MessagePath(uid));
                    _links.Add((mailbox, uid));
                    Stored.Add(new StoredMessage(mailbox.Account, mailbox.Name, mailbox.UidValidity, uid));
                    syncs.AddFolder(this, mailbox.Folder);
                }
                if (_request.Envelope is { } envelope)
                {
                    envelope.Size = Size;
                    envelope.TravelOffset = _request.LocalTrace.Length;
                    _spool.Files.Link(_written, _spool.MessagePath(envelope.Id));
                    syncs.AddFolder(this, _spool.MessageFolder);
                }
                return false;
        }
    }

    public override void Undo()
    {
        foreach (var (mailbox, uid) in _links)
            _spool.Discard(mailbox.MessagePath(uid));
    }

    public void Dispose()
    {
        _file.Dispose();
        _spool.Discard(_written);
    }

    private void Write()
    {
        foreach (var part in (ReadOnlySpan<ReadOnlyMemory<byte>>)[_request.LocalTrace, _request.TravelTrace, _request.Header])
            Write(part.Span);
        var message = _request.Message;
        if (message.BodyFile is { } body)
        {
            var streamed = message.BodyLength - message.Buffered.Length;
            _spool.Files.Copy(body, 0, _file, Size, streamed);
            Size += streamed;
        }
        Write(message.Buffered.Span);
    }

    private void Write(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return;
        _file.Write(data, Size);
        Size += data.Length;
    }
}
