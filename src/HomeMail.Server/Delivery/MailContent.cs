using HomeMail.Storage.Files;

namespace HomeMail.Server.Delivery;

/// <summary>The octets of a message that travel: a part of its file, and what one attempt puts in front (an ARC set). It owns the open file.</summary>
/// <param name="file">The message file.</param>
/// <param name="offset">Where what travels begins.</param>
/// <param name="prefix">What goes in front, whole header fields with CRLF; mostly empty.</param>
public sealed class MailContent(IFile file, long offset, ReadOnlyMemory<byte> prefix = default) : IDisposable
{
    private readonly long _length = Math.Max(0, file.Length - offset);

    /// <summary>How many octets there are in all.</summary>
    public long Length => prefix.Length + _length;

    /// <summary>Reads octets.</summary>
    /// <param name="position">Where from, 0 being the first octet that travels.</param>
    /// <param name="buffer">Where to.</param>
    /// <returns>How many were read; 0 at the end.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public int Read(long position, Span<byte> buffer)
    {
        if (position >= prefix.Length)
            return file.Read(buffer, offset + position - prefix.Length);
        var part = prefix.Span[(int)position..];
        var length = Math.Min(part.Length, buffer.Length);
        part[..length].CopyTo(buffer);
        return length;
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
