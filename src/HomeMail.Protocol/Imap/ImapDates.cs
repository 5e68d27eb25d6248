using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Imap;

/// <summary>Dates as they stand in IMAP (RFC 9051 9 date, date-time): <c>1-Feb-2024</c>, <c>" 1-Feb-2024 09:05:00 +0100"</c>.</summary>
public static class ImapDates
{
    private static readonly string[] Dates = ["d-MMM-yyyy", "dd-MMM-yyyy"];
    private static readonly string[] Moments = ["d-MMM-yyyy HH:mm:ss zzz", "dd-MMM-yyyy HH:mm:ss zzz"];

    /// <summary>Reads a day, quoted or not.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="date">The day.</param>
    public static bool TryReadDate(ref ImapReader reader, out DateOnly date)
    {
        date = default;
        return reader.AString(out var octets) && octets.Length <= 11
            && DateOnly.TryParseExact(Encoding.ASCII.GetString(octets), Dates, CultureInfo.InvariantCulture, DateTimeStyles.None, out date);
    }

    /// <summary>Reads a moment, which stands in quotes.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="moment">The moment.</param>
    public static bool TryReadMoment(ref ImapReader reader, out DateTimeOffset moment)
    {
        moment = default;
        if (reader.Peek != '"' || !reader.String(out var octets) || octets.Length > 26)
            return false;
        var text = Encoding.ASCII.GetString(octets).TrimStart();
        // The zone has no colon here.
        if (text.Length < 6 || text[^5] is not ('+' or '-'))
            return false;
        return DateTimeOffset.TryParseExact(
            text.Insert(text.Length - 2, ":"), Moments, CultureInfo.InvariantCulture, DateTimeStyles.None, out moment);
    }

    /// <summary>Writes a moment, in UTC and without quotes: <c> 1-Feb-2024 08:05:00 +0000</c>.</summary>
    /// <param name="moment">The moment.</param>
    public static string Format(DateTimeOffset moment)
    {
        var utc = moment.UtcDateTime;
        return string.Create(CultureInfo.InvariantCulture, $"{utc.Day,2}-{utc:MMM-yyyy HH:mm:ss} +0000");
    }
}
