using System.Buffers;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Reads the text of a part: its transfer encoding and its charset undone, a block at a time.</summary>
internal static class BodyText
{
    /// <summary>Takes characters that are gone afterwards; false to stop.</summary>
    public delegate bool TakeText(ReadOnlySpan<char> text);

    /// <summary>Reads a part's text.</summary>
    /// <param name="message">The message file, able to seek.</param>
    /// <param name="part">A part without parts.</param>
    /// <param name="blockLength">The most characters at once.</param>
    /// <param name="take">Gets each block.</param>
    /// <param name="cancel">Stops it between blocks.</param>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static void Read(Stream message, MessagePart part, int blockLength, TakeText take, CancellationToken cancel)
    {
        using var section = new SectionStream(message, new(part.BodyOffset, part.BodyLength));
        var octets = new ContentDecoder(ContentDecoder.Of(part));
        var characters = Charsets.Get(part.Content.Parameter("charset")).GetDecoder();
        // A charset that changes its state has a few characters in hand, so a block gives a little less.
        var input = ArrayPool<byte>.Shared.Rent(blockLength);
        var decoded = ArrayPool<byte>.Shared.Rent(blockLength + 1024);
        var text = ArrayPool<char>.Shared.Rent(blockLength);
        try
        {
            int read;
            do
            {
                cancel.ThrowIfCancellationRequested();
                read = section.Read(input, 0, blockLength);
                var length = read > 0 ? octets.Decode(input.AsSpan(0, read), decoded) : octets.Finish(decoded);
                var at = 0;
                bool isComplete;
                do
                {
                    characters.Convert(decoded.AsSpan(at, length - at), text.AsSpan(0, blockLength), read == 0, out var used, out var made, out isComplete);
                    at += used;
                    if (made > 0 && !take(text.AsSpan(0, made)))
                        return;
                }
                while (!isComplete && at < length);
            }
            while (read > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(decoded);
            ArrayPool<char>.Shared.Return(text);
        }
    }
}
