namespace HomeMail.Protocol.Smtp;

/// <summary>What one call of <see cref="ContentDecoder.Read"/> gave.</summary>
public enum ContentStep : byte
{
    /// <summary>Some content; call again.</summary>
    Content,

    /// <summary>All input is used up, and the end has not come.</summary>
    NeedMore,

    /// <summary>The end of data was read; what follows it is the next command.</summary>
    End,
}

/// <summary>
/// Takes the transparency (RFC 5321 4.5.2) off the content of DATA, and watches the line endings of DATA and BDAT alike. It gives slices of its
/// input and never copies. Only CRLF.CRLF ends data: a dot between any other line endings is content.
/// </summary>
/// <remarks>
/// A bare CR or LF is reported in <see cref="HasBareLineEnding"/>. When it is not to be normalised, the content is passed on as it came, for the
/// caller reads such a message to its end and refuses it.
/// </remarks>
/// <param name="transparent">True for DATA, which has dots doubled and an end mark; false for BDAT (RFC 3030 2).</param>
/// <param name="normalise">Whether bare CR and bare LF become CRLF (submission and devices).</param>
public struct ContentDecoder(bool transparent, bool normalise)
{
    private enum State : byte
    {
        LineStart,
        Text,
        AfterCr,
        AfterDot,
        AfterDotCr,
    }

    private static ReadOnlySpan<byte> CrLf => "\r\n"u8;

    private State _state = State.LineStart;

    // A line that began after a bare LF or CR (normalised or not) begins with a dot that may be transparency, but is never the end mark.
    private bool _afterCrLf = true;

    /// <summary>Whether a CR without LF, or an LF without CR, was in the content.</summary>
    public bool HasBareLineEnding { get; private set; }

    /// <summary>Reads on.</summary>
    /// <param name="input">What has come in and was not used yet.</param>
    /// <param name="used">How many octets of it are used now.</param>
    /// <param name="content">A slice of content, for <see cref="ContentStep.Content"/>; else empty.</param>
    public ContentStep Read(ReadOnlySpan<byte> input, out int used, out ReadOnlySpan<byte> content)
    {
        used = 0;
        content = default;
        while (used < input.Length)
        {
            var c = input[used];
            switch (_state)
            {
                case State.LineStart when transparent && c == (byte)'.':
                    used++;
                    _state = State.AfterDot;
                    continue;

                case State.AfterDot when c == (byte)'\r':
                    used++;
                    _state = State.AfterDotCr;
                    continue;

                case State.AfterDotCr when c == (byte)'\n' && _afterCrLf:
                    used++;
                    _state = State.LineStart;
                    return ContentStep.End;

                // The dot was transparency after all, and the CR behind it belongs to the content: it goes out before what follows.
                case State.AfterDotCr:
                case State.AfterCr:
                    return AfterCr(c, ref used, out content);

                default:
                    return Line(input, ref used, out content);
            }
        }
        return ContentStep.NeedMore;
    }

    /// <summary>
    /// Ends the content of the last BDAT chunk, where a CR may still be held back.
    /// </summary>
    /// <param name="content">Content still to be taken, or empty.</param>
    public void Finish(out ReadOnlySpan<byte> content)
    {
        content = default;
        if (_state != State.AfterCr)
            return;
        HasBareLineEnding = true;
        content = normalise ? CrLf : CrLf[..1];
        _state = State.LineStart;
    }

    /// <summary>Whether the content so far ends in a line ending (or is empty), so that a message can end here.</summary>
    public readonly bool AtLineStart => _state is State.LineStart or State.AfterDot;

    private ContentStep AfterCr(byte c, scoped ref int used, out ReadOnlySpan<byte> content)
    {
        if (c == (byte)'\n')
        {
            used++;
            content = CrLf;
            _afterCrLf = true;
        }
        else
        {
            HasBareLineEnding = true;
            content = normalise ? CrLf : CrLf[..1];
            _afterCrLf = false;
        }
        _state = State.LineStart;
        return ContentStep.Content;
    }

    private ContentStep Line(ReadOnlySpan<byte> input, scoped ref int used, out ReadOnlySpan<byte> content)
    {
        var rest = input[used..];
        var end = rest.IndexOfAny((byte)'\r', (byte)'\n');
        if (end < 0)
        {
            used = input.Length;
            content = rest;
            _state = State.Text;
            return ContentStep.Content;
        }
        if (rest[end] == (byte)'\r')
        {
            // With the LF at hand the whole line is one slice.
            if (end + 1 < rest.Length && rest[end + 1] == (byte)'\n')
            {
                content = rest[..(end + 2)];
                used += end + 2;
                _state = State.LineStart;
                _afterCrLf = true;
                return ContentStep.Content;
            }
            content = rest[..end];
            used += end + 1;
            _state = State.AfterCr;
            return ContentStep.Content;
        }
        HasBareLineEnding = true;
        if (normalise && end > 0)
        {
            content = rest[..end];
            used += end;
            _state = State.Text;
            return ContentStep.Content;
        }
        content = normalise ? CrLf : rest[..(end + 1)];
        used += end + 1;
        _state = State.LineStart;
        _afterCrLf = false;
        return ContentStep.Content;
    }
}
