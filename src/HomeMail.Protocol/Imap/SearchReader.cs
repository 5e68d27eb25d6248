using System.Text;

namespace HomeMail.Protocol.Imap;

/// <summary>How the reading of a search ended.</summary>
public enum SearchSyntax
{
    /// <summary>It is a search.</summary>
    Right,

    /// <summary>It is none.</summary>
    Wrong,

    /// <summary>Its charset is not known here (BADCHARSET).</summary>
    UnknownCharset,
}

/// <summary>Reads search keys (RFC 9051 9 search-program, RFC 5032, RFC 7162, RFC 8474, RFC 8514). Depth and number are bounded.</summary>
public static class SearchReader
{
    private const int MaxDepth = 20;
    private const int MaxKeys = 1000;

    /// <summary>Reads CHARSET and the keys to the end of the command.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="key">The keys as one.</param>
    public static SearchSyntax TryRead(ref ImapReader reader, out SearchKey key)
    {
        key = new SearchKey { Kind = SearchKind.All };
        if (reader.Word("CHARSET"u8))
        {
            if (!reader.Space() || !reader.AText(out var charset) || !reader.Space())
                return SearchSyntax.Wrong;
            if (!IsKnown(charset))
                return SearchSyntax.UnknownCharset;
        }
        var left = MaxKeys;
        return TryReadAll(ref reader, MaxDepth, ref left, out key) && reader.IsAtEnd ? SearchSyntax.Right : SearchSyntax.Wrong;
    }

    /// <summary>Whether a charset of SEARCH, SORT and THREAD is known: US-ASCII or UTF-8.</summary>
    /// <param name="charset">Its name.</param>
    public static bool IsKnown(string charset) =>
        charset.Equals("UTF-8", StringComparison.OrdinalIgnoreCase) || charset.Equals("US-ASCII", StringComparison.OrdinalIgnoreCase);

    private static bool TryReadAll(ref ImapReader reader, int depth, ref int left, out SearchKey all)
    {
        var keys = new List<SearchKey>();
        all = new SearchKey { Kind = SearchKind.And, Keys = keys };
        do
        {
            reader.Space();
            if (keys.Count > 0 && reader.IsAtEnd)
                break;
            if (!TryReadKey(ref reader, depth, ref left, out var key))
                return false;
            keys.Add(key!);
        }
        while (reader.Peek == ' ');
        if (keys.Count == 1)
            all = keys[0];
        return true;
    }

    private static bool TryReadKey(ref ImapReader reader, int depth, ref int left, out SearchKey? key)
    {
        key = null;
        if (depth == 0 || left-- == 0)
            return false;
        if (reader.Take('('))
            return TryReadAll(ref reader, depth - 1, ref left, out key) && reader.Take(')');
        if (reader.Peek is (byte)'*' or (byte)'$' or (>= (byte)'0' and <= (byte)'9'))
        {
            if (!SequenceSet.TryRead(ref reader, out var numbers))
                return false;
            key = new SearchKey { Kind = SearchKind.Numbers, Set = numbers };
            return true;
        }
        if (!reader.Atom(out var atom) || atom.Length > 20)
            return false;
        var name = Encoding.ASCII.GetString(atom).ToUpperInvariant();
        switch (name)
        {
            case "ALL" or "OLD":
                key = new SearchKey { Kind = SearchKind.All };
                return true;
            case "NEW" or "RECENT":
                key = new SearchKey { Kind = SearchKind.None };
                return true;
            case "NOT":
                if (!reader.Space() || !TryReadKey(ref reader, depth - 1, ref left, out var not))
                    return false;
                key = new SearchKey { Kind = SearchKind.Not, Keys = [not!] };
                return true;
            case "OR":
                if (!reader.Space() || !TryReadKey(ref reader, depth - 1, ref left, out var one) || !reader.Space()
                    || !TryReadKey(ref reader, depth - 1, ref left, out var other))
                    return false;
                key = new SearchKey { Kind = SearchKind.Or, Keys = [one!, other!] };
                return true;
            case "UID":
                if (!reader.Space() || !SequenceSet.TryRead(ref reader, out var uids))
                    return false;
                key = new SearchKey { Kind = SearchKind.Uids, Set = uids };
                return true;
            case "SAVEDATESUPPORTED":
                key = new SearchKey { Kind = SearchKind.All };
                return true;
            default:
                key = ReadFlag(name) ?? ReadDate(ref reader, name) ?? ReadNumber(ref reader, name) ?? ReadText(ref reader, name);
                return key is not null;
        }
    }

