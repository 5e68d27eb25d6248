using Microsoft.Win32.SafeHandles;

namespace HomeMail.Storage.Files;

/// <summary>An open file of the system.</summary>
internal sealed class RealFile(SafeFileHandle handle, string path) : IFile
{
    internal SafeFileHandle Handle => handle;

    internal string Path => path;

    public long Length
    {
        get
        {
            try
            {
                return RandomAccess.GetLength(handle);
            }
            catch (IOException error)
            {
                throw SystemCalls.Failure(error, "stat", path);
            }
        }
    }

    public int Read(Span<byte> buffer, long offset)
    {
        try
        {
            return RandomAccess.Read(handle, buffer, offset);
        }
        catch (IOException error)
        {
            throw SystemCalls.Failure(error, "read", path);
        }
    }

    public void Write(ReadOnlySpan<byte> data, long offset)
    {
        try
        {
            RandomAccess.Write(handle, data, offset);
        }
        catch (IOException error)
        {
            throw SystemCalls.Failure(error, "write", path);
        }
    }

    public void SetModified(DateTimeOffset time)
    {
        try
        {
            File.SetLastWriteTimeUtc(handle, time.UtcDateTime);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // FAT and some network file systems keep fewer times than we have; the journal has the date anyway.
        }
    }

    /// <summary>Begins to write out what is dirty, without waiting.</summary>
    internal void StartSync() => SystemCalls.StartWriteOut(handle);

    public void Sync() => SystemCalls.Sync(handle, path);

    public void Dispose() => handle.Dispose();
}
