using System.Text;

namespace HomeMail.Fuzz;

/// <summary>
/// Makes inputs out of a target's seeds and tokens. Which they are depends on the seed number alone, so that every run can be had again.
/// </summary>
public sealed class Mutator(FuzzTarget target, ulong seed)
{
    private const int MaxLength = 4096;

    private static readonly byte[] Interesting = [0, 1, 9, 10, 13, 32, (byte)'.', (byte)'<', (byte)'>', (byte)'@', (byte)'"', (byte)'\\', (byte)'=', (byte)';', 127, 128, 192, 255];

    private readonly byte[][] _seeds = [.. target.Seeds.Select(Octets)];
    private readonly byte[][] _tokens = [.. target.Tokens.Select(Octets)];
    private readonly byte[] _buffer = new byte[MaxLength];
    private ulong _state = seed == 0 ? 0x9E3779B97F4A7C15 : seed * 0x9E3779B97F4A7C15;
    private int _length;

    /// <summary>The next input; valid until the one after it is asked for.</summary>
    public ReadOnlySpan<byte> Next()
    {
        _length = 0;
        if (Below(8) == 0)
            Insert(0, Noise());
        else
            Insert(0, _seeds[Below(_seeds.Length)]);
        for (var changes = Below(Below(4) == 0 ? 24 : 5); changes > 0; changes--)
            Change();
        return _buffer.AsSpan(0, _length);
    }

    private void Change()
    {
        var at = Below(_length + 1);
        switch (Below(10))
        {
            case 0 or 1 or 2:
                Insert(at, _tokens[Below(_tokens.Length)]);
                break;
            case 3 when at < _length:
                _buffer[at] ^= (byte)(1 << Below(8));
                break;
            case 4 when at < _length:
                _buffer[at] = Interesting[Below(Interesting.Length)];
                break;
            case 5:
                Insert(at, [Interesting[Below(Interesting.Length)]]);
                break;
            case 6 when at < _length:
                Remove(at, 1 + Below(Math.Min(_length - at, 16)));
                break;
            case 7 when at < _length:
                // A piece again, somewhere else or many times.
                var piece = _buffer.AsSpan(at, 1 + Below(Math.Min(_length - at, 64))).ToArray();
                for (var times = Below(8) == 0 ? 20 : 1; times > 0; times--)
                    Insert(Below(_length + 1), piece);
                break;
            case 8:
                Insert(at, _seeds[Below(_seeds.Length)]);
                break;
            default:
                _length = at;
                break;
        }
    }

    private void Insert(int at, ReadOnlySpan<byte> octets)
    {
        var count = Math.Min(octets.Length, MaxLength - _length);
        if (count <= 0)
            return;
        _buffer.AsSpan(at, _length - at).CopyTo(_buffer.AsSpan(at + count));
        octets[..count].CopyTo(_buffer.AsSpan(at));
        _length += count;
    }

    private void Remove(int at, int count)
    {
        _buffer.AsSpan(at + count, _length - at - count).CopyTo(_buffer.AsSpan(at));
        _length -= count;
    }

    private byte[] Noise()
    {
        var noise = new byte[Below(64)];
        for (var i = 0; i < noise.Length; i++)
            noise[i] = (byte)Draw();
        return noise;
    }

    private int Below(int limit) => (int)((Draw() >> 33) % (uint)limit);

    // xorshift64*: the same numbers on every machine and in every version of the runtime.
    private ulong Draw()
    {
        _state ^= _state >> 12;
        _state ^= _state << 25;
        _state ^= _state >> 27;
        return _state * 0x2545F4914F6CDD1D;
    }

    private static byte[] Octets(string text) => Encoding.Latin1.GetBytes(text);
}
