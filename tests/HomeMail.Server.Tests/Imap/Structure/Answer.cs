using System.Globalization;
using System.Text;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>An answer taken apart: lists, strings (text), numbers (long) and NIL (null).</summary>
internal static class Answer
{
    /// <summary>Takes apart what <see cref="GoldenStructureTests.Plain"/> gave: one list, no literals.</summary>
    public static List<object?> Parse(string text)
    {
        var at = 0;
        var list = (List<object?>)Value(text, ref at)!;
        return at == text.Length ? list : throw new FormatException($"more than one list: {text}");
    }

    /// <summary>Whether two values are the same, all the way down.</summary>
    public static bool AreSame(object? one, object? other) => one is List<object?> x && other is List<object?> y
        ? x.Count == y.Count && Enumerable.Range(0, x.Count).All(i => AreSame(x[i], y[i]))
        : Equals(one, other);

    /// <summary>A value, to be read by people.</summary>
    public static string Show(object? value) => value switch
    {
        null => "NIL",
        List<object?> list => $"({ShowAll(list)})",
        string text => $"\"{text}\"",
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    /// <summary>Values one after the other, to be read by people.</summary>
    public static string ShowAll(IEnumerable<object?> values) => string.Join(' ', values.Select(Show));

    private static object? Value(string text, ref int at)
    {
        switch (text[at])
        {
            case '(':
                at++;
                var list = new List<object?>();
                while (text[at] != ')')
                {
                    if (text[at] == ' ')
                        at++;
                    else
                        list.Add(Value(text, ref at));
                }
                at++;
                return list;
            case '"':
                var value = new StringBuilder();
                for (at++; text[at] != '"'; at++)
                    value.Append(text[at] == '\\' ? text[++at] : text[at]);
                at++;
                return value.ToString();
            default:
                var start = at;
                while (at < text.Length && char.IsAsciiLetterOrDigit(text[at]))
                    at++;
                return text[start..at] == "NIL" ? null : long.Parse(text.AsSpan(start, at - start), CultureInfo.InvariantCulture);
        }
    }
}
