using HomeMail.Storage.Files;

namespace HomeMail.Storage.Commit;

/// <summary>
/// What the changes of a batch want on the device before their next step. Each file and folder is synced once, however many
/// changes asked for it; a failure fails exactly those.
/// </summary>
internal sealed class SyncSet(IFileSystem files)
{
    private readonly Dictionary<IFile, List<StoreChange>> _files = [];
    private readonly Dictionary<string, List<StoreChange>> _folders = [];

    public void Add(StoreChange change, IFile file) => Add(_files, file, change);

    public void AddFolder(StoreChange change, string folder) => Add(_folders, folder, change);

    /// <summary>Syncs all, files before folders, and reports each change whose wish failed.</summary>
    public void Run(Action<StoreChange, Exception> failed)
    {
        // Writing is started for all files before the first is waited for: the first wait then commits the file system's
        // journal for all of them, and the others find little left to do.
        if (_files.Count > 1)
            foreach (var file in _files.Keys)
                file.StartSync();
        foreach (var (file, changes) in _files)
            Attempt(file.Sync, changes, failed);
        foreach (var (folder, changes) in _folders)
            Attempt(() => files.SyncFolder(folder), changes, failed);
        _files.Clear();
        _folders.Clear();
    }

    private static void Attempt(Action sync, List<StoreChange> changes, Action<StoreChange, Exception> failed)
    {
        try
        {
            sync();
        }
        catch (Exception error)
        {
            foreach (var change in changes)
                failed(change, error);
        }
    }

    private static void Add<T>(Dictionary<T, List<StoreChange>> wishes, T wish, StoreChange change)
        where T : notnull
    {
        if (!wishes.TryGetValue(wish, out var changes))
            wishes.Add(wish, changes = []);
        if (!changes.Contains(change))
            changes.Add(change);
    }
}
