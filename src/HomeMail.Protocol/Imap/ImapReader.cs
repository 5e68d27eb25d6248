using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace HomeMail.Protocol.Imap;

/// <summary>
/// Reads the words of one command (RFC 9051 9): a line, with the literals that belong to it in their places, the last CRLF left out. Each method reads
/// one thing or returns false; after a false the command is answered with BAD and the reader is of no use.
/// </summary>
/// <param name="text">The command.</param>
public ref struct ImapReader(ReadOnlySpan<byte> text)
{
    private static readonly SearchValues<byte> NoAtom = SearchValues.Create(MakeSpecials("(){%*\"\\]"));
    private static readonly SearchValues<byte> NoAString = SearchValues.Create(MakeSpecials("(){%*\"\\"));
    private static readonly SearchValues<byte> NoListMailbox = SearchValues.Create(MakeSpecials("(){\"\\"));
    private static readonly SearchValues<byte> NoTag = SearchValues.Create(MakeSpecials("(){%*\"\\+"));

    private readonly ReadOnlySpan<byte> _text = text;
    private int _at;

    /// <summary>What is still to be read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _text[_at..];

    /// <summary>Whether nothing is left but white space, which clients leave behind.</summary>
    public readonly bool IsAtEnd => Rest.TrimEnd((byte)' ').IsEmpty;

    /// <summary>How far it has come, in octets.</summary>
    public readonly int Position => _at;

    /// <summary>The next octet, 0 at the end.</summary>
    public readonly byte Peek => _at < _text.Length ? _text[_at] : (byte)0;

    /// <summary>Reads one given octet.</summary>
    /// <param name="octet">Which.</param>
    public bool Take(char octet)
    {
        if (Peek != octet)
            return false;
        _at++;
        return true;
    }

    /// <summary>Reads a space; a run of them counts as one, since clients are not so exact.</summary>
    public bool Space()
    {
        var from = _at;
        while (Peek == ' ')
            _at++;
        return _at > from;
    }

    /// <summary>Reads a word that is known, in any case of its letters; a longer word is not it.</summary>
    /// <param name="word">The word.</param>
    public bool Word(ReadOnlySpan<byte> word)
    {
        var rest = Rest;
        if (rest.Length < word.Length || !Ascii.EqualsIgnoreCase(rest[..word.Length], word))
            return false;
        if (rest.Length > word.Length && !NoAtom.Contains(rest[word.Length]) && rest[word.Length] is not ((byte)'[' or (byte)'<'))
            return false;
        _at += word.Length;
        return true;
    }

    /// <summary>Reads a tag.</summary>
    /// <param name="tag">The tag.</param>
    public bool Tag(out ReadOnlySpan<byte> tag) => Run(NoTag, out tag);

    /// <summary>Reads an atom.</summary>
    /// <param name="atom">The atom.</param>
    public bool Atom(out ReadOnlySpan<byte> atom) => Run(NoAtom, out atom);

    /// <summary>Reads an atom, quoted string or literal.</summary>
    /// <param name="value">Its octets.</param>
    public bool AString(out ReadOnlySpan<byte> value) => Peek switch
    {
        (byte)'"' => Quoted(out value),
        (byte)'{' or (byte)'~' when Literal(out value) => true,
        (byte)'{' => Nothing(out value),
        _ => Run(NoAString, out value),
    };

    /// <summary>Reads a string: quoted or literal.</summary>
    /// <param name="value">Its octets.</param>
    public bool String(out ReadOnlySpan<byte> value) => Peek == '"' ? Quoted(out value) : Literal(out value);

    /// <summary>Reads a mailbox pattern of LIST, which may hold wildcards bare.</summary>
    /// <param name="value">Its octets.</param>
    public bool ListMailbox(out ReadOnlySpan<byte> value) => Peek is (byte)'"' or (byte)'{' ? String(out value) : Run(NoListMailbox, out value);

    /// <summary>Reads a string as text: UTF-8, without NUL.</summary>
    /// <param name="text">The text.</param>
    public bool AText(out string text)
    {
        text = "";
        if (!AString(out var octets) || !Utf8.IsValid(octets) || octets.Contains((byte)0))
            return false;
        text = Encoding.UTF8.GetString(octets);
        return true;
    }

    /// <summary>Reads a number.</summary>
    /// <param name="value">The number, below 2^63 (RFC 9051 9 number64).</param>
    public bool Number(out long value)
    {
        if (!Utf8Parser.TryParse(Rest, out ulong number, out var used) || number > long.MaxValue || Peek is (byte)'+' or (byte)'-')
        {
            value = 0;
            return false;
        }
        value = (long)number;
        _at += used;
        return true;
    }

    /// <summary>Reads a flag: a keyword, or a system flag with its backslash.</summary>
    /// <param name="flag">The flag.</param>
    public bool Flag(out ReadOnlySpan<byte> flag)
    {
        var from = _at;
        var isSystem = Take('\\');
        if (!Atom(out flag))
            return false;
        flag = _text[from.._at];
        return !isSystem || flag.Length > 1;
    }

    /// <summary>Goes back to where it was.</summary>
    /// <param name="position">A <see cref="Position"/> of before.</param>
    public void Return(int position) => _at = position;

    private bool Quoted(out ReadOnlySpan<byte> value)
    {
        var from = ++_at;
        var escapes = 0;
        for (; _at < _text.Length; _at++)
        {
            var c = _text[_at];
            if (c == '"')
            {
                value = _text[from.._at++];
                if (escapes > 0)
                    value = Unescape(value);
                return true;
            }
            if (c is (byte)'\r' or (byte)'\n' or 0)
                break;
            if (c != '\\')
                continue;
            // Only these two may be quoted; but clients quote others too, and mean them.
            if (++_at == _text.Length || _text[_at] is (byte)'\r' or (byte)'\n' or 0)
                break;
            escapes++;
        }
        return Nothing(out value);
    }

    private static byte[] Unescape(ReadOnlySpan<byte> value)
    {
        var plain = new byte[value.Length];
        var length = 0;
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\\')
                i++;
            plain[length++] = value[i];
        }
        return plain[..length];
    }

    private bool Literal(out ReadOnlySpan<byte> value)
    {
        var end = Rest.IndexOf((byte)'\n');
        if (end < 0 || !LiteralMark.TryParse(Rest[..end].TrimEnd((byte)'\r'), out var mark) || !mark.StandsAlone || Rest.Length - end - 1 < mark.Length)
            return Nothing(out value);
        value = Rest.Slice(end + 1, (int)mark.Length);
        _at += end + 1 + (int)mark.Length;
        return true;
    }

    private bool Run(SearchValues<byte> end, out ReadOnlySpan<byte> run)
    {
        var length = Rest.IndexOfAny(end);
        run = length < 0 ? Rest : Rest[..length];
        _at += run.Length;
        return run.Length > 0;
    }

    private static bool Nothing(out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }

    private static byte[] MakeSpecials(string specials)
    {
        var octets = new List<byte>(Encoding.ASCII.GetBytes(specials));
        for (var c = 0; c < 256; c++)
            if (c is <= 32 or >= 127)
                octets.Add((byte)c);
        return [.. octets];
    }
}
