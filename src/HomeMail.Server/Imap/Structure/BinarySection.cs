using System.Buffers;

namespace HomeMail.Server.Imap.Structure;

/// <summary>What BINARY and BINARY.SIZE give of a part (RFC 9051 6.4.5.1, RFC 3516): its body decoded, a block at a time.</summary>
public static class BinarySection
{
    private const int BlockLength = 16 * 1024;

    /// <summary>The size of a section once decoded, in octets. It reads the whole section.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static long Size(Stream message, SectionRange range, TransferEncoding encoding, CancellationToken cancel = default)
    {
        if (encoding is TransferEncoding.Identity or TransferEncoding.Unknown)
            return range.Length;
        long size = 0;
        Decode(message, range, encoding, block => size += block.Length, cancel);
        return size;
    }

    /// <summary>Decodes a section.</summary>
    /// <param name="message">The message file, able to seek.</param>
    /// <param name="range">The part's body.</param>
    /// <param name="encoding">Not <see cref="TransferEncoding.Unknown"/>, which a caller refuses with NO [UNKNOWN-CTE].</param>
    /// <param name="take">Gets each decoded block.</param>
    /// <param name="cancel">Stops it between blocks.</param>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static void Decode(Stream message, SectionRange range, TransferEncoding encoding, ReadOnlySpanAction take, CancellationToken cancel = default)
    {
        using var section = new SectionStream(message, range);
        var decoder = new ContentDecoder(encoding);
        var input = ArrayPool<byte>.Shared.Rent(BlockLength);
        var output = ArrayPool<byte>.Shared.Rent(BlockLength + 1024);
        try
        {
            int read;
            while ((read = section.Read(input, 0, BlockLength)) > 0)
            {
                cancel.ThrowIfCancellationRequested();
                var length = decoder.Decode(input.AsSpan(0, read), output);
                if (length > 0)
                    take(output.AsSpan(0, length));
            }
            var last = decoder.Finish(output);
            if (last > 0)
                take(output.AsSpan(0, last));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(output);
        }
    }
}

/// <summary>Takes octets that are gone afterwards.</summary>
public delegate void ReadOnlySpanAction(ReadOnlySpan<byte> octets);
