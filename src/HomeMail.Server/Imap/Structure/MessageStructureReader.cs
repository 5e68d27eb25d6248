using System.Buffers;
using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>How much of a message's structure is kept.</summary>
/// <param name="MaxParts">Entities; what follows counts as the content of the multipart that it is in.</param>
/// <param name="MaxDepth">Entities inside each other; what lies deeper counts as content.</param>
/// <param name="MaxFieldOctets">Octets of header fields kept for the whole message.</param>
public sealed record StructureLimits(int MaxParts = 1000, int MaxDepth = 50, int MaxFieldOctets = 256 * 1024)
{
    /// <summary>The limits of the house.</summary>
    public static StructureLimits Default { get; } = new();
}

/// <summary>Reads a message's structure in one pass over its file, in a fixed buffer: no body and no line is ever kept (RFC 2045, 2046).</summary>
/// <remarks>A line that begins with a boundary ends whatever is open inside that multipart, a header too: so broken MIME has an answer.</remarks>
public sealed class MessageStructureReader
{
    private const int BufferLength = 32 * 1024;
    private const int MaxBoundaryLength = 1000;

    private readonly StructureLimits _limits;
    private readonly List<(byte[] Delimiter, MessagePart Multipart)> _boundaries = [];
    private readonly ArrayBufferWriter<byte> _fields = new(512);
    private readonly MessagePart _root = new(null, 0, false);
    private MessagePart _current;
    private int _partCount = 1;
    private int _fieldOctets;
    private bool _isTruncated;
    private bool _inHeader = true;
    private bool _isKeeping;
    private bool _isSkipping;
    private bool _isAfterBoundary;
    private bool _isBoundaryLine;
    private bool _isHeaderOnly;
    private long _lines;
    private int _lastLineEnd;

    private MessageStructureReader(StructureLimits limits)
    {
        _limits = limits;
        _current = _root;
    }

    /// <summary>Reads a message's structure.</summary>
    /// <param name="message">The message file, from where it stands to its end.</param>
    /// <param name="limits">How much to keep; null for the house's.</param>
    /// <param name="cancel">Stops it between blocks.</param>
    /// <returns>A valid structure, whatever the octets are.</returns>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static MessageStructure Read(Stream message, StructureLimits? limits = null, CancellationToken cancel = default)
    {
        var reader = new MessageStructureReader(limits ?? StructureLimits.Default);
        var size = reader.ReadAll(message, cancel);
        return new(reader._root, size, reader._partCount, reader._isTruncated);
    }

    /// <summary>Reads the header of a message and no more; its parts are not there then.</summary>
    internal static MessagePart ReadHeader(Stream message, out bool isTruncated, CancellationToken cancel = default)
    {
        var reader = new MessageStructureReader(StructureLimits.Default) { _isHeaderOnly = true };
        reader.ReadAll(message, cancel);
        isTruncated = reader._isTruncated;
        return reader._root;
    }

