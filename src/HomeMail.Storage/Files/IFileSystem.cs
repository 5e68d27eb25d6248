namespace HomeMail.Storage.Files;

/// <summary>What is known of a file or folder without opening it.</summary>
/// <param name="Length">Size in octets; meaningless for a folder.</param>
/// <param name="Modified">When its content was last written.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="LinkCount">How many names it has. Of a folder: two and one for each folder in it, where the file system counts so; else 1.</param>
public readonly record struct FileStat(long Length, DateTimeOffset Modified, bool IsFolder, int LinkCount);

/// <summary>What is left on a file system.</summary>
/// <param name="Bytes">Octets that an ordinary user may still write.</param>
/// <param name="Files">How many files can still be made; <see cref="long.MaxValue"/> where the file system has no such limit or does not tell.</param>
public readonly record struct FreeSpace(long Bytes, long Files);

/// <summary>Is called for each entry of a folder, in no order.</summary>
/// <param name="name">The name in the folder; valid during the call.</param>
/// <param name="isFolder">Whether it is a folder.</param>
public delegate void EntryVisitor(ReadOnlySpan<char> name, bool isFolder);

/// <summary>An open file. Reading and writing are at given offsets; several threads may read at once.</summary>
public interface IFile : IDisposable
{
    /// <summary>Size in octets.</summary>
    long Length { get; }

    /// <summary>Reads at an offset. Returns how many octets came; 0 only at or past the end.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="offset">Where from, in octets.</param>
    int Read(Span<byte> buffer, long offset);

    /// <summary>Writes all of a buffer at an offset; the file grows as needed.</summary>
    /// <param name="data">What.</param>
    /// <param name="offset">Where to, in octets.</param>
    void Write(ReadOnlySpan<byte> data, long offset);

    /// <summary>Sets the time of last change, which is where an internal date survives the loss of a journal.</summary>
    /// <param name="time">The time.</param>
    void SetModified(DateTimeOffset time);

    /// <summary>Returns when content and size are on the device.</summary>
    void Sync();
}

/// <summary>A file or a folder to be synced together with others.</summary>
public sealed class SyncItem
{
    /// <summary>The file, if it is one.</summary>
    public IFile? File { get; init; }

    /// <summary>The folder, if it is one.</summary>
    public string? Folder { get; init; }

    /// <summary>What went wrong, or null.</summary>
    public Exception? Error { get; set; }

    /// <summary>Syncs it now, and keeps what goes wrong.</summary>
    /// <param name="files">The file system.</param>
    public void Run(IFileSystem files)
    {
        ArgumentNullException.ThrowIfNull(files);
        try
        {
            if (File is not null)
                File.Sync();
            else
                files.SyncFolder(Folder!);
        }
        catch (Exception error)
        {
            Error = error;
        }
    }
}

/// <summary>
/// Everything the store asks of a file system, so that a test can stop after the k-th step and look at what a power cut leaves.
/// Paths are absolute or relative to the process. Every member throws <see cref="StorageException"/> when the system refuses.
/// A name is durable only after <see cref="SyncFolder"/> of the folder it is in.
/// </summary>
public interface IFileSystem
{
    /// <summary>Makes a new file, open for reading and writing; the name must be free.</summary>
    /// <param name="path">The path.</param>
    /// <param name="readOnly">True makes the file 0440, so that nobody opens it for writing later; else 0640.</param>
    IFile Create(string path, bool readOnly = false);

    /// <summary>Opens an existing file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="write">Whether it is to be written too.</param>
    IFile Open(string path, bool write = false);

    /// <summary>Gives a file a second name; the new name must be free (link(2)).</summary>
    /// <param name="existing">A name it has.</param>
    /// <param name="added">The name it gets.</param>
    void Link(string existing, string added);

    /// <summary>Renames, in one step; what had the new name is gone (rename(2)).</summary>
    /// <param name="from">The old name.</param>
    /// <param name="to">The new name.</param>
    void Rename(string from, string to);

    /// <summary>Takes a name away. False if it was not there.</summary>
    /// <param name="path">The name.</param>
    bool Unlink(string path);

    /// <summary>Makes a folder (0750). False if it was there.</summary>
    /// <param name="path">The path; its parent must exist.</param>
    bool CreateFolder(string path);

    /// <summary>Removes an empty folder. False if it was not there.</summary>
    /// <param name="path">The path.</param>
    bool RemoveFolder(string path);

    /// <summary>Visits the entries of a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="visit">Is called for each entry.</param>
    void List(string path, EntryVisitor visit);

    /// <summary>Looks at a file or folder; false if there is nothing of that name.</summary>
    /// <param name="path">The path.</param>
    /// <param name="stat">What is known of it.</param>
    bool TryStat(string path, out FileStat stat);

    /// <summary>Returns when the names in a folder are on the device.</summary>
    /// <param name="path">The folder.</param>
    void SyncFolder(string path);

    /// <summary>
    /// Syncs several files and folders, in no order. An item that fails says so in <see cref="SyncItem.Error"/>; this does not throw for it.
    /// </summary>
    /// <param name="items">What is to be synced.</param>
    void SyncAll(IReadOnlyList<SyncItem> items);

    /// <summary>Copies octets from file to file, in the kernel where it can (copy_file_range(2)).</summary>
    /// <param name="from">The source.</param>
    /// <param name="fromOffset">Where from, in octets.</param>
    /// <param name="to">The target.</param>
    /// <param name="toOffset">Where to, in octets.</param>
    /// <param name="count">How many octets.</param>
    void Copy(IFile from, long fromOffset, IFile to, long toOffset, long count);

    /// <summary>What is left on the file system of a path.</summary>
    /// <param name="path">The path.</param>
    FreeSpace Free(string path);

    /// <summary>Takes an exclusive lock on a file, which is made if need be; null if another process has it (flock(2)).</summary>
    /// <param name="path">The path of the lock file.</param>
    IDisposable? TryLock(string path);
}
