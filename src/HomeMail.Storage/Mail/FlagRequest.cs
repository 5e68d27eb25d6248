namespace HomeMail.Storage.Mail;

/// <summary>How STORE changes flags (RFC 9051 6.4.6).</summary>
public enum FlagOperation
{
    /// <summary><c>FLAGS</c>: these and no others.</summary>
    Replace,

    /// <summary><c>+FLAGS</c>.</summary>
    Add,

    /// <summary><c>-FLAGS</c>.</summary>
    Remove,
}

/// <summary>A change of flags of some messages.</summary>
public sealed class FlagRequest
{
    /// <summary>Which messages; UIDs that are not there are passed over.</summary>
    public required IReadOnlyList<UidRange> Uids { get; init; }

    /// <summary>What is done.</summary>
    public required FlagOperation Operation { get; init; }

    /// <summary>The system flags it is done with.</summary>
    public MessageFlags Flags { get; init; }

    /// <summary>The keywords it is done with.</summary>
    public IReadOnlyList<string> Keywords { get; init; } = [];

    /// <summary>UNCHANGEDSINCE (RFC 7162 3.1.3): messages with a higher mod-sequence stay as they are.</summary>
    public ulong UnchangedSince { get; init; } = ulong.MaxValue;
}

/// <summary>What a change of flags did.</summary>
public sealed class FlagResult
{
    internal bool KeywordsRefused;

    /// <summary>The messages that have other flags now; their mod-sequence is <see cref="ModSeq"/>.</summary>
    public List<UidRange> Changed { get; } = [];

    /// <summary>MODIFIED (RFC 7162 3.1.3): the messages that were passed over for UNCHANGEDSINCE.</summary>
    public List<UidRange> Modified { get; } = [];

    /// <summary>The mod-sequence of this change; 0 if nothing changed.</summary>
    public ulong ModSeq { get; internal set; }

    /// <summary>Whether a keyword could not be given: no room for more here, or no atom. The rest was done.</summary>
    public bool IsKeywordRefused => KeywordsRefused;
}

/// <summary>What COPY or MOVE did.</summary>
/// <param name="UidValidity">UIDVALIDITY of the target.</param>
/// <param name="Source">The messages, ascending (the first set of COPYUID, RFC 4315 3).</param>
/// <param name="Target">Their UIDs in the target, in the same order.</param>
public sealed record CopyResult(uint UidValidity, IReadOnlyList<uint> Source, IReadOnlyList<uint> Target);
