using System.Buffers;
using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Text;

/// <summary>What <see cref="XmlScanner.Read"/> has come to.</summary>
public enum XmlNode
{
    /// <summary>The document is over, and was well-formed.</summary>
    End,

    /// <summary>A start-tag; an empty element is one, and an <see cref="EndTag"/>.</summary>
    StartTag,

    /// <summary>An end-tag.</summary>
    EndTag,

    /// <summary>Character data that is not white space alone, whole: references are resolved, CDATA and what stands around it is one. White space
    /// before it is left out.</summary>
    CharacterData,
}

/// <summary>
/// Reads XML 1.0 of strangers, as it comes: start-tags, end-tags and character data. What the document could use against its reader does not exist here: a
/// document type declaration is refused (XML 1.0 section 2.8), so there are no entities but the five that always are (4.6); nothing is fetched; depth, names
/// and held text are bounded. Attributes are checked for their form and passed over. What is not checked of well-formedness: whether an attribute comes twice,
/// whether a prefix is declared, and whether characters beyond ASCII may stand where they do. How long the document may be is the stream's business.
/// </summary>
public sealed class XmlScanner
{
    /// <summary>How deep elements may be in each other.</summary>
    public const int MaxDepth = 64;

    private const int MaxName = 256;
    private const int MaxReference = 12;
    private const int Block = 4096;
    private const int Head = 256;

    // What ends a run of plain character data: markup, the line ends that are normalised, and what may not be there.
    private static readonly SearchValues<char> Special = SearchValues.Create(
        "<&\r\0\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\v\f\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f");

    private static readonly Encoding Utf8 = new UTF8Encoding(false, true);
    private static readonly Encoding Utf16 = new UnicodeEncoding(false, false, true);
    private static readonly Encoding Utf16BigEndian = new UnicodeEncoding(true, false, true);

    private readonly Stream _stream;
    private readonly byte[] _octets = new byte[Block];
    private readonly char[] _characters = new char[Block + 8];
    private readonly Stack<string> _open = new();
    private readonly string?[] _known = new string?[64];
    private readonly char[] _name = new char[MaxName];
    private readonly char[] _text;
    private Decoder? _decoder;
    private int _textLength;
    private int _at;
    private int _end;
    private bool _isOver;
    private bool _hadRoot;
    private bool _isEmptyElement;

    /// <summary>Begins with a document.</summary>
    /// <param name="document">The document; read synchronously, and left open.</param>
    /// <param name="maxText">How many characters of character data are held; more is read, and cut off.</param>
    public XmlScanner(Stream document, int maxText)
    {
        ArgumentNullException.ThrowIfNull(document);
        _stream = document;
        _text = new char[maxText];
    }

    /// <summary>The name of the tag, without its prefix.</summary>
    public string LocalName { get; private set; } = "";

    /// <summary>The character data, as much of it as is held. Until the next <see cref="Read"/>; the caller may write in it.</summary>
    public Span<char> Text => _text.AsSpan(0, _textLength);

    /// <summary>How many elements are open; with a start-tag its own counts, with an end-tag its own does not.</summary>
    public int Depth => _open.Count;

    /// <summary>Reads on.</summary>
    /// <exception cref="FormatException">It is not well-formed, not in an encoding that is known here, or has what is refused.</exception>
    /// <exception cref="IOException">The stream's own limits.</exception>
    public XmlNode Read()
    {
        if (_isEmptyElement)
        {
            _isEmptyElement = false;
            return Close(_open.Peek());
        }
        _textLength = 0;
        var isBlank = true;
        while (true)
        {
            if (!IsMore())
            {
                if (_open.Count > 0 || !_hadRoot || !isBlank)
                    throw Malformed();
                return XmlNode.End;
            }
            if (_characters[_at] != '<')
            {
                isBlank &= TakeData(isBlank);
                continue;
            }
            // What follows '<' must be seen before the text in front of it is given.
            if (!IsMore(2))
                throw Malformed();
            switch (_characters[_at + 1])
            {
                case '!':
                    _at += 2;
                    isBlank &= TakeDeclaration();
                    continue;
                case '?':
                    _at += 2;
                    SkipInstruction();
                    continue;
            }
            if (!isBlank)
                return _open.Count > 0 ? XmlNode.CharacterData : throw Malformed();
            _textLength = 0;
            _at++;
            if (_characters[_at] != '/')
                return Open();
            _at++;
            var name = Name();
            SkipSpace();
            Expect('>');
            return _open.Count > 0 && _open.Peek() == name ? Close(name) : throw Malformed();
        }
    }

