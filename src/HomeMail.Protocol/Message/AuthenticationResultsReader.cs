using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>One result in an Authentication-Results or ARC-Authentication-Results field.</summary>
/// <param name="Method">The method in lower case, without a version.</param>
/// <param name="Result">The result in lower case.</param>
/// <param name="Comment">The comment behind the result, or null.</param>
/// <param name="Properties">The properties as <c>ptype.property</c> in lower case, with their values unquoted; <c>reason</c> is among them.</param>
public sealed record MethodResult(string Method, string Result, string? Comment, IReadOnlyList<(string Name, string Value)> Properties)
{
    /// <summary>The value of a property, or null.</summary>
    /// <param name="name">Its name.</param>
    public string? Property(string name)
    {
        foreach (var (known, value) in Properties)
            if (known == name)
                return value;
        return null;
    }
}

/// <summary>
/// Reads the value of an Authentication-Results field (RFC 8601 2.2). What is found in it is a claim of whoever has written it; whose word counts is
/// decided elsewhere.
/// </summary>
public static class AuthenticationResultsReader
{
    private const int MaxResults = 64;
    private const int MaxProperties = 32;
    private const int MaxLength = 32 * 1024;

    /// <summary>Reads a value.</summary>
    /// <param name="value">The value, folded or not, without an instance (RFC 8617 4.1.1).</param>
    /// <param name="serviceId">The authserv-id, unquoted.</param>
    /// <param name="results">The results; none for <c>none</c>.</param>
    /// <returns>False if it is not well-formed: then nothing in it counts.</returns>
    public static bool TryRead(ReadOnlySpan<byte> value, [NotNullWhen(true)] out string? serviceId, out IReadOnlyList<MethodResult> results)
    {
        serviceId = null;
        var found = new List<MethodResult>();
        results = found;
        if (value.Length > MaxLength)
            return false;
        var text = new Scanner(Encoding.UTF8.GetString(value));
        if (!text.TrySkip(out _) || !text.TryValue(out var id) || id.Length == 0)
            return false;
        if (!text.TrySkip(out _))
            return false;
        // authres-version: digits.
        if (!text.IsAtEnd && text.Current != ';' && (!text.TryValue(out var version) || !version.AsSpan().ContainsOnlyDigits() || !text.TrySkip(out _)))
            return false;
        while (!text.IsAtEnd)
        {
            if (!text.Take(';') || !text.TrySkip(out _))
                return false;
            if (text.IsAtEnd)
                break; // a semicolon at the end is seen often
            if (!TryReadResult(ref text, out var result))
                return false;
            if (result is not null && found.Count < MaxResults)
                found.Add(result);
        }
        serviceId = id;
        return true;
    }

    // methodspec [CFWS reasonspec] *(CFWS propspec); null for "none".
    private static bool TryReadResult(ref Scanner text, out MethodResult? result)
    {
        result = null;
        if (!text.TryKey(out var method) || method[0] == '/' || !text.TrySkip(out _))
            return false;
        if (text.IsAtEnd || text.Current == ';')
            return method == "none";
        if (!text.Take('=') || !text.TrySkip(out _) || !text.TryValue(out var outcome) || !text.TrySkip(out var comment))
            return false;
        var properties = new List<(string, string)>();
        while (!text.IsAtEnd && text.Current != ';')
        {
            if (!text.TryKey(out var name) || !text.TrySkip(out _) || !text.Take('=') || !text.TrySkip(out _) || !text.TryValue(out var value)
                || !text.TrySkip(out _))
                return false;
            if (properties.Count < MaxProperties)
                properties.Add((name, value));
        }
        var slash = method.IndexOf('/', StringComparison.Ordinal);
        result = new MethodResult(slash < 0 ? method : method[..slash], outcome.ToLowerInvariant(), comment, properties);
        return true;
    }

    private static bool ContainsOnlyDigits(this ReadOnlySpan<char> text) => text.IndexOfAnyExceptInRange('0', '9') < 0;

    private ref struct Scanner(string text)
    {
        private readonly string _text = text;
        private int _at;

        public readonly bool IsAtEnd => _at >= _text.Length;

        public readonly char Current => _text[_at];

        public bool Take(char c)
        {
            if (IsAtEnd || Current != c)
                return false;
            _at++;
            return true;
        }

        // CFWS (RFC 5322 3.2.2); the first comment's text is given out. False if a comment is not closed.
        public bool TrySkip(out string? comment)
        {
            comment = null;
            var depth = 0;
            var start = 0;
            for (; _at < _text.Length; _at++)
            {
                var c = _text[_at];
                if (c == '(')
                {
                    if (depth++ == 0)
                        start = _at + 1;
                }
                else if (depth > 0 && c == ')')
                {
                    if (--depth == 0)
                        comment ??= _text[start.._at];
                }
                else if (depth > 0 && c == '\\')
                {
                    _at++;
                }
                else if (depth == 0 && c is not (' ' or '\t' or '\r' or '\n'))
                {
                    return true;
                }
            }
            _at = _text.Length;
            return depth == 0;
        }

        // A method with its version, a ptype with its property; white space around the dot is not known to occur.
        public bool TryKey(out string key)
        {
            var start = _at;
            while (!IsAtEnd && (char.IsAsciiLetterOrDigit(Current) || Current is '-' or '_' or '.' or '/'))
                _at++;
            key = _text[start.._at].ToLowerInvariant();
            return key.Length > 0;
        }

        // A token, an address, or a quoted string; tokens are taken more widely than RFC 2045 has them, as writers do.
        public bool TryValue(out string value)
        {
            value = "";
            if (IsAtEnd)
                return false;
            if (Current != '"')
            {
                var start = _at;
                while (!IsAtEnd && Current is not (' ' or '\t' or '\r' or '\n' or ';' or '(' or ')' or '"'))
                    _at++;
                value = _text[start.._at];
                return value.Length > 0;
            }
            var unquoted = new StringBuilder();
            for (_at++; !IsAtEnd && Current != '"'; _at++)
            {
                if (Current == '\\' && ++_at >= _text.Length)
                    return false;
                unquoted.Append(Current);
            }
            if (!Take('"'))
                return false;
            // A quoted local part has its domain behind it.
            if (!IsAtEnd && Current == '@' && TryValue(out var domain))
                unquoted.Append(domain);
            value = unquoted.ToString();
            return true;
        }
    }
}
