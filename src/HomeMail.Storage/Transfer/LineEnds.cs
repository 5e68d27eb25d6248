namespace HomeMail.Storage.Transfer;

/// <summary>
/// Line ends on their way in and out: a message here has CRLF (RFC 5322 2.1), a Maildir and an mbox have LF. A CR that no LF follows is content and stays.
/// What came with LF alone goes out as it came, octet for octet.
/// </summary>
public static class LineEnds
{
    private const byte Cr = (byte)'\r';
    private const byte Lf = (byte)'\n';

    /// <summary>Puts a CR before each LF that has none.</summary>
    /// <param name="from">Octets.</param>
    /// <param name="to">Where to; two octets at least.</param>
    /// <param name="last">The octet before <paramref name="from"/>, 0 at the beginning; kept from call to call.</param>
    /// <param name="written">How many octets were written.</param>
    /// <returns>How many octets were taken.</returns>
    public static int ToCrlf(ReadOnlySpan<byte> from, Span<byte> to, ref byte last, out int written)
    {
        written = 0;
        var taken = 0;
        while (taken < from.Length)
        {
            var rest = from[taken..];
            if (rest[0] == Lf)
            {
                var before = taken > 0 ? from[taken - 1] : last;
                if (to.Length - written < (before == Cr ? 1 : 2))
                    break;
                if (before != Cr)
                    to[written++] = Cr;
                to[written++] = Lf;
                taken++;
                continue;
            }
            var run = rest.IndexOf(Lf);
            run = Math.Min(run < 0 ? rest.Length : run, to.Length - written);
            if (run == 0)
                break;
            rest[..run].CopyTo(to[written..]);
            written += run;
            taken += run;
        }
        if (taken > 0)
            last = from[taken - 1];
        return taken;
    }

    /// <summary>Takes the CR out of each CRLF.</summary>
    /// <param name="from">Octets.</param>
    /// <param name="to">Where to; one octet longer than <paramref name="from"/> at least.</param>
    /// <param name="heldCr">Whether a CR was held back, for its LF may come; kept from call to call. At the end it is content.</param>
    /// <returns>How many octets were written.</returns>
    public static int ToLf(ReadOnlySpan<byte> from, Span<byte> to, ref bool heldCr)
    {
        var written = 0;
        if (heldCr && !from.IsEmpty)
        {
            if (from[0] != Lf)
                to[written++] = Cr;
            heldCr = false;
        }
        while (!from.IsEmpty)
        {
            var run = from.IndexOf(Cr);
            if (run < 0)
            {
                from.CopyTo(to[written..]);
                return written + from.Length;
            }
            from[..run].CopyTo(to[written..]);
            written += run;
            if (run + 1 == from.Length)
            {
                heldCr = true;
                return written;
            }
            if (from[run + 1] != Lf)
                to[written++] = Cr;
            from = from[(run + 1)..];
        }
        return written;
    }
}
