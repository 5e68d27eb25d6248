namespace HomeMail.Server.Imap.Structure;

/// <summary>A message among those to be sorted or threaded.</summary>
/// <param name="Id">Its sequence number or UID: what the answer gives.</param>
/// <param name="Sequence">Its sequence number, which decides between equals (RFC 5256 3).</param>
/// <param name="Summary">Its header.</param>
/// <param name="InternalDate">When it arrived.</param>
/// <param name="Size">In octets.</param>
public sealed record OrderedMessage(uint Id, uint Sequence, HeaderSummary Summary, DateTimeOffset InternalDate, long Size)
{
    /// <summary>The sent date, or the arrival's where there is none (RFC 5256 2.2).</summary>
    public DateTimeOffset SentDate => Summary.Date ?? InternalDate;
}

/// <summary>What SORT sorts by (RFC 5256 3, RFC 5957).</summary>
public enum SortKey
{
    /// <summary>INTERNALDATE.</summary>
    Arrival,

    /// <summary>The first Cc address.</summary>
    Cc,

    /// <summary>The sent date.</summary>
    Date,

    /// <summary>The first From address.</summary>
    From,

    /// <summary>RFC822.SIZE.</summary>
    Size,

    /// <summary>The base subject.</summary>
    Subject,

    /// <summary>The first To address.</summary>
    To,

    /// <summary>The first From's display name.</summary>
    DisplayFrom,

    /// <summary>The first To's display name.</summary>
    DisplayTo,
}

/// <summary>One criterion of SORT.</summary>
/// <param name="Key">What to compare.</param>
/// <param name="IsReverse">Whether REVERSE stands before it.</param>
public readonly record struct SortCriterion(SortKey Key, bool IsReverse);

/// <summary>Compares messages by the criteria of SORT; equal ones by their sequence number, which no REVERSE turns round (RFC 5256 3).</summary>
public sealed class MessageOrder(IReadOnlyList<SortCriterion> criteria) : IComparer<OrderedMessage>
{
    /// <inheritdoc/>
    public int Compare(OrderedMessage? x, OrderedMessage? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        foreach (var criterion in criteria)
        {
            var order = Compare(criterion.Key, x, y);
            if (order != 0)
                return criterion.IsReverse ? -Math.Sign(order) : order;
        }
        return x.Sequence.CompareTo(y.Sequence);
    }

    private static int Compare(SortKey key, OrderedMessage x, OrderedMessage y) => key switch
    {
        SortKey.Arrival => x.InternalDate.CompareTo(y.InternalDate),
        SortKey.Date => x.SentDate.CompareTo(y.SentDate),
        SortKey.Size => x.Size.CompareTo(y.Size),
        SortKey.Cc => Text(x.Summary.Cc, y.Summary.Cc),
        SortKey.From => Text(x.Summary.From, y.Summary.From),
        SortKey.To => Text(x.Summary.To, y.Summary.To),
        SortKey.Subject => Text(x.Summary.Subject, y.Summary.Subject),
        SortKey.DisplayFrom => Text(x.Summary.DisplayFrom, y.Summary.DisplayFrom),
        _ => Text(x.Summary.DisplayTo, y.Summary.DisplayTo),
    };

    private static int Text(string x, string y) => string.Compare(x, y, StringComparison.OrdinalIgnoreCase);
}