    private XmlNode Open()
    {
        if ((_hadRoot && _open.Count == 0) || _open.Count >= MaxDepth)
            throw Malformed();
        _hadRoot = true;
        var name = Name();
        while (true)
        {
            var hadSpace = SkipSpace();
            switch (Next())
            {
                case '>':
                    break;
                case '/':
                    Expect('>');
                    _isEmptyElement = true;
                    break;
                default:
                    _at--;
                    if (!hadSpace)
                        throw Malformed();
                    SkipAttribute();
                    continue;
            }
            _open.Push(name);
            LocalName = Local(name);
            return XmlNode.StartTag;
        }
    }

    private XmlNode Close(string name)
    {
        _open.Pop();
        LocalName = Local(name);
        return XmlNode.EndTag;
    }

    // XML 1.0 section 3.1: AttValue.
    private void SkipAttribute()
    {
        Name();
        SkipSpace();
        Expect('=');
        SkipSpace();
        var quote = Next();
        if (quote is not ('"' or '\''))
            throw Malformed();
        for (var next = Next(); next != quote; next = Next())
        {
            if (next == '<' || !IsCharacter(next))
                throw Malformed();
            if (next == '&')
                Reference();
        }
    }

    // Character data up to the next tag, or a part of it; true if it is white space alone. White space at the beginning is not held.
    private bool TakeData(bool isBeginning)
    {
        var rest = _characters.AsSpan(_at, _end - _at);
        var length = rest.IndexOfAny(Special);
        if (length != 0)
        {
            var run = length < 0 ? rest : rest[..length];
            _at += run.Length;
            if (isBeginning)
                run = run.TrimStart(" \t\n");
            Hold(run);
            return run.Length == 0;
        }
        var special = Next();
        switch (special)
        {
            case '&':
                Span<char> units = stackalloc char[2];
                Hold(units[..Reference().EncodeToUtf16(units)]);
                return false;
            case '\r':
                if (!isBeginning)
                    HoldLineEnd();
                return true;
            default:
                throw Malformed();
        }
    }

    // After "<!": a comment, or CDATA; true if there was nothing to take.
    private bool TakeDeclaration()
    {
        switch (Next())
        {
            case '-':
                Expect('-');
                // XML 1.0 section 2.5: "--" may only be its end.
                SkipTo("--");
                Expect('>');
                return true;
            case '[' when _open.Count > 0:
                foreach (var letter in "CDATA[")
                    Expect(letter);
                while (true)
                {
                    var next = Next();
                    if (!IsCharacter(next))
                        throw Malformed();
                    if (next == ']' && IsMore(2) && _characters[_at] == ']' && _characters[_at + 1] == '>')
                    {
                        _at += 2;
                        return false;
                    }
                    if (next == '\r')
                        HoldLineEnd();
                    else
                        Hold([next]);
                }
            default:
                // Most of all a document type declaration.
                throw Malformed();
        }
    }

    // After "<?" (XML 1.0 section 2.6); the declaration at the beginning has the same form.
    private void SkipInstruction()
    {
        Name();
        if (SkipSpace())
            SkipTo("?>");
        else
            foreach (var mark in "?>")
                Expect(mark);
    }

    // After '&', to the semicolon (XML 1.0 section 4.1).
    private Rune Reference()
    {
        Span<char> reference = stackalloc char[MaxReference];
        var length = 0;
        for (var next = Next(); next != ';'; next = Next())
        {
            if (length == MaxReference)
                throw Malformed();
            reference[length++] = next;
        }
        reference = reference[..length];
        if (reference is ['#', ..])
        {
            var isHex = reference is ['#', 'x', ..];
            return uint.TryParse(reference[(isHex ? 2 : 1)..], isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var value)
                && Rune.TryCreate(value, out var rune) && IsCharacter((char)Math.Min(rune.Value, char.MaxValue)) ? rune : throw Malformed();
        }
        return new Rune(reference switch
        {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            _ => throw Malformed(),
        });
    }

    private string Name()
    {
        var length = 0;
        while (IsMore() && IsOfName(_characters[_at], length > 0))
        {
            if (length == MaxName)
                throw Malformed();
            _name[length++] = _characters[_at++];
        }
        if (length == 0)
            throw Malformed();
        // A document has few names, each many times.
        var name = _name.AsSpan(0, length);
        ref var known = ref _known[(name[0] + (name[^1] << 3) + length) & (_known.Length - 1)];
        if (known is null || !name.SequenceEqual(known))
            known = name.ToString();
        return known;
    }

