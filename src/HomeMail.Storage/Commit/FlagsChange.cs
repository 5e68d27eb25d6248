using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>Flags of messages change: recorded, synced, shown.</summary>
internal sealed class FlagsChange(Mailbox mailbox, StoreWriter writer, FlagRequest request) : StoreChange
{
    public FlagResult Result { get; } = new();

    public override object? Exclusive => mailbox;

    public override bool Step(int step, SyncSet syncs)
    {
        if (mailbox.StageFlags(writer, request, Result))
            syncs.Add(this, mailbox.JournalFile);
        return false;
    }

    public override void Undo() => mailbox.DropChanges();
}

/// <summary>Messages are expunged: recorded, synced, shown to be gone, and only then do the files go.</summary>
internal sealed class ExpungeChange(Mailbox mailbox, StoreWriter writer, IReadOnlyList<UidRange> uids, bool onlyDeleted) : StoreChange
{
    public List<UidRange> Expunged { get; } = [];

    public override object? Exclusive => mailbox;

    public override bool Step(int step, SyncSet syncs)
    {
        if (mailbox.StageExpunge(writer, uids, onlyDeleted, Expunged))
            syncs.Add(this, mailbox.JournalFile);
        return false;
    }

    public override void Undo() => mailbox.DropChanges();

    public override void Publish() => mailbox.DiscardFiles(Expunged);
}
