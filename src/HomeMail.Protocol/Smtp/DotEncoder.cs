using System.Buffers;

namespace HomeMail.Protocol.Smtp;

/// <summary>
/// Turns the octets of a message into what follows DATA or BDAT on the wire, in blocks of any size. Whatever goes in, only CRLF line endings
/// come out: a carriage return or line feed that stands alone becomes CRLF (RFC 5321 2.3.8), a NUL is left out, since servers that drop it
/// would see a dot at the start of a line where there was none. After DATA a line that begins with a dot gets another one (RFC 5321 4.5.2);
/// in BDAT none is added (RFC 3030 2). A message that is in order goes through unchanged, so signatures hold.
/// </summary>
/// <param name="isChunk">True for BDAT: no dots are added, and no end-of-data line.</param>
public struct DotEncoder(bool isChunk)
{
    /// <summary>Octets that <see cref="Finish"/> can write.</summary>
    public const int MaxFinish = 5;

    private static readonly SearchValues<byte> Special = SearchValues.Create([(byte)'\r', (byte)'\n', 0]);

    private bool _insideLine;
    private bool _afterCr;

    /// <summary>Encodes as much as fits.</summary>
    /// <param name="source">Octets of the message.</param>
    /// <param name="destination">Where the wire form goes; at least 4 octets.</param>
    /// <param name="consumed">How many octets of the source were taken.</param>
    /// <param name="written">How many octets were written.</param>
    /// <returns>True if the whole source was taken; else call again with the rest and new room.</returns>
    public bool Encode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        consumed = written = 0;
        while (consumed < source.Length)
        {
            // One step writes at most CR LF, a dot, and one octet; a run of plain octets takes what room is left.
            if (destination.Length - written < 4)
                return false;
            var next = source[consumed];
            if (next == 0)
            {
                consumed++;
                continue;
            }
            if (next == (byte)'\n')
            {
                consumed++;
                EndLine(destination, ref written);
                _afterCr = false;
                continue;
            }
            if (_afterCr)
            {
                EndLine(destination, ref written);
                _afterCr = false;
            }
            if (next == (byte)'\r')
            {
                consumed++;
                _afterCr = true;
                continue;
            }
            if (!_insideLine)
            {
                _insideLine = true;
                if (next == (byte)'.' && !isChunk)
                    destination[written++] = (byte)'.';
            }
            var rest = source[consumed..];
            var plain = rest.IndexOfAny(Special);
            var run = Math.Min(plain < 0 ? rest.Length : plain, destination.Length - written);
            rest[..run].CopyTo(destination[written..]);
            consumed += run;
            written += run;
        }
        return true;
    }

    /// <summary>Ends the message: an open line is closed, and after DATA the line with a single dot follows (RFC 5321 4.1.1.4).</summary>
    /// <param name="destination">At least <see cref="MaxFinish"/> octets.</param>
    /// <returns>How many octets were written.</returns>
    public int Finish(Span<byte> destination)
    {
        var written = 0;
        if (_afterCr || _insideLine)
            EndLine(destination, ref written);
        _afterCr = false;
        if (!isChunk)
        {
            ".\r\n"u8.CopyTo(destination[written..]);
            written += 3;
        }
        return written;
    }

    private void EndLine(Span<byte> destination, ref int written)
    {
        destination[written++] = (byte)'\r';
        destination[written++] = (byte)'\n';
        _insideLine = false;
    }
}
