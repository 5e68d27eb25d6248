using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Texts to compare in any case, close together: in upper case and UTF-8, whose octets are in the order of the characters (RFC 5051 2).</summary>
internal sealed class TextKeys
{
    // Two texts that are the same for so long count as the same.
    private const int MaxOctets = 512;

    // Below what the runtime takes for a large object.
    private const int ChunkLength = 64 * 1024;

    private readonly List<byte[]> _chunks = [];
    private int _filled = ChunkLength;

    /// <summary>Adds a text; its number is for <see cref="Compare"/>.</summary>
    public long Add(string text)
    {
        if (text.Length == 0)
            return 0;
        if (_filled + MaxOctets > ChunkLength)
        {
            _chunks.Add(new byte[ChunkLength]);
            _filled = 0;
        }
        Span<char> upper = stackalloc char[MaxOctets];
        var length = text.AsSpan(0, Math.Min(text.Length, MaxOctets)).ToUpperInvariant(upper);
        Encoding.UTF8.GetEncoder().Convert(upper[..length], _chunks[^1].AsSpan(_filled, MaxOctets), flush: false, out _, out var used, out _);
        var key = ((((long)(_chunks.Count - 1) * ChunkLength) + _filled) << 16) | (uint)used;
        _filled += used;
        return key;
    }

    /// <summary>Which of two comes first.</summary>
    public int Compare(long x, long y) => Octets(x).SequenceCompareTo(Octets(y));

    private ReadOnlySpan<byte> Octets(long key) =>
        (key & 0xffff) == 0 ? default : _chunks[(int)((key >> 16) / ChunkLength)].AsSpan((int)((key >> 16) % ChunkLength), (int)(key & 0xffff));
}
