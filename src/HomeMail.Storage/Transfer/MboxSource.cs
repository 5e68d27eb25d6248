using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Text;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// An mbox to import from (RFC 4155): messages in one file, each behind a line <c>From sender date</c>. Lines of the body that begin with <c>&gt;From </c>, with any
/// number of brackets, lose one (mboxrd). Flags come from Status, X-Status and X-Keywords, or X-Mozilla-Status, which are notes of programs and stay behind.
/// INTERNALDATE is that of the From_ line.
/// </summary>
public sealed class MboxSource : IMessageSource, IDisposable
{
    private const int BufferSize = 256 * 1024;

    // Looked at in one piece: a From_ line is shorter, and so is a header, or its end is no longer looked at.
    private const int LongestLine = 4 * 1024;
    private const int LongestHeader = 128 * 1024;

    private readonly IFile _file;
    private readonly string _path;
    private readonly string _mailbox;
    private readonly DateTimeOffset _fallback;
    private readonly List<string> _problems = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private long _offset;
    private int _start;
    private int _end;

    private MboxSource(IFile file, string path, string mailbox, DateTimeOffset modified)
    {
        _file = file;
        _path = path;
        _mailbox = mailbox;
        _fallback = modified;
        Total = file.Length;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Mailboxes => [_mailbox];

    /// <inheritdoc/>
    public long Total { get; }

    /// <inheritdoc/>
    public long Done => Position;

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => _problems;

    private long Position => _offset - (_end - _start);

    /// <summary>Opens an mbox.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mailbox">The mailbox that it is to be.</param>
    /// <param name="files">The file system; null is the machine's.</param>
    /// <returns>The source; null if the file is no mbox.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static MboxSource? Open(string path, string mailbox = MailboxName.Inbox, IFileSystem? files = null)
    {
        files ??= RealFileSystem.Instance;
        var file = files.Open(path);
        var modified = files.TryStat(path, out var stat) ? stat.Modified : DateTimeOffset.UnixEpoch;
        var source = new MboxSource(file, path, mailbox, modified);
        source.Fill();
        if (source._end == 0 || source.Buffered.StartsWith("From "u8))
            return source;
        source.Dispose();
        return null;
    }

    /// <inheritdoc/>
    public IEnumerable<ISourceMessage> Read()
    {
        while (Fill())
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"{_path} at octet {Position}");
            var date = TakeFromLine();
            using var header = new PooledWriter(8 * 1024);
            var marks = TakeHeader(header, date);
            var message = new Message(this, marks, place, header);
            if (!marks.IsNote)
                yield return message;
            message.Skip();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private ReadOnlySpan<byte> Buffered => _buffer.AsSpan(_start, _end - _start);

    /// <summary>Sees to it that a line can be looked at whole. False at the end.</summary>
    private bool Fill()
    {
        if (_end - _start >= LongestLine)
            return true;
        Buffered.CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        while (_end < _buffer.Length && _file.Read(_buffer.AsSpan(_end), _offset) is var read and > 0)
        {
            _offset += read;
            _end += read;
        }
        return _end > 0;
    }

    private DateTimeOffset? TakeFromLine()
    {
        var line = Line();
        _ = IsFromLine(line, out var date);
        _start += line.Length;
        return date;
    }

    /// <summary>The line that begins here, LF included, or what of it is at hand.</summary>
    private ReadOnlySpan<byte> Line()
    {
        var end = Buffered.IndexOf((byte)'\n');
        return end < 0 ? Buffered : Buffered[..(end + 1)];
    }

    /// <summary>
    /// Whether a line parts messages. The word alone does not, for it may begin a sentence: a date has to be there, or, as Thunderbird writes it, nothing at all and
    /// a header behind it.
    /// </summary>
    private bool IsFromLine(ReadOnlySpan<byte> line, out DateTimeOffset? date)
    {
        date = null;
        if (!line.StartsWith("From "u8) || line.Length > LongestLine)
            return false;
        var text = Encoding.Latin1.GetString(line["From ".Length..]).Trim();
        if (text is "" or "-")
            return HeaderFields.IsFieldStart(Buffered[line.Length..], out _, out _);
        // The sender may look like anything, a day for one.
        if (text.IndexOf(' ', StringComparison.Ordinal) is > 0 and var sender && MailDate.TryParse(text.AsSpan(sender), out var time))
            date = time;
        return date is not null;
    }

    private MboxMarks TakeHeader(PooledWriter header, DateTimeOffset? date)
    {
        var marks = new MboxMarks();
        byte last = 0;
        var atLineStart = true;
        while (Fill() && header.Length < LongestHeader)
        {
            var line = Line();
            // A header without a body ends at the next message.
            if (atLineStart && IsFromLine(line, out _))
                break;
            if (!(atLineStart ? marks.Take(line) : marks.IsWithinNote))
            {
                LineEnds.ToCrlf(line, header.GetSpan(2 * line.Length), ref last, out var written);
                header.Advance(written);
            }
            var isEmpty = atLineStart && IsEmpty(line);
            atLineStart = line[^1] == '\n';
            _start += line.Length;
            if (isEmpty)
                break;
        }
        marks.Complete(_mailbox, date ?? _fallback, isDated: date is not null);
        return marks;
    }

    private static bool IsEmpty(ReadOnlySpan<byte> line) => line is [(byte)'\n'] or [(byte)'\r', (byte)'\n'];

    private sealed class Message(MboxSource source, MboxMarks marks, string place, PooledWriter header) : ISourceMessage
    {
        private int _headerRead;
        private bool _isEnded;
        private bool _atLineStart = true;
        private bool _owesEmptyLine;
        private byte _last;

        public MessageMarks Marks => marks.Marks!;

        public string Place => place;

        public int Read(Span<byte> to)
        {
            if (_headerRead < header.Length)
            {
                var part = header.WrittenSpan[_headerRead..];
                part = part[..Math.Min(part.Length, to.Length)];
                part.CopyTo(to);
                _headerRead += part.Length;
                return part.Length;
            }
            var written = 0;
            while (to.Length - written >= 4 && !_isEnded)
                written += ReadPart(to[written..]);
            return written;
        }

        /// <summary>Reads to the end of the message, whoever had it.</summary>
        public void Skip()
        {
            var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
            _headerRead = header.Length;
            while (Read(buffer) > 0)
            {
            }
            ArrayPool<byte>.Shared.Return(buffer);
        }

        /// <summary>A line or a piece of one. The empty line before a From_ line belongs to the mbox; it is known for one only when the next line is seen.</summary>
        private int ReadPart(Span<byte> to)
        {
            if (!source.Fill())
            {
                _isEnded = true;
                return 0;
            }
            var line = source.Line();
            if (_atLineStart)
            {
                if ((_owesEmptyLine || _last == 0) && source.IsFromLine(line, out _))
                {
                    _isEnded = true;
                    return 0;
                }
                if (_owesEmptyLine)
                {
                    _owesEmptyLine = false;
                    "\r\n"u8.CopyTo(to);
                    _last = (byte)'\n';
                    return 2;
                }
                if (IsEmpty(line))
                {
                    _owesEmptyLine = true;
                    source._start += line.Length;
                    return 0;
                }
                if (IsQuotedFrom(line))
                {
                    source._start++;
                    line = line[1..];
                }
            }
            var taken = LineEnds.ToCrlf(line, to, ref _last, out var written);
            source._start += taken;
            _atLineStart = _last == (byte)'\n';
            return written;
        }

        private static bool IsQuotedFrom(ReadOnlySpan<byte> line) =>
            line[0] == '>' && line.IndexOfAnyExcept((byte)'>') is var at and > 0 && line[at..].StartsWith("From "u8);
    }
}
