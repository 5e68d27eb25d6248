namespace HomeMail.Protocol.Imap;

/// <summary>What a search key compares (RFC 9051 6.4.4).</summary>
public enum SearchKind
{
    /// <summary>Any message.</summary>
    All,

    /// <summary>No message: <c>RECENT</c> and <c>NEW</c>, which this server never gives.</summary>
    None,

    /// <summary>All of <see cref="SearchKey.Keys"/>.</summary>
    And,

    /// <summary>One of two keys.</summary>
    Or,

    /// <summary>Not the one key.</summary>
    Not,

    /// <summary>Sequence numbers.</summary>
    Numbers,

    /// <summary><c>UID</c>.</summary>
    Uids,

    /// <summary>A flag or keyword by <see cref="SearchKey.Text"/>, with its backslash.</summary>
    Flag,

    /// <summary>INTERNALDATE by <see cref="SearchKey.Date"/>.</summary>
    Date,

    /// <summary>The Date field by <see cref="SearchKey.Date"/>.</summary>
    SentDate,

    /// <summary>When it was saved (RFC 8514).</summary>
    SavedDate,

    /// <summary><c>LARGER</c>.</summary>
    Larger,

    /// <summary><c>SMALLER</c>.</summary>
    Smaller,

    /// <summary><c>OLDER</c>, in seconds (RFC 5032).</summary>
    Older,

    /// <summary><c>YOUNGER</c>, in seconds.</summary>
    Younger,

    /// <summary>A field by <see cref="SearchKey.Field"/>; an empty text asks whether it is there.</summary>
    Header,

    /// <summary><c>BODY</c>.</summary>
    Body,

    /// <summary><c>TEXT</c>: header and body.</summary>
    Text,

    /// <summary><c>MODSEQ</c> (RFC 7162 3.1.5).</summary>
    ModSeq,

    /// <summary><c>EMAILID</c> (RFC 8474).</summary>
    EmailId,
}

/// <summary>How a date is compared.</summary>
public enum DateRelation
{
    /// <summary>Before the day.</summary>
    Before,

    /// <summary>On the day.</summary>
    On,

    /// <summary>On the day or later.</summary>
    Since,
}

/// <summary>A search key, with the keys it is made of.</summary>
public sealed class SearchKey
{
    /// <summary>What is compared.</summary>
    public required SearchKind Kind { get; init; }

    /// <summary>The keys of <see cref="SearchKind.And"/>, <see cref="SearchKind.Or"/>, <see cref="SearchKind.Not"/>.</summary>
    public IReadOnlyList<SearchKey> Keys { get; init; } = [];

    /// <summary>The messages of <see cref="SearchKind.Numbers"/> and <see cref="SearchKind.Uids"/>.</summary>
    public SequenceSet? Set { get; init; }

    /// <summary>The text or flag to find.</summary>
    public string Text { get; init; } = "";

    /// <summary>The field's name.</summary>
    public string Field { get; init; } = "";

    /// <summary>The day.</summary>
    public DateOnly Date { get; init; }

    /// <summary>How the day is compared.</summary>
    public DateRelation Relation { get; init; }

    /// <summary>Octets, seconds, or a mod-sequence.</summary>
    public long Number { get; init; }

    /// <summary>Whether this key or one below it asks for a mod-sequence.</summary>
    public bool AsksModSeq => Kind == SearchKind.ModSeq || Keys.Any(static key => key.AsksModSeq);

    /// <summary>How dear it is to decide: 0 from memory, 1 from the header, 2 from the body.</summary>
    public int Cost => Kind switch
    {
        SearchKind.Header or SearchKind.SentDate => 1,
        SearchKind.Body or SearchKind.Text => 2,
        _ => Keys.Count == 0 ? 0 : Keys.Max(static key => key.Cost),
    };
}
