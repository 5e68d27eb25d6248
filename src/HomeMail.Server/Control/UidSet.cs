using System.Globalization;
using System.Text;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Control;

/// <summary>UIDs as a text: <c>1:17,20</c> (RFC 9051 9, <c>sequence-set</c>, without the star).</summary>
public static class UidSet
{
    /// <summary>Writes ranges.</summary>
    /// <param name="ranges">The ranges.</param>
    /// <param name="longest">Characters at most; ranges that do not fit are left out.</param>
    public static string Write(IReadOnlyList<UidRange> ranges, int longest)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var text = new StringBuilder();
        foreach (var (first, last) in ranges)
        {
            var before = text.Length;
            text.Append(before == 0 ? "" : ",").Append(first.ToString(CultureInfo.InvariantCulture));
            if (last != first)
                text.Append(':').Append(last.ToString(CultureInfo.InvariantCulture));
            if (text.Length <= longest)
                continue;
            text.Length = before;
            break;
        }
        return text.ToString();
    }

    /// <summary>Reads ranges.</summary>
    /// <param name="text">The text; empty for none.</param>
    /// <exception cref="ControlRefusal">It is no such text.</exception>
    public static IReadOnlyList<UidRange> Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ranges = new List<UidRange>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = part.IndexOf(':', StringComparison.Ordinal);
            if (!uint.TryParse(colon < 0 ? part : part.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !uint.TryParse(part.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var last) || first == 0 || last < first)
                throw new ControlRefusal($"'{part}' is no range of UIDs");
            ranges.Add(new UidRange(first, last));
        }
        return UidRange.Normalize(ranges);
    }
}
