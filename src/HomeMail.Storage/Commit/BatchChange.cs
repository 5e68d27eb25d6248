using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>
/// Several messages become durable in one mailbox, all or none, whenever the power goes (RFC 3502): sync the files, write that their UIDs are pending,
/// link, sync the folder, and only then one piece of journal that makes messages of all of them.
/// </summary>
internal sealed class BatchChange : StoreChange, IDisposable
{
    private readonly Spool _spool;
    private readonly MailStore _mail;
    private readonly StoreWriter _writer;
    private readonly IReadOnlyList<CommitRequest> _requests;
    private readonly DateTimeOffset _now;
    private readonly List<SpooledFile> _files = [];
    private Mailbox? _mailbox;
    private UidRange _uids;
    private int _linked;

    /// <summary>Writes the messages' files, on the caller's thread and not yet synced.</summary>
    public BatchChange(Spool spool, MailStore mail, StoreWriter writer, IReadOnlyList<CommitRequest> requests, DateTimeOffset now)
    {
        (_spool, _mail, _writer, _requests, _now) = (spool, mail, writer, requests, now);
        try
        {
            foreach (var request in requests)
                _files.Add(new SpooledFile(spool, request));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    // Between its steps nobody else may write to the mailbox's journal.
    public override bool Alone => true;

    public List<StoredMessage> Stored { get; } = [];

    public override bool Step(int step, SyncSet syncs)
    {
        switch (step)
        {
            case 0:
                foreach (var file in _files)
                    syncs.Add(this, file.File);
                return true;
            case 1:
                _mailbox = _mail.ForDelivery(_requests[0].Local[0]);
                _uids = _mailbox.StagePending(_requests.Count);
                syncs.Add(this, _mailbox.JournalFile);
                return true;
            case 2:
                for (var i = 0; i < _files.Count; i++, _linked++)
                    MessageLink.Place(_spool.Files, _files[i].Path, _mailbox!.Folder, _mailbox.MessagePath(_uids.First + (uint)i));
                syncs.AddFolder(this, _mailbox!.Folder);
                return true;
            default:
                _mailbox!.StageBatch(_writer, _uids, [.. _requests.Select(Row)], [.. _requests.Select(static request => request.Local[0].Keywords)]);
                for (var i = 0; i < _requests.Count; i++)
                    Stored.Add(new StoredMessage(_mailbox.Account.Name, _mailbox.Name, _mailbox.UidValidity(), _uids.First + (uint)i));
                syncs.Add(this, _mailbox.JournalFile);
                return false;
        }
    }

    public override void Undo()
    {
        Stored.Clear();
        for (var i = 0; i < _linked; i++)
            _mailbox!.Discard(_uids.First + (uint)i);
        _mailbox?.DropBatch(_uids);
    }

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
            _spool.Discard(file.Path);
        }
    }

    private MessageRow Row(CommitRequest request, int index) => new()
    {
        Size = (uint)Math.Min(_files[index].Size, uint.MaxValue),
        InternalDate = MessageRow.Seconds(request.Local[0].InternalDate ?? _now),
        SaveDate = MessageRow.Seconds(_now),
        Flags = request.Local[0].Flags,
        EmailId = request.Message.Id.ToEmailId(),
    };
}
