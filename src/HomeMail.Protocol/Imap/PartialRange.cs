using System.Globalization;

namespace HomeMail.Protocol.Imap;

/// <summary>Which of the results PARTIAL asks for (RFC 9394 4): <c>1:100</c> counts from the first, <c>-1:-100</c> from the last.</summary>
/// <param name="From">The nearer end, from 1.</param>
/// <param name="To">The farther end.</param>
/// <param name="IsFromLast">Whether it counts from the last.</param>
/// <param name="Text">As it was asked, since the answer names it.</param>
public sealed record PartialRange(uint From, uint To, bool IsFromLast, string Text)
{
    /// <summary>Reads a range.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="range">The range.</param>
    public static bool TryRead(ref ImapReader reader, out PartialRange? range)
    {
        range = null;
        var isFromLast = reader.Take('-');
        if (!TryReadNumber(ref reader, out var one) || !reader.Take(':') || reader.Take('-') != isFromLast || !TryReadNumber(ref reader, out var other))
            return false;
        var sign = isFromLast ? "-" : "";
        range = new PartialRange(
            Math.Min(one, other), Math.Max(one, other), isFromLast, string.Create(CultureInfo.InvariantCulture, $"{sign}{one}:{sign}{other}"));
        return true;
    }

    /// <summary>Which of so many results are meant: from the first index, to before the second.</summary>
    /// <param name="count">How many results there are.</param>
    public (int Start, int End) Of(int count)
    {
        // Counted from 1, up to and with the end.
        var near = (int)Math.Min(From - 1, (uint)count);
        var far = (int)Math.Min(To, (uint)count);
        return IsFromLast ? (count - far, count - near) : (near, far);
    }

    private static bool TryReadNumber(ref ImapReader reader, out uint number)
    {
        number = 0;
        if (!reader.Number(out var value) || value is 0 or > uint.MaxValue)
            return false;
        number = (uint)value;
        return true;
    }
}
