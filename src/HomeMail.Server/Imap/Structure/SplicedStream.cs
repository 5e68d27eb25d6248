namespace HomeMail.Server.Imap.Structure;

/// <summary>A range of a stream that is replaced by other octets.</summary>
/// <param name="Offset">Where it begins.</param>
/// <param name="Length">How long it is.</param>
/// <param name="Octets">What stands there instead.</param>
internal readonly record struct Splice(long Offset, long Length, byte[] Octets);

/// <summary>A stream with some ranges replaced, to read; able to seek. The stream below stays open.</summary>
internal sealed class SplicedStream : PositionedStream
{
    private readonly Stream _below;
    private readonly List<(long Start, long Length, long Below, byte[]? Octets)> _pieces = [];

    /// <param name="below">The stream.</param>
    /// <param name="splices">What is replaced, ascending, without overlap.</param>
    public SplicedStream(Stream below, IReadOnlyList<Splice> splices)
    {
        _below = below;
        var at = 0L;
        foreach (var splice in splices)
        {
            Add(splice.Offset - at, at, null);
            Add(splice.Octets.Length, 0, splice.Octets);
            at = splice.Offset + splice.Length;
        }
        Add(below.Length - at, at, null);
    }

    public override long Length => _pieces.Count == 0 ? 0 : _pieces[^1].Start + _pieces[^1].Length;

    public override int Read(Span<byte> buffer)
    {
        foreach (var (start, length, below, octets) in _pieces)
        {
            var into = Position - start;
            if (into < 0 || into >= length)
                continue;
            var part = buffer[..(int)Math.Min(buffer.Length, length - into)];
            if (octets is not null)
            {
                octets.AsSpan((int)into, part.Length).CopyTo(part);
            }
            else
            {
                _below.Position = below + into;
                part = part[.._below.Read(part)];
            }
            Position += part.Length;
            return part.Length;
        }
        return 0;
    }

    private void Add(long length, long below, byte[]? octets)
    {
        if (length > 0)
            _pieces.Add((Length, length, below, octets));
    }
}