    private static SearchKey? ReadFlag(string name)
    {
        var isNot = name.StartsWith("UN", StringComparison.Ordinal) && name is not "UNKEYWORD";
        var flag = (isNot ? name[2..] : name) switch
        {
            "SEEN" => "\\Seen",
            "ANSWERED" => "\\Answered",
            "FLAGGED" => "\\Flagged",
            "DELETED" => "\\Deleted",
            "DRAFT" => "\\Draft",
            _ => null,
        };
        if (flag is null)
            return null;
        var key = new SearchKey { Kind = SearchKind.Flag, Text = flag };
        return isNot ? new SearchKey { Kind = SearchKind.Not, Keys = [key] } : key;
    }

    private static SearchKey? ReadDate(ref ImapReader reader, string name)
    {
        var kind = name.StartsWith("SENT", StringComparison.Ordinal) ? SearchKind.SentDate : name.StartsWith("SAVED", StringComparison.Ordinal) ? SearchKind.SavedDate : SearchKind.Date;
        DateRelation? relation = name[(kind == SearchKind.SentDate ? 4 : kind == SearchKind.SavedDate ? 5 : 0)..] switch
        {
            "BEFORE" => DateRelation.Before,
            "ON" => DateRelation.On,
            "SINCE" => DateRelation.Since,
            _ => null,
        };
        return relation is not null && reader.Space() && ImapDates.TryReadDate(ref reader, out var date)
            ? new SearchKey { Kind = kind, Relation = relation.Value, Date = date } : null;
    }

    private static SearchKey? ReadNumber(ref ImapReader reader, string name)
    {
        SearchKind? kind = name switch
        {
            "LARGER" => SearchKind.Larger,
            "SMALLER" => SearchKind.Smaller,
            "OLDER" => SearchKind.Older,
            "YOUNGER" => SearchKind.Younger,
            "MODSEQ" => SearchKind.ModSeq,
            _ => null,
        };
        if (kind is null || !reader.Space())
            return null;
        // The flag and the kind of metadata that MODSEQ may name: here a message has one mod-sequence for all (RFC 7162 3.1.5).
        if (kind == SearchKind.ModSeq && reader.Peek == '"'
            && (!reader.String(out _) || !reader.Space() || !reader.Atom(out _) || !reader.Space()))
            return null;
        return reader.Number(out var number) && (number > 0 || kind is not (SearchKind.Older or SearchKind.Younger))
            ? new SearchKey { Kind = kind.Value, Number = number } : null;
    }

    private static SearchKey? ReadText(ref ImapReader reader, string name)
    {
        if (!reader.Space())
            return null;
        if (name is "KEYWORD" or "UNKEYWORD")
        {
            // Of a system flag there are keys by name.
            if (!reader.Flag(out var flag) || flag[0] == '\\')
                return null;
            var key = new SearchKey { Kind = SearchKind.Flag, Text = Encoding.ASCII.GetString(flag) };
            return name == "KEYWORD" ? key : new SearchKey { Kind = SearchKind.Not, Keys = [key] };
        }
        var field = name switch { "FROM" or "TO" or "CC" or "BCC" or "SUBJECT" => name, _ => "" };
        if (name == "HEADER" && (!reader.AText(out field) || !reader.Space()))
            return null;
        if (!reader.AText(out var text))
            return null;
        SearchKind? kind = name switch
        {
            "FROM" or "TO" or "CC" or "BCC" or "SUBJECT" or "HEADER" => SearchKind.Header,
            "BODY" => SearchKind.Body,
            "TEXT" => SearchKind.Text,
            "EMAILID" => SearchKind.EmailId,
            // This server knows no threads by identifier, and answers NIL where they are asked for.
            "THREADID" => SearchKind.None,
            _ => null,
        };
        return kind is null ? null : new SearchKey { Kind = kind.Value, Field = field, Text = text };
    }
}
