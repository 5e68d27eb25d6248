using System.Globalization;
using System.Text;
using System.Text.Json;

namespace HomeMail.Cli;

/// <summary>Numbers and times as people read them, and texts of strangers made harmless for a terminal.</summary>
internal static class Words
{
    /// <summary>A text without control characters: what a stranger wrote must not steer the terminal.</summary>
    /// <param name="text">The text.</param>
    public static string Printable(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (var c in text)
            printable.Append(char.IsControl(c) || c is '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069') ? '?' : c);
        return printable.ToString();
    }

    /// <summary>Octets: <c>812</c>, <c>4.1k</c>, <c>25M</c>.</summary>
    /// <param name="octets">How many.</param>
    public static string Size(long octets)
    {
        var value = (double)octets;
        var unit = 0;
        while (value >= 1000 && unit < 4)
        {
            value /= 1024;
            unit++;
        }
        return unit == 0
            ? octets.ToString(CultureInfo.InvariantCulture)
            : value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + "kMGT"[unit - 1];
    }

    /// <summary>A span of time in one unit: <c>45s</c>, <c>12m</c>, <c>3h</c>, <c>5d</c>.</summary>
    /// <param name="span">The span.</param>
    public static string Span(TimeSpan span)
    {
        var seconds = Math.Max(0, (long)span.TotalSeconds);
        var (number, unit) = seconds < 120 ? (seconds, 's') : seconds < 7200 ? (seconds / 60, 'm') : seconds < 172_800 ? (seconds / 3600, 'h') : (seconds / 86_400, 'd');
        return string.Create(CultureInfo.InvariantCulture, $"{number}{unit}");
    }

    /// <summary>A time in UTC, to the second.</summary>
    /// <param name="time">The time.</param>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>One thing, or several.</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">The word for one.</param>
    public static string Count(long count, string one) => string.Create(CultureInfo.InvariantCulture, $"{count} {one}{(count == 1 ? "" : "s")}");

    /// <summary>A text property, made harmless; empty if it is not there.</summary>
    /// <param name="line">The object.</param>
    /// <param name="name">The property.</param>
    public static string Text(this JsonElement line, string name) =>
        line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? Printable(value.GetString()!) : "";

    /// <summary>A number property; 0 if it is not there.</summary>
    /// <param name="line">The object.</param>
    /// <param name="name">The property.</param>
    public static long Number(this JsonElement line, string name) =>
        line.TryGetProperty(name, out var value) && value.TryGetInt64(out var number) ? number : 0;

    /// <summary>Whether a property is true.</summary>
    /// <param name="line">The object.</param>
    /// <param name="name">The property.</param>
    public static bool IsTrue(this JsonElement line, string name) => line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    /// <summary>A time property, or null.</summary>
    /// <param name="line">The object.</param>
    /// <param name="name">The property.</param>
    public static DateTimeOffset? When(this JsonElement line, string name) =>
        line.TryGetProperty(name, out var value) && value.TryGetDateTimeOffset(out var time) ? time : null;
}
