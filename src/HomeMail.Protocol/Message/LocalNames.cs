using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>
/// Completes addresses as programs of this machine write them: <c>root</c> and <c>root@localhost</c> become <c>root@mail.example.org</c>. Names, comments and
/// everything else of a field stay octet by octet.
/// </summary>
/// <param name="hostname">The domain that they are given.</param>
/// <param name="isHere">Whether a domain means this machine, and is to be replaced.</param>
public sealed class LocalNames(string hostname, Func<string, bool> isHere)
{
    /// <summary>Completes one address as it stands on a command line.</summary>
    /// <param name="address">The address.</param>
    public string Complete(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var at = EndOfLocalPart(address);
        if (at < 0)
            return $"{address}@{hostname}";
        return isHere(address[(at + 1)..]) ? $"{address[..at]}@{hostname}" : address;
    }

    /// <summary>Completes the addresses of a From, To, Cc or like field (RFC 5322 3.4).</summary>
    /// <param name="value">The field's value, folding and all, an octet a character.</param>
    /// <param name="found">Receives each address, completed.</param>
    public string CompleteList(string value, ICollection<string> found)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(found);
        var output = new StringBuilder(value.Length + hostname.Length + 1);
        var copied = 0;
        var at = 0;
        // Of the member that is being read: its last word, how many words it has, and whether an address in brackets was among it.
        var (start, end, words, isBracketed) = (0, 0, 0, false);
        while (at < value.Length)
        {
            switch (value[at])
            {
                case '(':
                    at = EndOfComment(value, at);
                    break;
                case '<':
                    at = Bracketed(at + 1);
                    break;
                case ',' or ';':
                    EndMember();
                    at++;
                    break;
                case ':':
                    // What stood before was a group's name.
                    (words, isBracketed) = (0, false);
                    at++;
                    break;
                case ' ' or '\t' or '\r' or '\n' or ')' or '>':
                    at++;
                    break;
                default:
                    start = at;
                    at = end = EndOfWord(value, at);
                    words++;
                    break;
            }
        }
        EndMember();
        return output.Append(value, copied, value.Length - copied).ToString();

        void EndMember()
        {
            // Several words without brackets are a name without an address.
            if (words == 1 && !isBracketed)
                Replace(start, end);
            (words, isBracketed) = (0, false);
        }

        int Bracketed(int from)
        {
            isBracketed = true;
            var (first, last) = (-1, -1);
            while (from < value.Length && value[from] != '>')
            {
                if (value[from] == '(')
                {
                    from = EndOfComment(value, from);
                }
                else if (value[from] is ' ' or '\t' or '\r' or '\n' or ',' or ';' or ':' or ')' or '<')
                {
                    // A route, or what is no address at all: what comes behind it counts.
                    if (value[from] == ':')
                        first = -1;
                    from++;
                }
                else
                {
                    first = first < 0 ? from : first;
                    from = last = EndOfWord(value, from);
                }
            }
            if (first >= 0)
                Replace(first, last);
            return Math.Min(from + 1, value.Length);
        }

        void Replace(int from, int to)
        {
            var complete = Complete(value[from..to]);
            found.Add(complete);
            output.Append(value, copied, from - copied).Append(complete);
            copied = to;
        }
    }

    // A word is everything up to white space or a special, with quoted strings in it.
    private static int EndOfWord(string text, int at)
    {
        while (at < text.Length && text[at] is not (' ' or '\t' or '\r' or '\n' or ',' or ';' or ':' or '<' or '>' or '(' or ')'))
            at = text[at] switch { '"' => EndOfQuoted(text, at), '[' => EndOfLiteral(text, at), _ => at + 1 };
        return at;
    }

    private static int EndOfLiteral(string text, int at) => text.IndexOf(']', at) is >= 0 and var end ? end + 1 : text.Length;

    private static int EndOfQuoted(string text, int at)
    {
        for (at++; at < text.Length && text[at] != '"'; at++)
            if (text[at] == '\\')
                at++;
        return Math.Min(at + 1, text.Length);
    }

    private static int EndOfComment(string text, int at)
    {
        var depth = 0;
        do
        {
            if (text[at] == '\\')
                at++;
            else if (text[at] == '(')
                depth++;
            else if (text[at] == ')')
                depth--;
            at++;
        }
        while (depth > 0 && at < text.Length);
        return Math.Min(at, text.Length);
    }

    private static int EndOfLocalPart(string address)
    {
        for (var at = 0; at < address.Length; at++)
        {
            if (address[at] == '"')
                at = EndOfQuoted(address, at) - 1;
            else if (address[at] == '@')
                return at;
        }
        return -1;
    }
}
