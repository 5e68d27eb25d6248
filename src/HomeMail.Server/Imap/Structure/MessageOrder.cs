namespace HomeMail.Server.Imap.Structure;

/// <summary>A message among those to be sorted or threaded.</summary>
/// <param name="Id">Its sequence number or UID: what the answer gives.</param>
/// <param name="Sequence">Its sequence number, which decides between equals (RFC 5256 3).</param>
/// <param name="Summary">Its header.</param>
/// <param name="InternalDate">When it arrived.</param>
/// <param name="Size">In octets.</param>
public readonly record struct OrderedMessage(uint Id, uint Sequence, HeaderSummary Summary, DateTimeOffset InternalDate, long Size)
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

/// <summary>
/// Messages to be sorted by the criteria of SORT; equal ones come by their sequence number, which no REVERSE turns round (RFC 5256 3). Of a message
/// there are 12 octets here and 8 for each criterion, and of texts the octets by which they are compared.
/// </summary>
/// <param name="criteria">By what to sort.</param>
/// <param name="capacity">How many messages there will be.</param>
public sealed class MessageOrder(IReadOnlyList<SortCriterion> criteria, int capacity) : IComparer<int>
{
    private readonly uint[] _ids = new uint[capacity];
    private readonly uint[] _sequences = new uint[capacity];
    private readonly long[] _keys = new long[capacity * criteria.Count];
    private readonly TextKeys _texts = new();
    private int _count;

    /// <summary>What of each message's header is needed.</summary>
    public SummaryParts Wanted { get; } = criteria.Aggregate(SummaryParts.None, static (parts, criterion) => parts | criterion.Key switch
    {
        SortKey.Date => SummaryParts.Date,
        SortKey.Subject => SummaryParts.Subject,
        SortKey.From or SortKey.DisplayFrom => SummaryParts.From,
        SortKey.To or SortKey.DisplayTo => SummaryParts.To,
        SortKey.Cc => SummaryParts.Cc,
        _ => SummaryParts.None,
    });

    /// <summary>Adds a message; not more of them than there is room for.</summary>
    public void Add(in OrderedMessage message)
    {
        _ids[_count] = message.Id;
        _sequences[_count] = message.Sequence;
        for (var i = 0; i < criteria.Count; i++)
            _keys[(_count * criteria.Count) + i] = Key(criteria[i].Key, message);
        _count++;
    }

    /// <summary>The messages' ids in their order.</summary>
    public uint[] Sorted()
    {
        var order = new int[_count];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        order.AsSpan().Sort(this);
        return Array.ConvertAll(order, at => _ids[at]);
    }

    /// <inheritdoc/>
    public int Compare(int x, int y)
    {
        for (var i = 0; i < criteria.Count; i++)
        {
            var (first, second) = (_keys[(x * criteria.Count) + i], _keys[(y * criteria.Count) + i]);
            var order = criteria[i].Key is SortKey.Arrival or SortKey.Date or SortKey.Size ? first.CompareTo(second) : _texts.Compare(first, second);
            if (order != 0)
                return criteria[i].IsReverse ? -Math.Sign(order) : order;
        }
        return _sequences[x].CompareTo(_sequences[y]);
    }

    private long Key(SortKey key, in OrderedMessage message) => key switch
    {
        SortKey.Arrival => message.InternalDate.UtcTicks,
        SortKey.Date => message.SentDate.UtcTicks,
        SortKey.Size => message.Size,
        SortKey.Cc => _texts.Add(message.Summary.Cc),
        SortKey.From => _texts.Add(message.Summary.From),
        SortKey.To => _texts.Add(message.Summary.To),
        SortKey.Subject => _texts.Add(message.Summary.Subject),
        SortKey.DisplayFrom => _texts.Add(message.Summary.DisplayFrom),
        _ => _texts.Add(message.Summary.DisplayTo),
    };
}
