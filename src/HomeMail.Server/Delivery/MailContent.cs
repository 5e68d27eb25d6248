using Microsoft.Win32.SafeHandles;

namespace HomeMail.Server.Delivery;

/// <summary>The octets of a message that travel: a part of its file, and what one attempt puts in front (an ARC set). It owns the file's handle.</summary>
/// <param name="file">The message file.</param>
/// <param name="offset">Where what travels begins.</param>
/// <param name="prefix">What goes in front, whole header fields with CRLF; mostly empty.</param>
public sealed class MailContent(SafeFileHandle file, long offset, ReadOnlyMemory<byte> prefix = default) : IDisposable
{
    private readonly long _length = Math.Max(0, RandomAccess.GetLength(file) - offset);

    /// <summary>How many octets there are in all.</summary>
    public long Length => prefix.Length + _length;

    /// <summary>Reads octets.</summary>
    /// <param name="position">Where from, 0 being the first octet that travels.</param>
    /// <param name="buffer">Where to.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>How many were read; 0 at the end.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public ValueTask<int> ReadAsync(long position, Memory<byte> buffer, CancellationToken cancel)
    {
        if (position >= prefix.Length)
            return RandomAccess.ReadAsync(file, buffer, offset + position - prefix.Length, cancel);
        var part = prefix[(int)position..];
        var length = Math.Min(part.Length, buffer.Length);
        part[..length].CopyTo(buffer);
        return ValueTask.FromResult(length);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
