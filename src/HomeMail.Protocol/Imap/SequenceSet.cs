using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Imap;

/// <summary>
/// Which messages a command means (RFC 9051 9 sequence-set): numbers and ranges in the order given, <c>*</c>, or <c>$</c>, the result of the last
/// SEARCH (RFC 9051 6.4.4.1). Sequence numbers and UIDs are written alike.
/// </summary>
public sealed class SequenceSet
{
    // "*" is kept as 0, which is no number of a message.
    private const uint Last = 0;

    private readonly List<(uint From, uint To)> _ranges = [];

    private SequenceSet(bool isSaved) => IsSaved = isSaved;

    /// <summary>Whether it is <c>$</c>.</summary>
    public bool IsSaved { get; }

    /// <summary>Whether it holds numbers alone: neither <c>*</c> nor <c>$</c>.</summary>
    public bool IsFixed => !IsSaved && !_ranges.Exists(static range => range.From == Last || range.To == Last);

    /// <summary>Reads a set.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="set">The set.</param>
    public static bool TryRead(ref ImapReader reader, out SequenceSet set)
    {
        set = new SequenceSet(reader.Peek == '$');
        if (set.IsSaved)
            return reader.Take('$');
        do
        {
            if (!TryReadNumber(ref reader, out var from))
                return false;
            var to = from;
            if (reader.Take(':') && !TryReadNumber(ref reader, out to))
                return false;
            set._ranges.Add((from, to));
        }
        while (reader.Take(','));
        return true;
    }

    /// <summary>Reads a set that is a whole text, such as a parameter's value.</summary>
    /// <param name="text">The text.</param>
    public static SequenceSet? Parse(string text)
    {
        var reader = new ImapReader(Encoding.ASCII.GetBytes(text));
        return TryRead(ref reader, out var set) && reader.Rest.IsEmpty ? set : null;
    }

    /// <summary>The set as ascending ranges that neither overlap nor touch.</summary>
    /// <param name="highest">What <c>*</c> stands for: the highest number in use; 0 if there is none, and then <c>*</c> is nothing.</param>
    public List<(uint From, uint To)> Resolve(uint highest)
    {
        var sorted = new List<(uint From, uint To)>(_ranges.Count);
        foreach (var (a, b) in _ranges)
        {
            var (from, to) = (a == Last ? highest : a, b == Last ? highest : b);
            // The order of the two does not matter (RFC 9051 9).
            if (from > to)
                (from, to) = (to, from);
            if (to > 0)
                sorted.Add((Math.Max(from, 1), to));
        }
        sorted.Sort(static (left, right) => left.From.CompareTo(right.From));
        var kept = 0;
        for (var i = 1; i < sorted.Count; i++)
        {
            if (sorted[i].From <= (ulong)sorted[kept].To + 1)
                sorted[kept] = (sorted[kept].From, Math.Max(sorted[kept].To, sorted[i].To));
            else
                sorted[++kept] = sorted[i];
        }
        if (sorted.Count > kept + 1)
            sorted.RemoveRange(kept + 1, sorted.Count - kept - 1);
        return sorted;
    }

    /// <summary>The numbers in the order they were given, ranges written out, for the pairs of QRESYNC; at most so many.</summary>
    /// <param name="limit">How many at most.</param>
    public IEnumerable<uint> InOrder(int limit)
    {
        foreach (var (from, to) in _ranges)
            for (var n = (ulong)from; n <= to && limit-- > 0; n++)
                yield return (uint)n;
    }

    /// <summary>Whether a number is meant that is above another: naming a message that is not there is an error for sequence numbers.</summary>
    /// <param name="highest">The highest there is.</param>
    public bool IsBeyond(uint highest)
    {
        foreach (var (from, to) in _ranges)
            if (from > highest || to > highest || (highest == 0 && (from == Last || to == Last)))
                return true;
        return false;
    }

    /// <summary>Writes ranges as a set.</summary>
    /// <param name="ranges">Ascending ranges.</param>
    public static string Format(IEnumerable<(uint From, uint To)> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var text = new StringBuilder();
        foreach (var (from, to) in ranges)
        {
            if (text.Length > 0)
                text.Append(',');
            text.Append(CultureInfo.InvariantCulture, $"{from}");
            if (to != from)
                text.Append(CultureInfo.InvariantCulture, $":{to}");
        }
        return text.ToString();
    }

    /// <summary>Writes numbers as a set, in their order; runs become ranges.</summary>
    /// <param name="numbers">The numbers.</param>
    public static string Format(IReadOnlyList<uint> numbers)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        return Format(Runs(numbers));
    }

    private static IEnumerable<(uint From, uint To)> Runs(IReadOnlyList<uint> numbers)
    {
        for (var i = 0; i < numbers.Count;)
        {
            var start = i++;
            while (i < numbers.Count && numbers[i] == numbers[i - 1] + 1)
                i++;
            yield return (numbers[start], numbers[i - 1]);
        }
    }

    private static bool TryReadNumber(ref ImapReader reader, out uint number)
    {
        number = Last;
        if (reader.Take('*'))
            return true;
        if (!reader.Number(out var value) || value is 0 or > uint.MaxValue)
            return false;
        number = (uint)value;
        return true;
    }
}
