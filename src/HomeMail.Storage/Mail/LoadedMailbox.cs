namespace HomeMail.Storage.Mail;

/// <summary>What a mailbox holds in memory while it is in use. Guarded by the mailbox's lock.</summary>
internal sealed class LoadedMailbox : IDisposable
{
    public readonly MessageTable Messages = new();
    public readonly VanishedLog Vanished = new();
    public readonly KeywordTable Keywords = new();

    /// <summary>Null only if it could not be written anew yet (disk full, read-only).</summary>
    public Journal? Journal;

    public uint UidValidity;

    /// <summary>The UIDVALIDITY that the journal was written under; 0 without one.</summary>
    public uint JournalValidity;

    /// <summary>The UID the next message gets.</summary>
    public uint UidNext;

    /// <summary>UIDs below this one may be given out: the reservation in <c>.mailbox</c>.</summary>
    public uint UidReserved;

    public ulong NextModSeq;
    public ulong ModSeqReserved;

    /// <summary>UIDNEXT and HIGHESTMODSEQ as readers see them: of what is published.</summary>
    public uint UidNextSeen;
    public ulong HighestModSeq;

    /// <summary>
    /// The files do not say what memory does: they could not be written on loading, or a write or sync of the journal has failed since, and
    /// what is on the device is not known. They are written anew before the next change.
    /// </summary>
    public bool MustPersist;

    /// <summary>Whether <c>.mailbox</c> says that the mailbox is closed in order.</summary>
    public bool IsClosedOnDisk;

    /// <summary>When the journal is this long it is written anew.</summary>
    public long CompactAt;

    /// <summary>Files whose UID has been told to be gone, and which are there again: they get new UIDs.</summary>
    public readonly List<uint> CameBack = [];

    public readonly List<MessageRow> StagedAdds = [];
    public readonly List<(uint Uid, MessageFlags Flags, ulong Keywords, ulong ModSeq)> StagedFlags = [];
    public readonly List<(UidRange Uids, ulong ModSeq)> StagedExpunges = [];

    public bool HasStaged => StagedAdds.Count + StagedFlags.Count + StagedExpunges.Count > 0;

    public void Dispose() => Journal?.Dispose();
}