    private static string Local(string name) => name.IndexOf(':') is >= 0 and var colon ? name[(colon + 1)..] : name;

    // Of other scripts all is taken; within ASCII as in XML 1.0 section 2.3.
    private static bool IsOfName(char c, bool isInside) => char.IsAsciiLetter(c) || c is '_' or ':' || c >= 0x80 || (isInside && (char.IsAsciiDigit(c) || c is '-' or '.'));

    private static bool IsCharacter(char c) => c is '\t' or '\n' or '\r' or >= ' ';

    private void Hold(ReadOnlySpan<char> characters)
    {
        characters = characters[..Math.Min(characters.Length, _text.Length - _textLength)];
        characters.CopyTo(_text.AsSpan(_textLength));
        _textLength += characters.Length;
    }

    // XML 1.0 section 2.11: a line ends with LF, whatever it ended with.
    private void HoldLineEnd()
    {
        if (IsMore() && _characters[_at] == '\n')
            _at++;
        Hold("\n");
    }

    private bool SkipSpace()
    {
        var isAny = false;
        while (IsMore() && _characters[_at] is ' ' or '\t' or '\r' or '\n')
        {
            _at++;
            isAny = true;
        }
        return isAny;
    }

    private void SkipTo(string end)
    {
        for (var matched = 0; matched < end.Length;)
        {
            var next = Next();
            if (!IsCharacter(next))
                throw Malformed();
            // The ends are of two characters, of which the first is the only one that can repeat.
            matched = next == end[matched] ? matched + 1 : next == end[0] ? 1 : 0;
        }
    }

    private void Expect(char character)
    {
        if (Next() != character)
            throw Malformed();
    }

    private char Next() => IsMore() ? _characters[_at++] : throw Malformed();

    // Sees to it that so many characters can be looked at.
    private bool IsMore(int count = 1)
    {
        while (_end - _at < count)
        {
            if (_isOver)
                return false;
            _characters.AsSpan(_at, _end - _at).CopyTo(_characters);
            _end -= _at;
            _at = 0;
            Fill();
        }
        return true;
    }

    private void Fill()
    {
        var length = _stream.Read(_octets);
        _isOver = length == 0;
        var mark = 0;
        if (_decoder is null)
        {
            // What the document is written in is said in its first octets.
            while (length < Head && _stream.Read(_octets.AsSpan(length)) is > 0 and var more)
                length += more;
            (var encoding, mark) = EncodingOf(_octets.AsSpan(0, length));
            _decoder = encoding.GetDecoder();
        }
        try
        {
            // No encoding here makes more characters than it takes octets.
            _end += _decoder.GetChars(_octets.AsSpan(mark, length - mark), _characters.AsSpan(_end), _isOver);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException("not in the encoding that it says", e);
        }
    }

    // XML 1.0 appendix F: by the byte order mark, by how '<' stands there, by the declaration; UTF-8 otherwise.
    private static (Encoding Encoding, int Mark) EncodingOf(ReadOnlySpan<byte> head)
    {
        switch (head)
        {
            case [0xef, 0xbb, 0xbf, ..]:
                return (Utf8, 3);
            case [0xfe, 0xff, ..]:
                return (Utf16BigEndian, 2);
            case [0xff, 0xfe, ..]:
                return (Utf16, 2);
            case [0, (byte)'<', ..]:
                return (Utf16BigEndian, 0);
            case [(byte)'<', 0, ..]:
                return (Utf16, 0);
        }
        var end = head.IndexOf("?>"u8);
        var at = end > 0 && head.StartsWith("<?xml"u8) ? head[..end].IndexOf("encoding"u8) : -1;
        if (at < 0)
            return (Utf8, 0);
        var parts = Encoding.Latin1.GetString(head[at..end]).Split(['"', '\'']);
        return (parts.Length < 2 ? throw Malformed() : parts[1].ToUpperInvariant() switch
        {
            "UTF-8" or "UTF8" or "US-ASCII" or "ASCII" => Utf8,
            "ISO-8859-1" or "ISO8859-1" or "ISO_8859-1" or "LATIN1" or "ISO-8859-15" or "WINDOWS-1252" => Encoding.Latin1,
            _ => throw new FormatException("in an encoding that is not known here"),
        }, 0);
    }

    private static FormatException Malformed() => new("not well-formed XML");
}
