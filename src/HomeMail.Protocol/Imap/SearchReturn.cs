namespace HomeMail.Protocol.Imap;

/// <summary>What a search is to give back (RFC 9051 6.4.4).</summary>
[Flags]
public enum SearchItems
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary><c>MIN</c>: the first.</summary>
    Min = 1,

    /// <summary><c>MAX</c>: the last.</summary>
    Max = 2,

    /// <summary><c>ALL</c>.</summary>
    All = 4,

    /// <summary><c>COUNT</c>: how many.</summary>
    Count = 8,

    /// <summary><c>SAVE</c>: keep them as <c>$</c> (RFC 9051 6.4.4.1).</summary>
    Save = 16,

    /// <summary><c>PARTIAL</c>: some (RFC 9394 3.1).</summary>
    Partial = 32,
}

/// <summary>RETURN of SEARCH and SORT.</summary>
/// <param name="Items">What to give back.</param>
/// <param name="Partial">Which of them, for <see cref="SearchItems.Partial"/>.</param>
public readonly record struct SearchReturn(SearchItems Items, PartialRange? Partial = null)
{
    /// <summary>Whether an item is asked for.</summary>
    /// <param name="item">The item.</param>
    public bool Asks(SearchItems item) => (Items & item) != 0;

    /// <summary>Reads the parenthesis behind RETURN.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="returns">What is asked for; ALL where nothing is.</param>
    public static bool TryRead(ref ImapReader reader, out SearchReturn returns)
    {
        returns = default;
        if (!reader.Take('('))
            return false;
        while (!reader.Take(')'))
        {
            reader.Space();
            if (reader.Peek == ')')
                continue;
            var one = reader.Word("MIN"u8) ? SearchItems.Min
                : reader.Word("MAX"u8) ? SearchItems.Max
                : reader.Word("ALL"u8) ? SearchItems.All
                : reader.Word("COUNT"u8) ? SearchItems.Count
                : reader.Word("SAVE"u8) ? SearchItems.Save
                : reader.Word("PARTIAL"u8) ? SearchItems.Partial
                : SearchItems.None;
            var partial = returns.Partial;
            if (one == SearchItems.None
                || (one == SearchItems.Partial && (partial is not null || !reader.Space() || !PartialRange.TryRead(ref reader, out partial))))
                return false;
            returns = new SearchReturn(returns.Items | one, partial);
        }
        if (returns.Items == SearchItems.None)
            returns = new SearchReturn(SearchItems.All);
        // RFC 9394 3.1.
        return !(returns.Asks(SearchItems.All) && returns.Partial is not null);
    }

    /// <summary>Of so many results, the indexes of those that are told one by one, or that <c>$</c> stands for: ascending ranges, the second end left out.</summary>
    /// <param name="count">How many results there are.</param>
    public IEnumerable<(int Start, int End)> Few(int count)
    {
        // With ALL, with COUNT, and with nothing that picks, it is all (RFC 9051 6.4.4.4, RFC 9394 3.2).
        if (count == 0)
            yield break;
        if (Asks(SearchItems.All | SearchItems.Count) || !Asks(SearchItems.Min | SearchItems.Max | SearchItems.Partial))
        {
            yield return (0, count);
            yield break;
        }
        var (start, end) = Partial?.Of(count) ?? (0, 0);
        if (Asks(SearchItems.Min) && (start > 0 || start == end))
            yield return (0, 1);
        if (start < end)
            yield return (start, end);
        if (Asks(SearchItems.Max) && (end < count || start == end) && (count > 1 || !Asks(SearchItems.Min) || start < end))
            yield return (count - 1, count);
    }
}
