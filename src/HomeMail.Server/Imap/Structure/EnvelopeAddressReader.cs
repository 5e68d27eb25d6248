using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Reads address fields for ENVELOPE, SORT and SEARCH, lenient: whatever is there gives addresses that can be written (RFC 5322 3.4, 4.4).</summary>
internal sealed class EnvelopeAddressReader
{
    private const int MaxAddresses = 5000;
    private readonly string _text;
    private readonly List<EnvelopeAddress> _addresses = [];
    private readonly StringBuilder _comment = new();
    private int _at;

    private EnvelopeAddressReader(string text) => _text = text;

    /// <summary>The addresses of a field's value.</summary>
    public static IReadOnlyList<EnvelopeAddress> Read(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return [];
        var reader = new EnvelopeAddressReader(value);
        reader.ReadList();
        return reader._addresses;
    }

    private void ReadList()
    {
        var inGroup = false;
        while (_addresses.Count < MaxAddresses)
        {
            Skip();
            if (_at >= _text.Length)
                break;
            var c = _text[_at];
            if (c == ',')
                _at++;
            else if (c == ';')
            {
                _at++;
                if (inGroup)
                    _addresses.Add(new(null, null, null, null));
                inGroup = false;
            }
            else
                ReadOne(ref inGroup);
        }
        if (inGroup)
            _addresses.Add(new(null, null, null, null));
    }

    private void ReadOne(ref bool inGroup)
    {
        _comment.Clear();
        var words = new List<string>();
        var start = _at;
        while (true)
        {
            Skip();
            if (_at >= _text.Length || _text[_at] is ',' or ';')
                break;
            var c = _text[_at];
            if (c == '<')
            {
                ReadAngle(words);
                return;
            }
            if (c == ':' && !inGroup)
            {
                _at++;
                inGroup = true;
                _addresses.Add(new(null, null, string.Join(' ', words), null));
                return;
            }
            if (c == '@')
            {
                _at++;
                ReadPlain(words);
                return;
            }
            if (Word() is { } word)
                words.Add(word);
        }
        if (words.Count == 1)
            Add(null, null, words[0], null);
        else if (words.Count > 1)
            Add(string.Join(' ', words), null, null, null);
        else if (_at == start)
            _at++;
    }

    private void ReadPlain(List<string> words)
    {
        var local = string.Concat(words);
        var host = Host();
        Skip();
        Add(_comment.Length > 0 ? _comment.ToString() : null, null, local, host);
        SkipToSeparator();
    }

    private void ReadAngle(List<string> words)
    {
        _at++;
        var name = words.Count > 0 ? string.Join(' ', words) : null;
        string? route = null;
        Skip();
        if (_at < _text.Length && _text[_at] == '@')
        {
            var start = _at;
            var colon = _text.IndexOf(':', _at);
            var close = _text.IndexOf('>', _at);
            if (colon > 0 && (close < 0 || colon < close))
            {
                route = string.Concat(_text[start..colon].Where(c => c is not (' ' or '\t')));
                _at = colon + 1;
            }
        }
        var local = new StringBuilder();
        string? host = null;
        while (true)
        {
            Skip();
            if (_at >= _text.Length || _text[_at] == '>')
                break;
            if (_text[_at] == '@')
            {
                _at++;
                host = Host();
            }
            else if (Word() is { } word && host is null)
                local.Append(word);
        }
        if (_at < _text.Length)
            _at++;
        Skip();
        if (name is null && _comment.Length > 0)
            name = _comment.ToString();
        Add(name, route, local.ToString(), host);
        SkipToSeparator();
    }

    private void Add(string? name, string? route, string? mailbox, string? host) => _addresses.Add(new(
        string.IsNullOrEmpty(name) ? null : name,
        route,
        string.IsNullOrEmpty(mailbox) ? EnvelopeAddress.MissingMailbox : mailbox,
        string.IsNullOrEmpty(host) ? EnvelopeAddress.MissingHost : host));

    private void SkipToSeparator()
    {
        while (true)
        {
            Skip();
            if (_at >= _text.Length || _text[_at] is ',' or ';')
                return;
            if (Word() is null)
                _at++;
        }
    }

    private string Host()
    {
        var host = new StringBuilder();
        while (true)
        {
            Skip();
            if (_at >= _text.Length || _text[_at] is ',' or ';' or '>' or '<')
                return host.ToString();
            if (host.Length > 0 && host[^1] != '.' && _text[_at] != '.')
                return host.ToString();
            if (_text[_at] == '[')
            {
                var end = _text.IndexOf(']', _at);
                end = end < 0 ? _text.Length : end + 1;
                host.Append(_text, _at, end - _at);
                _at = end;
                return host.ToString();
            }
            host.Append(_text[_at++]);
            while (_at < _text.Length && _text[_at] is not (',' or ';' or '>' or '<' or ' ' or '\t' or '(' or '.'))
                host.Append(_text[_at++]);
        }
    }

    // An atom with its dots, or a quoted string without its quotes; null where a stray special was stepped over.
    private string? Word()
    {
        if (_text[_at] == '"')
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
        var start = _at;
        while (_at < _text.Length && _text[_at] is not (' ' or '\t' or '(' or ')' or '<' or '>' or '@' or ',' or ';' or ':' or '"'))
            _at++;
        if (_at > start)
            return _text[start.._at];
        _at++;
        return null;
    }

    private void Skip()
    {
        var depth = 0;
        for (; _at < _text.Length; _at++)
        {
            var c = _text[_at];
            if (c == '(')
            {
                if (depth++ == 0)
                {
                    _comment.Clear();
                    continue;
                }
            }
            else if (depth > 0 && c == ')' && --depth == 0)
                continue;
            else if (depth == 0 && c is not (' ' or '\t'))
                return;
            else if (depth > 0 && c == '\\' && _at + 1 < _text.Length)
                c = _text[++_at];
            if (depth > 0)
                _comment.Append(c);
        }
    }
}
