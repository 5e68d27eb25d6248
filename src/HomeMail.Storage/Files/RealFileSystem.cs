using System.Buffers;
using System.IO.Enumeration;
using Microsoft.Win32.SafeHandles;

namespace HomeMail.Storage.Files;

/// <summary>The file system of the machine.</summary>
public sealed class RealFileSystem : IFileSystem
{
    private const int FileMode = 0b110_100_000;
    private const int ReadOnlyMode = 0b100_100_000;

    private readonly SyncThreads _threads = new();

    private RealFileSystem()
    {
    }

    /// <summary>The one there is.</summary>
    public static RealFileSystem Instance { get; } = new();

    /// <inheritdoc/>
    public IFile Create(string path, bool readOnly = false) =>
        new RealFile(SystemCalls.Create(path, readOnly ? ReadOnlyMode : FileMode), path);

    /// <inheritdoc/>
    public IFile Open(string path, bool write = false) => new RealFile(SystemCalls.Open(path, write), path);

    /// <inheritdoc/>
    public void Link(string existing, string added) => SystemCalls.Link(existing, added);

    /// <inheritdoc/>
    public void Rename(string from, string to) => SystemCalls.Rename(from, to);

    /// <inheritdoc/>
    public bool Unlink(string path) => SystemCalls.Unlink(path);

    /// <inheritdoc/>
    public bool CreateFolder(string path) => SystemCalls.CreateFolder(path);

    /// <inheritdoc/>
    public bool RemoveFolder(string path) => SystemCalls.RemoveFolder(path);

    /// <inheritdoc/>
    public void List(string path, EntryVisitor visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        try
        {
            // Nothing is allocated for an entry: the transform only passes the name on.
            var entries = new FileSystemEnumerable<int>(path, (ref FileSystemEntry entry) =>
            {
                visit(entry.FileName, entry.IsDirectory);
                return 0;
            }, new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false });
            foreach (var _ in entries)
            {
            }
        }
        catch (IOException error) when (error is DirectoryNotFoundException)
        {
            throw new StorageException(FileError.NotFound, "list", path);
        }
        catch (UnauthorizedAccessException)
        {
            throw new StorageException(FileError.Denied, "list", path);
        }
        catch (IOException error)
        {
            throw SystemCalls.Failure(error, "list", path);
        }
    }

    /// <inheritdoc/>
    public bool TryStat(string path, out FileStat stat) => SystemCalls.TryStat(path, out stat);

    /// <inheritdoc/>
    public void SyncFolder(string path)
    {
        using var folder = SystemCalls.Open(path, write: false);
        SystemCalls.Sync(folder, path);
    }

    /// <inheritdoc/>
    public void SyncAll(IReadOnlyList<SyncItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (items.Count > 1)
            foreach (var item in items)
                (item.File as RealFile)?.StartSync();
        _threads.Run(items, this);
    }

    /// <inheritdoc/>
    public void Copy(IFile from, long fromOffset, IFile to, long toOffset, long count)
    {
        var source = (RealFile)from;
        var target = (RealFile)to;
        var done = SystemCalls.Copy(source.Handle, fromOffset, target.Handle, toOffset, count, target.Path);
        if (done == count)
            return;
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            while (done < count)
            {
                var read = source.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, count - done)), fromOffset + done);
                if (read == 0)
                    throw new StorageException(FileError.Other, "copy", source.Path);
                target.Write(buffer.AsSpan(0, read), toOffset + done);
                done += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <inheritdoc/>
    public FreeSpace Free(string path) => SystemCalls.Free(path);

    /// <inheritdoc/>
    public IDisposable? TryLock(string path)
    {
        SafeFileHandle file;
        try
        {
            file = SystemCalls.Create(path, FileMode);
        }
        catch (StorageException error) when (error.Error == FileError.Exists)
        {
            file = SystemCalls.Open(path, write: true);
        }
        if (SystemCalls.TryLock(file, path))
            return file;
        file.Dispose();
        return null;
    }
}
