using HomeMail.Storage.Files;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>A message file in memory, to be read.</summary>
internal sealed class MemoryFile(byte[] octets, long failAt = long.MaxValue) : IFile
{
    public long Length => octets.Length;

    public bool IsDisposed { get; private set; }

    public int Read(Span<byte> buffer, long offset)
    {
        if (offset >= failAt)
            throw new StorageException(FileError.Other, "read", "memory");
        var part = octets.AsSpan((int)Math.Min(offset, octets.Length));
        var length = Math.Min(part.Length, buffer.Length);
        part[..length].CopyTo(buffer);
        return length;
    }

    public void Write(ReadOnlySpan<byte> data, long offset) => throw new NotSupportedException();

    public void SetLength(long length) => throw new NotSupportedException();

    public void SetModified(DateTimeOffset time) => throw new NotSupportedException();

    public void StartSync() => throw new NotSupportedException();

    public void Sync() => throw new NotSupportedException();

    public void Dispose() => IsDisposed = true;
}
