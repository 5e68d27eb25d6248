using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Reads structured field values: tokens, quoted strings, comments and parameters (RFC 2045 5.1, RFC 2231), lenient with what is broken.</summary>
internal ref struct ParameterReader(string text)
{
    private const int MaxParameters = 100;
    private readonly string _text = text;
    private int _at;

    /// <summary>Whether all is read.</summary>
    public bool IsAtEnd
    {
        get
        {
            Skip();
            return _at >= _text.Length;
        }
    }

    /// <summary>Takes a character, if it is next.</summary>
    public bool Take(char c)
    {
        Skip();
        if (_at >= _text.Length || _text[_at] != c)
            return false;
        _at++;
        return true;
    }

    /// <summary>Takes a token; empty where there is none.</summary>
    public string Token()
    {
        Skip();
        var start = _at;
        while (_at < _text.Length && IsToken(_text[_at]))
            _at++;
        return _text[start.._at];
    }

    /// <summary>Takes what follows as <c>;name=value</c>.</summary>
    public List<KeyValuePair<string, string>> Parameters()
    {
        var all = new List<KeyValuePair<string, string>>();
        while (!IsAtEnd && all.Count < MaxParameters)
        {
            if (!Take(';'))
            {
                _at++;
                continue;
            }
            var name = Token();
            if (name.Length == 0 || !Take('='))
                continue;
            all.Add(new(name, Value()));
        }
        return Continued(all);
    }

    private string Value()
    {
        Skip();
        if (_at < _text.Length && _text[_at] == '"')
            return Quoted();
        var start = _at;
        // More than tokens: many write / and = and ? without quotes.
        while (_at < _text.Length && _text[_at] is not (';' or ' ' or '\t' or '(' or '"'))
            _at++;
        return _text[start.._at];
    }

    private string Quoted()
    {
        var value = new StringBuilder();
        for (_at++; _at < _text.Length && _text[_at] != '"'; _at++)
        {
            if (_text[_at] == '\\' && _at + 1 < _text.Length)
                _at++;
            value.Append(_text[_at]);
        }
        _at++;
        return value.ToString();
    }

    private void Skip()
    {
        var depth = 0;
        for (; _at < _text.Length; _at++)
        {
            var c = _text[_at];
            if (c == '(')
                depth++;
            else if (depth > 0 && c == ')')
                depth--;
            else if (depth > 0 && c == '\\')
                _at++;
            else if (depth == 0 && c is not (' ' or '\t'))
                return;
        }
    }

    private static bool IsToken(char c) => c > ' ' && c != 127 && !"()<>@,;:\\\"/[]?=".Contains(c);

    // RFC 2231 3 and 4.1: name*0, name*1* and so on are one value, extended (name*) if one of them is.
    private static List<KeyValuePair<string, string>> Continued(List<KeyValuePair<string, string>> all)
    {
        if (!all.Exists(p => p.Key.Contains("*0", StringComparison.Ordinal)))
            return all;
        var result = new List<KeyValuePair<string, string>>();
        foreach (var (key, value) in all)
        {
            var star = key.IndexOf('*', StringComparison.Ordinal);
            var section = star < 0 ? "" : key[(star + 1)..].TrimEnd('*');
            if (section.Length == 0 || !section.All(char.IsAsciiDigit))
                result.Add(new(key, value));
            else if (section == "0")
                result.Add(Join(all, key[..star]));
        }
        return result;
    }

    private static KeyValuePair<string, string> Join(List<KeyValuePair<string, string>> all, string name)
    {
        var value = new StringBuilder();
        var isExtended = false;
        for (var i = 0; i < all.Count; i++)
        {
            var plain = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}*{i}");
            var found = all.FindIndex(p => p.Key.TrimEnd('*').Equals(plain, StringComparison.OrdinalIgnoreCase));
            if (found < 0)
                break;
            isExtended |= all[found].Key.EndsWith('*');
            value.Append(all[found].Value);
        }
        return new(isExtended ? name + "*" : name, value.ToString());
    }
}
