namespace HomeMail.Storage.Mail;

/// <summary>The system flags of a message (RFC 9051 2.3.2). The values stand in the journal.</summary>
[Flags]
public enum MessageFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary><c>\Seen</c>.</summary>
    Seen = 1,

    /// <summary><c>\Answered</c>.</summary>
    Answered = 2,

    /// <summary><c>\Flagged</c>.</summary>
    Flagged = 4,

    /// <summary><c>\Deleted</c>.</summary>
    Deleted = 8,

    /// <summary><c>\Draft</c>.</summary>
    Draft = 16,
}

/// <summary>What a mailbox is for (RFC 6154 2). The names stand in the mailbox's own file.</summary>
public enum SpecialUse : byte
{
    /// <summary>Nothing special.</summary>
    None,

    /// <summary><c>\Drafts</c>.</summary>
    Drafts,

    /// <summary><c>\Sent</c>.</summary>
    Sent,

    /// <summary><c>\Junk</c>.</summary>
    Junk,

    /// <summary><c>\Trash</c>.</summary>
    Trash,

    /// <summary><c>\Archive</c>.</summary>
    Archive,

    /// <summary>Where a message goes that one recipient refused while another took it; no attribute of IMAP.</summary>
    Rejects,
}
