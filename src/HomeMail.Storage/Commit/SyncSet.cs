using HomeMail.Storage.Files;

namespace HomeMail.Storage.Commit;

/// <summary>
/// What the changes of a batch want on the device before their next step. Each file and folder is synced once, however many
/// changes asked for it; a failure fails exactly those.
/// </summary>
internal sealed class SyncSet(IFileSystem files)
{
    private readonly Dictionary<IFile, int> _files = [];
    private readonly Dictionary<string, int> _folders = [];
    private readonly List<SyncItem> _items = [];
    private readonly List<List<StoreChange>> _changes = [];

    public void Add(StoreChange change, IFile file)
    {
        if (!_files.TryGetValue(file, out var at))
            _files.Add(file, at = Begin(new SyncItem { File = file }));
        Add(at, change);
    }

    public void AddFolder(StoreChange change, string folder)
    {
        if (!_folders.TryGetValue(folder, out var at))
            _folders.Add(folder, at = Begin(new SyncItem { Folder = folder }));
        Add(at, change);
    }

    /// <summary>Syncs all, and reports each change whose wish failed.</summary>
    public void Run()
    {
        if (_items.Count == 0)
            return;
        files.SyncAll(_items);
        for (var i = 0; i < _items.Count; i++)
            if (_items[i].Error is { } error)
                foreach (var change in _changes[i])
                    change.Fail(error);
        _files.Clear();
        _folders.Clear();
        _items.Clear();
        _changes.Clear();
    }

    private int Begin(SyncItem item)
    {
        _items.Add(item);
        _changes.Add([]);
        return _items.Count - 1;
    }

    private void Add(int at, StoreChange change)
    {
        var changes = _changes[at];
        if (changes.Count == 0 || changes[^1] != change)
            changes.Add(change);
    }
}
