namespace HomeMail.Protocol.Imap;

/// <summary>
/// Takes apart what a client has compressed by DEFLATE (RFC 1951, RFC 4978), in whatever pieces it comes. What it keeps grows with what it has seen,
/// up to the 32 kB a client may refer back to: a session that says little costs little.
/// </summary>
public sealed class Inflater
{
    private const int MaxWindow = 32 * 1024;
    private const int MaxLengths = 288;
    private const int MaxDistances = 32;

    private enum Step
    {
        Header,
        StoredLength,
        Stored,
        Sizes,
        CodeLengths,
        Lengths,
        Symbol,
        LengthBits,
        Distance,
        DistanceBits,
        Copy,
        End,
    }

    // RFC 1951 3.2.5.
    private static ReadOnlySpan<short> LengthBase => [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    private static ReadOnlySpan<byte> LengthBits => [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    private static ReadOnlySpan<short> DistanceBase =>
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];

    private static ReadOnlySpan<byte> DistanceBits =>
        [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

    // RFC 1951 3.2.7.
    private static ReadOnlySpan<byte> Order => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private Step _step;
    private bool _isLast;
    private ulong _hold;
    private int _bits;
    private byte[] _window = [];
    private int _at;
    private bool _isFull;
    private int _count;
    private int _distance;
    private HuffmanCode _lengthCode = HuffmanCode.FixedLengths;
    private HuffmanCode _distanceCode = HuffmanCode.FixedDistances;
    private byte[]? _lengths;
    private int _lengthCount;
    private int _distanceCount;
    private int _codeCount;
    private int _symbol = -1;

    /// <summary>Whether the compressed stream has ended; the peer says no more.</summary>
    public bool IsAtEnd => _step == Step.End;

    /// <summary>Octets of memory held for what the peer may refer back to.</summary>
    public int Held => _window.Length;

    /// <summary>Takes some octets apart. False if they are no DEFLATE; then this is of no use any more.</summary>
    /// <param name="input">What came; what was not taken must come again.</param>
    /// <param name="taken">How many octets of it were taken.</param>
    /// <param name="output">Where to. Once it is full, call again, also without new input.</param>
    /// <param name="written">How many octets were written.</param>
    public bool TryInflate(ReadOnlySpan<byte> input, out int taken, Span<byte> output, out int written)
    {
        taken = written = 0;
        while (true)
        {
            var moved = _step switch
            {
                Step.Header => Header(input, ref taken),
                Step.StoredLength => StoredLength(input, ref taken),
                Step.Stored => Stored(input, ref taken, output, ref written),
                Step.Sizes => Sizes(input, ref taken),
                Step.CodeLengths => CodeLengths(input, ref taken),
                Step.Lengths => Lengths(input, ref taken),
                Step.Symbol => Symbols(input, ref taken, output, ref written),
                Step.LengthBits => LengthExtra(input, ref taken),
                Step.Distance => Distance(input, ref taken),
                Step.DistanceBits => DistanceExtra(input, ref taken),
                Step.Copy => Copy(output, ref written),
                _ => Moved.Waits,
            };
            if (moved != Moved.On)
                return moved == Moved.Waits;
        }
    }

    private enum Moved
    {
        On,
        Waits,
        Wrong,
    }

    private bool Need(int bits, ReadOnlySpan<byte> input, ref int taken)
    {
        while (_bits < bits)
        {
            if (taken == input.Length)
                return false;
            _hold |= (ulong)input[taken++] << _bits;
            _bits += 8;
        }
        return true;
    }

    private int Take(int bits)
    {
        var value = (int)(_hold & ((1UL << bits) - 1));
        _hold >>= bits;
        _bits -= bits;
        return value;
    }

    private Moved Header(ReadOnlySpan<byte> input, ref int taken)
    {
        if (_isLast)
        {
            _step = Step.End;
            return Moved.On;
        }
        if (!Need(3, input, ref taken))
            return Moved.Waits;
        _isLast = Take(1) == 1;
        switch (Take(2))
        {
            case 0:
                Take(_bits % 8);
                _step = Step.StoredLength;
                return Moved.On;
            case 1:
                (_lengthCode, _distanceCode) = (HuffmanCode.FixedLengths, HuffmanCode.FixedDistances);
                _step = Step.Symbol;
                return Moved.On;
            case 2:
                _step = Step.Sizes;
                return Moved.On;
            default:
                return Moved.Wrong;
        }
    }

    private Moved StoredLength(ReadOnlySpan<byte> input, ref int taken)
    {
        if (!Need(32, input, ref taken))
            return Moved.Waits;
        _count = Take(16);
        if (_count != (~Take(16) & 0xffff))
            return Moved.Wrong;
        _step = Step.Stored;
        return Moved.On;
    }

    private Moved Stored(ReadOnlySpan<byte> input, ref int taken, Span<byte> output, ref int written)
    {
        for (; _count > 0; _count--)
        {
            if (written == output.Length || !Need(8, input, ref taken))
                return Moved.Waits;
            Put((byte)Take(8), output, ref written);
        }
        _step = Step.Header;
        return Moved.On;
    }

    private Moved Sizes(ReadOnlySpan<byte> input, ref int taken)
    {
        if (!Need(14, input, ref taken))
            return Moved.Waits;
        (_lengthCount, _distanceCount, _codeCount) = (Take(5) + 257, Take(5) + 1, Take(4) + 4);
        if (_lengthCount > MaxLengths || _distanceCount > MaxDistances)
            return Moved.Wrong;
        _lengths = new byte[MaxLengths + MaxDistances];
        _count = 0;
        _step = Step.CodeLengths;
        return Moved.On;
    }

    private Moved CodeLengths(ReadOnlySpan<byte> input, ref int taken)
    {
        for (; _count < _codeCount; _count++)
        {
            if (!Need(3, input, ref taken))
                return Moved.Waits;
            _lengths![Order[_count]] = (byte)Take(3);
        }
        if (HuffmanCode.Make(_lengths.AsSpan(0, Order.Length)) is not { } code)
            return Moved.Wrong;
        _lengthCode = code;
        Array.Clear(_lengths!);
        _count = 0;
        _step = Step.Lengths;
        return Moved.On;
    }

    private Moved Lengths(ReadOnlySpan<byte> input, ref int taken)
    {
        var all = _lengthCount + _distanceCount;
        while (_count < all)
        {
            // A symbol whose bits are still to come is kept.
            var symbol = _symbol >= 0 ? _symbol : Decode(_lengthCode, input, ref taken);
            if (symbol == Missing)
                return Moved.Waits;
            if (symbol == Invalid)
                return Moved.Wrong;
            if (symbol < 16)
            {
                _lengths![_count++] = (byte)symbol;
                continue;
            }
            var extra = symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
            if (!Need(extra, input, ref taken))
            {
                _symbol = symbol;
                return Moved.Waits;
            }
            _symbol = -1;
            var times = Take(extra) + (symbol == 18 ? 11 : 3);
            if (_count + times > all || (symbol == 16 && _count == 0))
                return Moved.Wrong;
            _lengths.AsSpan(_count, times).Fill(symbol == 16 ? _lengths![_count - 1] : (byte)0);
            _count += times;
        }
        // The end of a block must have a code.
        if (_lengths![256] == 0 || HuffmanCode.Make(_lengths.AsSpan(0, _lengthCount)) is not { } lengthCode
            || HuffmanCode.Make(_lengths.AsSpan(_lengthCount, _distanceCount)) is not { } distanceCode)
            return Moved.Wrong;
        (_lengthCode, _distanceCode, _lengths) = (lengthCode, distanceCode, null);
        _step = Step.Symbol;
        return Moved.On;
    }

    private Moved Symbols(ReadOnlySpan<byte> input, ref int taken, Span<byte> output, ref int written)
    {
        while (written < output.Length)
        {
            var symbol = Decode(_lengthCode, input, ref taken);
            if (symbol == Missing)
                return Moved.Waits;
            if (symbol == Invalid || symbol > 285)
                return Moved.Wrong;
            if (symbol >= 256)
            {
                _count = symbol - 257;
                _step = symbol == 256 ? Step.Header : Step.LengthBits;
                return Moved.On;
            }
            Put((byte)symbol, output, ref written);
        }
        return Moved.Waits;
    }

    private Moved LengthExtra(ReadOnlySpan<byte> input, ref int taken)
    {
        if (!Need(LengthBits[_count], input, ref taken))
            return Moved.Waits;
        _count = LengthBase[_count] + Take(LengthBits[_count]);
        _step = Step.Distance;
        return Moved.On;
    }

    private Moved Distance(ReadOnlySpan<byte> input, ref int taken)
    {
        var symbol = Decode(_distanceCode, input, ref taken);
        if (symbol == Missing)
            return Moved.Waits;
        if (symbol == Invalid || symbol > 29)
            return Moved.Wrong;
        _distance = symbol;
        _step = Step.DistanceBits;
        return Moved.On;
    }

    private Moved DistanceExtra(ReadOnlySpan<byte> input, ref int taken)
    {
        if (!Need(DistanceBits[_distance], input, ref taken))
            return Moved.Waits;
        _distance = DistanceBase[_distance] + Take(DistanceBits[_distance]);
        if (_distance > (_isFull ? MaxWindow : _at))
            return Moved.Wrong;
        _step = Step.Copy;
        return Moved.On;
    }

    private Moved Copy(Span<byte> output, ref int written)
    {
        for (; _count > 0; _count--)
        {
            if (written == output.Length)
                return Moved.Waits;
            var from = _at - _distance;
            Put(_window[from < 0 ? from + MaxWindow : from], output, ref written);
        }
        _step = Step.Symbol;
        return Moved.On;
    }

    private void Put(byte octet, Span<byte> output, ref int written)
    {
        output[written++] = octet;
        if (_at == _window.Length)
        {
            if (_at < MaxWindow)
                Array.Resize(ref _window, Math.Max(1024, 2 * _at));
            else
                (_at, _isFull) = (0, true);
        }
        _window[_at++] = octet;
    }

    private const int Missing = -1;
    private const int Invalid = -2;

    // A bit at a time, from the shortest codes on; nothing is taken before all of a code is there.
    private int Decode(HuffmanCode code, ReadOnlySpan<byte> input, ref int taken)
    {
        int value = 0, first = 0, index = 0;
        for (var length = 1; length <= HuffmanCode.MaxLength; length++)
        {
            if (!Need(length, input, ref taken))
                return Missing;
            value |= (int)(_hold >> (length - 1)) & 1;
            var count = code.Count(length);
            if (value - count < first)
            {
                Take(length);
                return code.Symbol(index + (value - first));
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        return Invalid;
    }
}