    private long ReadAll(Stream message, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            long offset = 0; // of buffer[0]
            var filled = 0;
            var isStart = true;
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                var read = message.Read(buffer, filled, buffer.Length - filled);
                filled += read;
                var at = 0;
                while (at < filled)
                {
                    var rest = buffer.AsSpan(at, filled - at);
                    var end = rest.IndexOf((byte)'\n');
                    // A line that is not whole waits for more, unless it fills the buffer: then its beginning is enough.
                    if (end < 0 && read > 0 && !(at == 0 && filled == buffer.Length) && isStart)
                        break;
                    var chunk = end < 0 ? rest : rest[..(end + 1)];
                    TakeChunk(chunk, offset + at, isStart);
                    isStart = end >= 0;
                    at += chunk.Length;
                }
                if (read == 0 || (_isHeaderOnly && _root.BodyOffset > 0))
                {
                    EndAt(offset + filled, _lines, null);
                    return offset + filled;
                }
                buffer.AsSpan(at, filled - at).CopyTo(buffer);
                filled -= at;
                offset += at;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void TakeChunk(ReadOnlySpan<byte> chunk, long offset, bool isStart)
    {
        var lineEnd = !chunk.EndsWith((byte)'\n') ? 0 : chunk.Length > 1 && chunk[^2] == '\r' ? 2 : 1;
        if (isStart)
        {
            _isSkipping = false;
            _isAfterBoundary = false;
            _isBoundaryLine = false;
            if (_boundaries.Count > 0 && chunk.StartsWith("--"u8) && FindBoundary(chunk) is >= 0 and var found)
                TakeBoundary(chunk, offset, found);
        }
        if (lineEnd > 0)
            _lines++;
        if (_isAfterBoundary)
            BeginAfterBoundary(offset + chunk.Length, lineEnd > 0);
        else if (_inHeader && !_isSkipping)
            TakeHeader(chunk, offset, isStart, lineEnd);
        // The line end after a boundary is the boundary line's own; so an empty multipart or part does not give it away again.
        _lastLineEnd = _isBoundaryLine ? 0 : lineEnd;
    }

    // The innermost of the longest: a line need only begin with the delimiter (RFC 2046 5.1.1, "an exact match of the entire
    // candidate line is not required").
    private int FindBoundary(ReadOnlySpan<byte> line)
    {
        var best = -1;
        for (var i = _boundaries.Count - 1; i >= 0; i--)
        {
            if (line.StartsWith(_boundaries[i].Delimiter) && (best < 0 || _boundaries[i].Delimiter.Length > _boundaries[best].Delimiter.Length))
                best = i;
        }
        return best;
    }

    private void TakeBoundary(ReadOnlySpan<byte> line, long offset, int found)
    {
        var (delimiter, multipart) = _boundaries[found];
        EndAt(offset - _lastLineEnd, _lines - (_lastLineEnd > 0 ? 1 : 0), multipart, offset);
        var isClosing = line[delimiter.Length..].StartsWith("--"u8);
        _boundaries.RemoveRange(isClosing ? found : found + 1, _boundaries.Count - (isClosing ? found : found + 1));
        _current = multipart;
        _inHeader = false;
        _isSkipping = true;
        _isBoundaryLine = true;
        if (isClosing)
            return;
        if (_partCount >= _limits.MaxParts)
            _isTruncated = true;
        else
            _isAfterBoundary = true;
    }

    private void BeginAfterBoundary(long offset, bool isWhole)
    {
        var multipart = _current;
        if (!isWhole)
        {
            _isSkipping = true;
            // The rest of the boundary line is not header: the part begins at the next line, or not at all.
            return;
        }
        Begin(multipart, offset, multipart.Content.Is("multipart", "digest"));
        _isAfterBoundary = false;
    }

    private void Begin(MessagePart parent, long offset, bool isDigestPart)
    {
        var part = new MessagePart(parent, offset, isDigestPart);
        parent.Add(part);
        _partCount++;
        _current = part;
        _inHeader = true;
        _isKeeping = false;
        _isSkipping = false;
    }

    private void TakeHeader(ReadOnlySpan<byte> chunk, long offset, bool isStart, int lineEnd)
    {
        if (isStart && lineEnd > 0 && chunk.Length == lineEnd)
        {
            EndHeader(offset + chunk.Length, _lines);
            return;
        }
        var line = chunk[..^lineEnd];
        if (!isStart)
        {
            Keep(line, false);
            return;
        }
        if (chunk[0] is (byte)' ' or (byte)'\t')
        {
            Keep(line, false);
            return;
        }
        EndField();
        var colon = line.IndexOf((byte)':');
        if (colon <= 0)
            return;
        var name = line[..colon].TrimEnd(" \t"u8);
        if (!KeptFields.IsKept(name, _current.IsMessage))
            return;
        _isKeeping = true;
        Keep(name, true);
        Keep(line[colon..], true);
    }

    private void Keep(ReadOnlySpan<byte> octets, bool isFirst)
    {
        if (!_isKeeping)
            return;
        var room = _limits.MaxFieldOctets - _fieldOctets;
        if (octets.Length > room)
        {
            _isTruncated = true;
            if (isFirst && room < 256)
                return;
            octets = octets[..Math.Max(room, 0)];
        }
        _fieldOctets += octets.Length;
        var target = _fields.GetSpan(octets.Length + 1);
        octets.CopyTo(target);
        // A bare LF can't be in a line; a bare CR or NUL must not reach a quoted string.
        target[..octets.Length].Replace((byte)'\r', (byte)' ');
        target[..octets.Length].Replace((byte)0, (byte)'?');
        _fields.Advance(octets.Length);
    }

    private void EndField()
    {
        if (_isKeeping)
            _fields.Write("\n"u8);
        _isKeeping = false;
    }

    private void EndFields()
    {
        EndField();
        if (_fields.WrittenCount > 0)
            _current.Fields = _fields.WrittenSpan.ToArray();
        _fields.ResetWrittenCount();
    }

    private void EndHeader(long bodyOffset, long lines)
    {
        EndFields();
        var part = _current;
        part.HeaderLength = bodyOffset - part.HeaderOffset;
        part.BodyOffset = bodyOffset;
        part.LinesBefore = lines;
        _inHeader = false;
        var content = part.Content;
        if (content.IsMultipart)
        {
            var boundary = content.Parameter("boundary");
            if (string.IsNullOrEmpty(boundary) || boundary.Length > MaxBoundaryLength)
                return;
            if (part.Depth >= _limits.MaxDepth)
            {
                _isTruncated = true;
                return;
            }
            part.Kind = PartKind.Multipart;
            _boundaries.Add((Encoding.Latin1.GetBytes("--" + boundary), part));
        }
        else if (content.IsMessage)
        {
            if (part.Depth >= _limits.MaxDepth || _partCount >= _limits.MaxParts)
            {
                _isTruncated = true;
                return;
            }
            part.Kind = PartKind.Message;
            Begin(part, bodyOffset, false);
        }
    }

    // Ends what is open, up to a multipart that goes on; null at the end of the file.
    private void EndAt(long end, long lines, MessagePart? until, long headerEnd = -1)
    {
        var bodiless = _inHeader ? _current : null;
        if (_inHeader)
        {
            EndFields();
            _current.HeaderLength = Math.Max(0, end - _current.HeaderOffset);
            _current.BodyOffset = _current.HeaderOffset + _current.HeaderLength;
            _current.LinesBefore = _lines;
            _inHeader = false;
            // A header field always ends with its line end, so what is around the header has it too.
            if (headerEnd >= 0)
                (end, lines) = (headerEnd, _lines);
        }
        // An empty body leaves the header's empty line to the boundary (RFC 2046 5.1.1: the line end before it is the boundary's).
        else if (headerEnd >= 0 && end < _current.BodyOffset && _current.Kind == PartKind.Leaf)
        {
            _current.HeaderLength = Math.Max(0, end - _current.HeaderOffset);
            _current.BodyOffset = _current.HeaderOffset + _current.HeaderLength;
        }
        for (var part = _current; part is not null && part != until; part = part.Parent)
        {
            if (part == bodiless)
                continue;
            part.BodyLength = Math.Max(0, end - part.BodyOffset);
            part.BodyLines = Math.Max(0, lines - part.LinesBefore);
        }
    }
}
