using System.Globalization;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// Reads the dates of mail: that of a From_ line (asctime(3), with or without a zone; RFC 4155) and that of a header field (RFC 5322 3.3, 4.3). The order of
/// the parts is not asked for: each is known by its form.
/// </summary>
internal static class MailDate
{
    private const string Months = "janfebmaraprmayjunjulaugsepoctnovdec";

    // RFC 5322 4.3. A military letter says nothing that can be relied on.
    private static readonly (string Name, int Hours)[] Zones =
        [("UT", 0), ("UTC", 0), ("GMT", 0), ("Z", 0), ("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8), ("PDT", -7)];

    /// <summary>Reads a date; false unless month, day, year and time of day are there. Without a zone it is taken as UTC.</summary>
    /// <param name="text">The text, which may have more words in front.</param>
    /// <param name="date">The date.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out DateTimeOffset date)
    {
        int year = 0, month = 0, day = 0;
        TimeSpan? time = null;
        var zone = TimeSpan.Zero;
        foreach (var range in text.SplitAny(' ', '\t', '\r', '\n', ','))
        {
            var word = text[range];
            if (word.IsEmpty)
                continue;
            if (word[0] == '(')
                break;
            if (word.Length == 3 && Months.IndexOf(new string(word), StringComparison.OrdinalIgnoreCase) is >= 0 and var at && at % 3 == 0)
                month = at / 3 + 1;
            else if (word.Contains(':') && TryTime(word, out var clock))
                time = clock;
            else if (word.Length == 5 && word[0] is '+' or '-' && TryNumber(word[1..], out var offset))
                zone = (word[0] == '-' ? -1 : 1) * new TimeSpan(offset / 100, offset % 100, 0);
            else if (word.Length == 4 && month > 0 && TryNumber(word, out var four))
                year = four;
            else if (word.Length <= 2 && (month > 0 || time is null) && day == 0 && TryNumber(word, out var two))
                day = two;
            else
                zone = ZoneOf(word) ?? zone;
        }
        date = default;
        if (month == 0 || time is null || year is < 1970 or > 9998 || day < 1 || day > DateTime.DaysInMonth(year, month) || zone.Duration() > TimeSpan.FromHours(14))
            return false;
        date = new DateTimeOffset(year, month, day, 0, 0, 0, TimeSpan.Zero) + time.Value - zone;
        return true;
    }

    private static TimeSpan? ZoneOf(ReadOnlySpan<char> word)
    {
        foreach (var (name, hours) in Zones)
            if (word.Equals(name, StringComparison.OrdinalIgnoreCase))
                return TimeSpan.FromHours(hours);
        return null;
    }

    private static bool TryTime(ReadOnlySpan<char> word, out TimeSpan time)
    {
        time = default;
        Span<int> parts = stackalloc int[3];
        var count = 0;
        foreach (var range in word.Split(':'))
            if (count == 3 || word[range].Length is 0 or > 2 || !TryNumber(word[range], out parts[count++]))
                return false;
        // A leap second has the number 60.
        if (count < 2 || parts[0] > 23 || parts[1] > 59 || parts[2] > 60)
            return false;
        time = new TimeSpan(parts[0], parts[1], parts[2]);
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> word, out int number) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
