using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>
/// Messages get a second name in another mailbox, with their flags; on a move they are expunged from the first once the
/// second is on the device. A crash in between leaves them in both, never in neither.
/// </summary>
internal sealed class CopyChange(Mailbox source, Mailbox target, StoreWriter writer, IFileSystem files, IReadOnlyList<UidRange> uids, bool move, DateTimeOffset now) : StoreChange
{
    private readonly List<uint> _from = [];
    private readonly List<uint> _to = [];
    private int _placed;
    private readonly List<UidRange> _expunged = [];

    public CopyResult? Result { get; private set; }

    public override object? Exclusive => source;

    public override bool Step(int step, SyncSet syncs)
    {
        if (step == 0)
            return Copy(syncs) && move;
        if (source.StageExpunge(writer, UidRange.Of(_from), onlyDeleted: false, _expunged))
            syncs.Add(this, source.JournalFile);
        return false;
    }

    public override void Undo()
    {
        for (var i = 0; i < _to.Count; i++)
        {
            // Only what this change has placed: a name that was there before is somebody's message.
            if (i < _placed)
                target.Discard(_to[i]);
            target.DropStaged(_to[i]);
        }
        target.Distrust();
        if (move)
            source.DropChanges();
    }

    public override void Publish() => source.DiscardFiles(_expunged);

    private bool Copy(SyncSet syncs)
    {
        var rows = new List<MessageRow>();
        source.Collect(uids, rows);
        ulong mask = 0;
        IReadOnlyList<string> keywords = [];
        foreach (var row in rows)
        {
            if (!files.TryStat(source.MessagePath(row.Uid), out _))
                continue;
            if (row.Keywords != mask)
                (mask, keywords) = (row.Keywords, source.KeywordNames(row.Keywords));
            var uid = target.StageAdd(writer, row with { SaveDate = MessageRow.Seconds(now) }, keywords, reason: null);
            _from.Add(row.Uid);
            _to.Add(uid);
            MessageLink.Place(files, source.MessagePath(row.Uid), target.Folder, target.MessagePath(uid));
            _placed++;
        }
        Result = new CopyResult(target.UidValidity(), _from, _to);
        if (_to.Count == 0)
            return false;
        syncs.Add(this, target.JournalFile);
        syncs.AddFolder(this, target.Folder);
        return true;
    }
}
