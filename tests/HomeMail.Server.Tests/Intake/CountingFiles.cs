using HomeMail.Storage.Files;

namespace HomeMail.Server.Tests.Intake;

/// <summary>The machine's file system, with counts: of steps, and of how often the store waits for the disk.</summary>
internal sealed class CountingFiles : IFileSystem
{
    private readonly IFileSystem _real = RealFileSystem.Instance;
    private int _steps;
    private int _opened;

    private IFileSystem Real
    {
        get
        {
            Interlocked.Increment(ref _steps);
            return _real;
        }
    }

    /// <summary>Groups that were synced, each with how many files and folders it had.</summary>
    public List<int> Groups { get; } = [];

    /// <summary>Folders that were synced by themselves.</summary>
    public List<string> Folders { get; } = [];

    /// <summary>All steps but writes and reads of open files, which have no names here.</summary>
    public int Steps => Volatile.Read(ref _steps);

    /// <summary>Files that were opened.</summary>
    public int Opened => Volatile.Read(ref _opened);

    public IFile Create(string path, bool readOnly = false) => Real.Create(path, readOnly);

    public IFile Open(string path, bool write = false)
    {
        Interlocked.Increment(ref _opened);
        return Real.Open(path, write);
    }

    public void Link(string existing, string added) => Real.Link(existing, added);

    public void Rename(string from, string to) => Real.Rename(from, to);

    public bool Unlink(string path) => Real.Unlink(path);

    public bool CreateFolder(string path) => Real.CreateFolder(path);

    public bool RemoveFolder(string path) => Real.RemoveFolder(path);

    public void List(string path, EntryVisitor visit) => Real.List(path, visit);

    public bool TryStat(string path, out FileStat stat) => Real.TryStat(path, out stat);

    public void SyncFolder(string path)
    {
        lock (Groups)
            Folders.Add(path);
        Real.SyncFolder(path);
    }

    public void SyncAll(IReadOnlyList<SyncItem> items)
    {
        lock (Groups)
            Groups.Add(items.Count);
        Real.SyncAll(items);
    }

    public void Copy(IFile from, long fromOffset, IFile to, long toOffset, long count) => Real.Copy(from, fromOffset, to, toOffset, count);

    public FreeSpace Free(string path) => Real.Free(path);

    public IDisposable? TryLock(string path) => Real.TryLock(path);
}
