namespace HomeMail.Protocol.Smtp;

/// <summary>How far a reply has been read.</summary>
public enum ReplyProgress
{
    /// <summary>All octets are consumed and the reply is not at its end.</summary>
    NeedMore,

    /// <summary><see cref="SmtpReplyParser.Reply"/> is set; octets after it are left.</summary>
    Complete,

    /// <summary>This is not SMTP, or it does not end: the connection is of no use any more.</summary>
    Malformed,
}

/// <summary>
/// Reads replies of an SMTP server (RFC 5321 4.2, 4.2.1), whatever the pieces in which they come. What real servers do is accepted: a line
/// feed without carriage return, no text, no space after the last code, lines longer than 512 octets (the rest of the line is dropped),
/// octets above 127, lines of one reply with different codes of one class (the last decides, since it alone ends the reply).
/// </summary>
public sealed partial class SmtpReplyParser
{
    /// <summary>Octets of one line that are kept. RFC 5321 4.5.3.1.5 allows 512; a long line may hold a useful URL.</summary>
    public const int MaxLine = 1024;

    /// <summary>Octets of text that are kept of one reply.</summary>
    public const int MaxText = 8192;

    /// <summary>Lines a reply may have; EHLO's longest known answers have some 30.</summary>
    public const int MaxLines = 512;

    // A line that is dropped is still a line that somebody sends: an endless one must not hold a client for ever.
    private const int MaxOctets = 256 * 1024;

    private readonly byte[] _line = new byte[MaxLine];
    private byte[] _text = new byte[256];
    private int _lineLength;
    private int _textLength;
    private int _lines;
    private int _octets;
    private int _firstCode;
    private bool _pendingCr;
    private EnhancedStatusCode _status;
    private ReplyProgress _progress;

    /// <summary>The reply that was completed last, or null.</summary>
    public RemoteReply? Reply { get; private set; }

    /// <summary>Whether a reply has begun and not ended.</summary>
    public bool IsInside => _progress == ReplyProgress.NeedMore && _octets > 0;

    /// <summary>Takes the next octets. After <see cref="ReplyProgress.Complete"/> the next call begins a new reply; after <see cref="ReplyProgress.Malformed"/> it stays so.</summary>
    /// <param name="input">What has come.</param>
    /// <param name="consumed">How many octets were taken: all, or up to the end of the reply.</param>
    public ReplyProgress Read(ReadOnlySpan<byte> input, out int consumed)
    {
        consumed = 0;
        if (_progress == ReplyProgress.Malformed)
            return _progress;
        if (_progress == ReplyProgress.Complete)
            Restart();
        while (consumed < input.Length)
        {
            var rest = input[consumed..];
            var end = rest.IndexOf((byte)'\n');
            var part = end < 0 ? rest : rest[..end];
            consumed += end < 0 ? part.Length : end + 1;
            if (!Count(end < 0 ? part.Length : end + 1))
                return _progress = ReplyProgress.Malformed;
            Append(part);
            if (end < 0)
                break;
            // The carriage return before the line feed belongs to the line's end; any other one is text.
            _pendingCr = false;
            _progress = EndLine();
            _lineLength = 0;
            if (_progress != ReplyProgress.NeedMore)
                return _progress;
        }
        return ReplyProgress.NeedMore;
    }

    private void Restart()
    {
        _lineLength = _textLength = _lines = _octets = _firstCode = 0;
        _pendingCr = false;
        _status = default;
        _progress = ReplyProgress.NeedMore;
    }

    // The count is of octets, so that the outcome does not depend on where the input is cut.
    private bool Count(int octets)
    {
        var fits = octets <= MaxOctets - _octets;
        _octets = fits ? _octets + octets : MaxOctets;
        return fits;
    }

    private void Append(ReadOnlySpan<byte> part)
    {
        if (part.IsEmpty)
            return;
        if (_pendingCr)
            Keep("\r"u8);
        _pendingCr = part[^1] == (byte)'\r';
        Keep(_pendingCr ? part[..^1] : part);
    }

    private void Keep(ReadOnlySpan<byte> part)
    {
        var room = Math.Min(part.Length, MaxLine - _lineLength);
        part[..room].CopyTo(_line.AsSpan(_lineLength));
        _lineLength += room;
    }

    private ReplyProgress EndLine()
    {
        var line = _line.AsSpan(0, _lineLength);
        if (!TryCode(line, out var code, out var isLast) || ++_lines > MaxLines)
            return ReplyProgress.Malformed;
        if (_lines == 1)
            _firstCode = code;
        // 250 and 550 in one reply may both be meant; two classes that say the opposite are no answer at all.
        if (code / 100 != _firstCode / 100)
            return ReplyProgress.Malformed;
        var text = line.Length > 4 ? line[4..] : default;
        if (EnhancedStatusCode.TryParse(text, out var status, out var length) && status.Class == code / 100)
        {
            if (_status.IsNone)
                _status = status;
            text = text[length..].TrimStart((byte)' ');
        }
        if (_lines > 1)
            AddText("\n"u8);
        AddText(text);
        if (!isLast)
            return ReplyProgress.NeedMore;
        Reply = new RemoteReply(code, _status, Printable(_text.AsSpan(0, _textLength)));
        return ReplyProgress.Complete;
    }

    private static bool TryCode(ReadOnlySpan<byte> line, out int code, out bool isLast)
    {
        code = 0;
        isLast = line.Length < 4 || line[3] != (byte)'-';
        if (line.Length < 3 || (line.Length > 3 && line[3] is not ((byte)' ' or (byte)'-' or (byte)'\t')))
            return false;
        for (var i = 0; i < 3; i++)
        {
            if (line[i] is < (byte)'0' or > (byte)'9')
                return false;
            code = (code * 10) + (line[i] - '0');
        }
        return code is >= 200 and < 600;
    }

    private void AddText(ReadOnlySpan<byte> text)
    {
        var room = Math.Min(text.Length, MaxText - _textLength);
        if (_textLength + room > _text.Length)
            Array.Resize(ref _text, Math.Min(MaxText, Math.Max(_text.Length * 2, _textLength + room)));
        text[..room].CopyTo(_text.AsSpan(_textLength));
        _textLength += room;
    }
}
