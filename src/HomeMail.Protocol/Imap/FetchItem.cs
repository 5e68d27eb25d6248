namespace HomeMail.Protocol.Imap;

/// <summary>What a FETCH may ask for (RFC 9051 6.4.5).</summary>
public enum FetchKind
{
    /// <summary><c>FLAGS</c>.</summary>
    Flags,

    /// <summary><c>UID</c>.</summary>
    Uid,

    /// <summary><c>INTERNALDATE</c>.</summary>
    InternalDate,

    /// <summary><c>RFC822.SIZE</c>.</summary>
    Size,

    /// <summary><c>ENVELOPE</c>.</summary>
    Envelope,

    /// <summary><c>BODY</c>: the structure without extensions.</summary>
    Body,

    /// <summary><c>BODYSTRUCTURE</c>.</summary>
    BodyStructure,

    /// <summary><c>BODY[...]</c>, and RFC822, RFC822.HEADER, RFC822.TEXT of IMAP4rev1.</summary>
    Section,

    /// <summary><c>BINARY[...]</c> (RFC 3516).</summary>
    Binary,

    /// <summary><c>BINARY.SIZE[...]</c>.</summary>
    BinarySize,

    /// <summary><c>MODSEQ</c> (RFC 7162).</summary>
    ModSeq,

    /// <summary><c>EMAILID</c> (RFC 8474).</summary>
    EmailId,

    /// <summary><c>THREADID</c> (RFC 8474).</summary>
    ThreadId,

    /// <summary><c>SAVEDATE</c> (RFC 8514).</summary>
    SaveDate,

    /// <summary><c>PREVIEW</c> (RFC 8970).</summary>
    Preview,
}

/// <summary>What of a part a section names (RFC 9051 6.4.5.1).</summary>
public enum SectionPart
{
    /// <summary>All of it.</summary>
    Whole,

    /// <summary><c>HEADER</c>.</summary>
    Header,

    /// <summary><c>HEADER.FIELDS</c>.</summary>
    HeaderFields,

    /// <summary><c>HEADER.FIELDS.NOT</c>.</summary>
    HeaderFieldsNot,

    /// <summary><c>TEXT</c>.</summary>
    Text,

    /// <summary><c>MIME</c>.</summary>
    Mime,
}

/// <summary>One thing that a FETCH asks for.</summary>
public sealed class FetchItem
{
    /// <summary>What.</summary>
    public required FetchKind Kind { get; init; }

    /// <summary>How the answer names it: as it was asked, without PEEK and without the count of a partial.</summary>
    public required string Label { get; init; }

    /// <summary>The numbers of the part; empty for the message.</summary>
    public int[] Path { get; init; } = [];

    /// <summary>What of the part.</summary>
    public SectionPart Part { get; init; }

    /// <summary>The names of HEADER.FIELDS, as asked.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>Where a partial begins, in octets; -1 if all is asked for.</summary>
    public long Start { get; init; } = -1;

    /// <summary>Octets of a partial.</summary>
    public long Count { get; init; }

    /// <summary>Whether asking sets <c>\Seen</c>.</summary>
    public bool SetsSeen { get; init; }

    /// <summary>For PREVIEW: whether it may be left out if it takes effort (RFC 8970 3.2).</summary>
    public bool IsLazy { get; init; }

    /// <summary>Whether the message's file has to be opened.</summary>
    public bool NeedsFile => Kind is FetchKind.Envelope or FetchKind.Body or FetchKind.BodyStructure or FetchKind.Section or FetchKind.Binary
        or FetchKind.BinarySize or FetchKind.Preview;

    /// <summary>Whether it tells more than what the fields of the envelope say.</summary>
    public bool NeedsContent => NeedsFile && Kind != FetchKind.Envelope;

    /// <summary>Whether the message's MIME structure has to be known.</summary>
    public bool NeedsStructure => NeedsFile && !(Kind == FetchKind.Section && Path.Length == 0);
}
