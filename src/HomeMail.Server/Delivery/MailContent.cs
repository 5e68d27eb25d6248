using HomeMail.Storage.Files;

namespace HomeMail.Server.Delivery;

/// <summary>The octets of a message that travel: a part of its file, and what one attempt puts in front (an ARC set). It owns the open file.</summary>
/// <param name="file">The message file.</param>
/// <param name="offset">Where what travels begins.</param>
public sealed class MailContent(IFile file, long offset) : IDisposable
{
    // What stands in front of what travels is ours, and small.
    private const int MaxLocal = 64 * 1024;

    private readonly long _length = Math.Max(0, file.Length - offset);

    /// <summary>What this attempt puts in front of what is in the file: whole header fields with CRLF; mostly empty.</summary>
    public ReadOnlyMemory<byte> Front { get; set; }

    /// <summary>How many octets there are in all.</summary>
    public long Length => Front.Length + _length;

    /// <summary>What stands in the file before what travels, which is for local eyes only; empty if there is too much of it.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public byte[] ReadLocal()
    {
        if (offset is <= 0 or > MaxLocal)
            return [];
        var local = new byte[offset];
        var length = 0;
        int read;
        while (length < local.Length && (read = file.Read(local.AsSpan(length), length)) > 0)
            length += read;
        return local[..length];
    }

    /// <summary>Reads octets.</summary>
    /// <param name="position">Where from, 0 being the first octet that travels.</param>
    /// <param name="buffer">Where to.</param>
    /// <returns>How many were read; 0 at the end.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public int Read(long position, Span<byte> buffer)
    {
        if (position >= Front.Length)
            return file.Read(buffer, offset + position - Front.Length);
        var part = Front.Span[(int)position..];
        var length = Math.Min(part.Length, buffer.Length);
        part[..length].CopyTo(buffer);
        return length;
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
