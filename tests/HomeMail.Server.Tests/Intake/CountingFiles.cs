using HomeMail.Storage.Files;

namespace HomeMail.Server.Tests.Intake;

/// <summary>The machine's file system, with a count of how often the store waits for the disk.</summary>
internal sealed class CountingFiles : IFileSystem
{
    private readonly IFileSystem _real = RealFileSystem.Instance;

    /// <summary>Groups that were synced, each with how many files and folders it had.</summary>
    public List<int> Groups { get; } = [];

    /// <summary>Folders that were synced by themselves.</summary>
    public List<string> Folders { get; } = [];

    public IFile Create(string path, bool readOnly = false) => _real.Create(path, readOnly);

    public IFile Open(string path, bool write = false) => _real.Open(path, write);

    public void Link(string existing, string added) => _real.Link(existing, added);

    public void Rename(string from, string to) => _real.Rename(from, to);

    public bool Unlink(string path) => _real.Unlink(path);

    public bool CreateFolder(string path) => _real.CreateFolder(path);

    public bool RemoveFolder(string path) => _real.RemoveFolder(path);

    public void List(string path, EntryVisitor visit) => _real.List(path, visit);

    public bool TryStat(string path, out FileStat stat) => _real.TryStat(path, out stat);

    public void SyncFolder(string path)
    {
        lock (Groups)
            Folders.Add(path);
        _real.SyncFolder(path);
    }

    public void SyncAll(IReadOnlyList<SyncItem> items)
    {
        lock (Groups)
            Groups.Add(items.Count);
        _real.SyncAll(items);
    }

    public void Copy(IFile from, long fromOffset, IFile to, long toOffset, long count) => _real.Copy(from, fromOffset, to, toOffset, count);

    public FreeSpace Free(string path) => _real.Free(path);

    public IDisposable? TryLock(string path) => _real.TryLock(path);
}
