namespace HomeMail.Server.Imap.Structure;

/// <summary>How a body is encoded (RFC 2045 6).</summary>
public enum TransferEncoding
{
    /// <summary>7bit, 8bit or binary: as it is.</summary>
    Identity,

    /// <summary>base64.</summary>
    Base64,

    /// <summary>quoted-printable.</summary>
    QuotedPrintable,

    /// <summary>One that is not known: BINARY answers NO [UNKNOWN-CTE].</summary>
    Unknown,
}

/// <summary>Decodes base64 and quoted-printable as it flows, one block at a time (RFC 2045 6.7, 6.8; for BINARY, RFC 3516).</summary>
public sealed class ContentDecoder
{
    private readonly TransferEncoding _encoding;
    private int _bits;
    private int _bitCount;
    private int _state; // quoted-printable: 0 text, 1 after '=', 2 after '=' and a hexadecimal digit, 3 in white space after '=' up to the line end
    private byte _first;
    private int _spaces;
    private readonly byte[] _held = new byte[128];
    private bool _hasCr;

    /// <summary>Decodes one encoding.</summary>
    public ContentDecoder(TransferEncoding encoding) => _encoding = encoding;

    /// <summary>The encoding of a part.</summary>
    public static TransferEncoding Of(MessagePart part) => Of(StructureWriter.Encoding(part));

    /// <summary>The encoding of a name.</summary>
    public static TransferEncoding Of(string name)
    {
        if (name.Equals("base64", StringComparison.OrdinalIgnoreCase))
            return TransferEncoding.Base64;
        if (name.Equals("quoted-printable", StringComparison.OrdinalIgnoreCase))
            return TransferEncoding.QuotedPrintable;
        return name.Equals("7bit", StringComparison.OrdinalIgnoreCase) || name.Equals("8bit", StringComparison.OrdinalIgnoreCase) || name.Equals("binary", StringComparison.OrdinalIgnoreCase)
            ? TransferEncoding.Identity : TransferEncoding.Unknown;
    }

    /// <summary>The most octets that a block of some length gives, with what was held back before.</summary>
    public int MaxOutput(int length) => length + _spaces + 8;

    /// <summary>Decodes a block.</summary>
    /// <param name="input">Encoded octets.</param>
    /// <param name="output">At least <see cref="MaxOutput"/> long.</param>
    /// <returns>How many octets were written.</returns>
    public int Decode(ReadOnlySpan<byte> input, Span<byte> output)
    {
        switch (_encoding)
        {
            case TransferEncoding.Base64:
                return DecodeBase64(input, output);
            case TransferEncoding.QuotedPrintable:
                return DecodeQuoted(input, output);
            default:
                input.CopyTo(output);
                return input.Length;
        }
    }

    /// <summary>Gives what was held back at the end.</summary>
    public int Finish(Span<byte> output)
    {
        var at = 0;
        if (_encoding == TransferEncoding.QuotedPrintable && _state == 2)
        {
            output[at++] = (byte)'=';
            output[at++] = _first;
        }
        if (_hasCr)
            output[at++] = (byte)'\r';
        _hasCr = false;
        _spaces = 0;
        _state = 0;
        return at;
    }

    private int DecodeBase64(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var at = 0;
        foreach (var octet in input)
        {
            var value = octet switch
            {
                >= (byte)'A' and <= (byte)'Z' => octet - 'A',
                >= (byte)'a' and <= (byte)'z' => octet - 'a' + 26,
                >= (byte)'0' and <= (byte)'9' => octet - '0' + 52,
                (byte)'+' => 62,
                (byte)'/' => 63,
                (byte)'=' => -2,
                _ => -1,
            };
            if (value == -2)
            {
                // Padding ends a group; several encoded pieces one after the other go on behind it.
                _bitCount = 0;
                continue;
            }
            if (value < 0)
                continue; // RFC 2045 6.8: other characters are to be ignored.
            _bits = (_bits << 6) | value;
            _bitCount += 6;
            if (_bitCount < 8)
                continue;
            _bitCount -= 8;
            output[at++] = (byte)(_bits >> _bitCount);
        }
        return at;
    }

    private int DecodeQuoted(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var at = 0;
        foreach (var octet in input)
            at += TakeQuoted(octet, output[at..]);
        return at;
    }

    private int TakeQuoted(byte octet, Span<byte> output)
    {
        if (_state == 0)
            return TakeText(octet, output);
        if (_state == 1 && char.IsAsciiHexDigit((char)octet))
        {
            _first = octet;
            _state = 2;
            return 0;
        }
        if (_state == 2 && char.IsAsciiHexDigit((char)octet))
        {
            _state = 0;
            output[0] = (byte)((Hex(_first) << 4) | Hex(octet));
            return 1;
        }
        if (_state is 1 or 3 && octet is (byte)' ' or (byte)'\t' or (byte)'\r')
        {
            _state = 3;
            return 0;
        }
        if (_state is 1 or 3 && octet == '\n')
        {
            _state = 0;
            return 0;
        }
        // What is no escape stays as it is (RFC 2045 6.7, note 2 on robust decoding).
        var at = 0;
        if (_state != 3)
            output[at++] = (byte)'=';
        if (_state == 2)
            output[at++] = _first;
        _state = 0;
        return at + TakeText(octet, output[at..]);
    }

    // White space at the end of a line was added on the way (RFC 2045 6.7 rule 3): so it waits for what follows.
    private int TakeText(byte octet, Span<byte> output)
    {
        var at = 0;
        if (_hasCr)
        {
            _hasCr = false;
            if (octet == '\n')
            {
                output[0] = (byte)'\r';
                output[1] = (byte)'\n';
                return 2;
            }
            output[at++] = (byte)'\r';
        }
        if (octet is (byte)' ' or (byte)'\t')
        {
            if (_spaces < _held.Length)
            {
                _held[_spaces++] = octet;
                return at;
            }
            // More of it than a line may hold is no accident: it is let through.
            at += Release(output[at..]);
            _held[_spaces++] = octet;
            return at;
        }
        if (octet is (byte)'\r' or (byte)'\n')
            _spaces = 0;
        else
            at += Release(output[at..]);
        if (octet == '\r')
            _hasCr = true;
        else if (octet == '=')
            _state = 1;
        else
            output[at++] = octet;
        return at;
    }

    private int Release(Span<byte> output)
    {
        var count = _spaces;
        _held.AsSpan(0, count).CopyTo(output);
        _spaces = 0;
        return count;
    }

    private static int Hex(byte c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
