using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>
/// Composes an Authentication-Results field (RFC 8601 2.2). Values come from strangers: each is a token, an address of dot-atoms, or a quoted
/// string of printable ASCII, bounded in length; nothing can end its value, its comment or the field.
/// </summary>
/// <param name="serviceId">The authserv-id: our name.</param>
public sealed class AuthenticationResults(string serviceId)
{
    private const int MaxValue = 255;

    private readonly StringBuilder _results = new(256);

    /// <summary>Adds a result.</summary>
    /// <param name="method">The method: <c>spf</c>, <c>dkim</c>, <c>dmarc</c>, <c>arc</c>, <c>iprev</c>, <c>auth</c>.</param>
    /// <param name="result">The result, as the registry names it.</param>
    /// <param name="reason">Why, in words; null for none.</param>
    /// <param name="comment">A comment; null for none.</param>
    /// <param name="properties">Properties such as <c>smtp.mailfrom</c>, with their values; null values are left out.</param>
    /// <returns>This.</returns>
    public AuthenticationResults Add(
        string method, string result, string? reason = null, string? comment = null, params ReadOnlySpan<(string Name, string? Value)> properties)
    {
        _results.Append(";\r\n ").Append(method).Append('=').Append(result);
        if (comment is not null)
            AppendComment(comment);
        if (reason is not null)
        {
            _results.Append(comment is null ? " reason=" : "\r\n  reason=");
            AppendQuoted(Printable(reason));
        }
        foreach (var (name, value) in properties)
        {
            if (value is null)
                continue;
            _results.Append("\r\n  ").Append(name).Append('=');
            AppendValue(Printable(value));
        }
        return this;
    }

    /// <summary>The field, folded, with CRLF at its end. Without results it says <c>none</c>.</summary>
    public override string ToString()
    {
        var results = _results.Length == 0 ? "; none" : _results.ToString();
        return $"Authentication-Results: {serviceId}{results}\r\n";
    }

    // pvalue: a token, or [local-part] "@" domain, or a quoted string.
    private void AppendValue(string value)
    {
        var at = value.LastIndexOf('@');
        if (at < 0 ? IsToken(value) : (at == 0 || IsToken(value.AsSpan(0, at))) && IsToken(value.AsSpan(at + 1)))
            _results.Append(value);
        else
            AppendQuoted(value);
    }

    private void AppendQuoted(string value)
    {
        _results.Append('"');
        foreach (var c in value)
            (c is '"' or '\\' ? _results.Append('\\') : _results).Append(c);
        _results.Append('"');
    }

    private void AppendComment(string text)
    {
        _results.Append(" (");
        foreach (var c in Printable(text))
            (c is '(' or ')' or '\\' ? _results.Append('\\') : _results).Append(c);
        _results.Append(')');
    }

    // RFC 2045 5.1, less what some readers trip over.
    private static bool IsToken(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && !"!#$%&*+-._^{}~".Contains(c, StringComparison.Ordinal))
                return false;
        return text.Length > 0;
    }

    private static string Printable(string text) =>
        string.Create(Math.Min(text.Length, MaxValue), text, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = from[i] is >= ' ' and < '\x7f' ? from[i] : '?';
        });
}
