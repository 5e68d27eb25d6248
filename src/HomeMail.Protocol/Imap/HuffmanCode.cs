namespace HomeMail.Protocol.Imap;

/// <summary>A canonical Huffman code (RFC 1951 3.2.2): how many codes there are of each length, and the symbols in their order.</summary>
internal sealed class HuffmanCode
{
    public const int MaxLength = 15;

    private readonly short[] _counts = new short[MaxLength + 1];
    private readonly short[] _symbols;

    private HuffmanCode(int symbols) => _symbols = new short[symbols];

    /// <summary>The code of literals and lengths that is always the same (RFC 1951 3.2.6).</summary>
    public static HuffmanCode FixedLengths { get; } = MakeFixed();

    /// <summary>The code of distances that is always the same.</summary>
    public static HuffmanCode FixedDistances { get; } = Make([.. Enumerable.Repeat((byte)5, 30)])!;

    /// <summary>How many codes there are of a length.</summary>
    public int Count(int length) => _counts[length];

    /// <summary>The symbol at a place in the order of codes.</summary>
    public int Symbol(int index) => _symbols[index];

    /// <summary>Makes a code from the lengths of its symbols; null if there can't be one.</summary>
    public static HuffmanCode? Make(ReadOnlySpan<byte> lengths)
    {
        var code = new HuffmanCode(lengths.Length);
        foreach (var length in lengths)
            code._counts[length]++;
        code._counts[0] = 0;
        // More codes than fit are none; fewer are suffered, as a single distance has half a code.
        var left = 1;
        for (var length = 1; length <= MaxLength; length++)
            if ((left = (left << 1) - code._counts[length]) < 0)
                return null;
        Span<short> next = stackalloc short[MaxLength + 2];
        next.Clear();
        for (var length = 1; length <= MaxLength; length++)
            next[length + 1] = (short)(next[length] + code._counts[length]);
        for (var symbol = 0; symbol < lengths.Length; symbol++)
            if (lengths[symbol] != 0)
                code._symbols[next[lengths[symbol]]++] = (short)symbol;
        return code;
    }

    private static HuffmanCode MakeFixed()
    {
        var lengths = new byte[288];
        for (var i = 0; i < lengths.Length; i++)
            lengths[i] = (byte)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
        return Make(lengths)!;
    }
}
