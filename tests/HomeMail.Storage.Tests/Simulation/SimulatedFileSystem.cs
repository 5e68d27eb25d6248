using HomeMail.Storage.Files;

namespace HomeMail.Storage.Tests.Simulation;

/// <summary>
/// A file system in memory that knows what is on the device and what is not yet: contents until their file is synced, names until their
/// folder is. It can stop after a number of steps, fail steps, and be looked at after a crash. It promises less than real ones do:
/// unsynced names of different folders get lost in any combination.
/// </summary>
public sealed class SimulatedFileSystem : IFileSystem
{
    private readonly Lock _gate = new();
    private readonly SimulatedFolder _root;
    private readonly List<NameStep> _unsynced = [];
    private bool _locked;

    /// <summary>Begins with a root folder.</summary>
    public SimulatedFileSystem()
        : this(new SimulatedFolder())
    {
    }

    private SimulatedFileSystem(SimulatedFolder root) => _root = root;

    /// <summary>How many changing steps have been done.</summary>
    public int Steps { get; private set; }

    /// <summary>After so many steps the power goes.</summary>
    public int StopAfter { get; set; } = int.MaxValue;

    /// <summary>Fails a step: is given its name and path.</summary>
    public Func<string, string, FileError?>? Fault { get; set; }

    /// <summary>What is told to be free.</summary>
    public FreeSpace Space { get; set; } = new(1L << 40, long.MaxValue);

    /// <summary>The names of the steps, for a message that says where a test went wrong.</summary>
    public List<string> Trace { get; } = [];

    private bool IsDead => Steps >= StopAfter;

    /// <summary>What a new start finds.</summary>
    public SimulatedFileSystem AfterCrash(Loss loss, int seed = 0)
    {
        lock (_gate)
        {
            var random = new Random(seed);
            if (loss == Loss.Random)
                Settle(random);
            return new SimulatedFileSystem((SimulatedFolder)Copy(_root, loss, random, []));
        }
    }

    private void Settle(Random random)
    {
        // The draw must not change this instance, which may be asked again with another seed: names are kept by a copy of the steps.
        foreach (var step in _unsynced)
            step.IsKept = random.Next(2) == 0;
    }

    private SimulatedNode Copy(SimulatedNode node, Loss loss, Random random, Dictionary<SimulatedInode, SimulatedInode> inodes)
    {
        if (node is SimulatedInode inode)
        {
            if (!inodes.TryGetValue(inode, out var copy))
                inodes.Add(inode, copy = inode.AfterCrash(loss, random));
            copy.Links++;
            return copy;
        }
        var folder = (SimulatedFolder)node;
        var entries = loss == Loss.Nothing ? folder.Entries : new SortedDictionary<string, SimulatedNode>(folder.Durable, StringComparer.Ordinal);
        if (loss == Loss.Random)
            foreach (var step in _unsynced)
                if (step.IsKept)
                    step.Apply(folder, entries);
        var after = new SimulatedFolder();
        foreach (var (name, entry) in entries)
        {
            var copied = Copy(entry, loss, random, inodes);
            after.Entries.Add(name, copied);
            after.Durable.Add(name, copied);
        }
        return after;
    }

    /// <inheritdoc/>
    public IFile Create(string path, bool readOnly = false)
    {
        lock (_gate)
        {
            Step("create", path);
            var (folder, name) = Parent(path, "create");
            if (folder.Entries.ContainsKey(name))
                throw new StorageException(FileError.Exists, "create", path);
            var inode = new SimulatedInode { IsReadOnly = readOnly, Modified = DateTimeOffset.UnixEpoch.AddYears(50) };
            Add(folder, name, inode);
            return new SimulatedFile(this, inode, path, canWrite: true);
        }
    }

    /// <inheritdoc/>
    public IFile Open(string path, bool write = false)
    {
        lock (_gate)
        {
            Look("open", path);
            if (Find(path) is not SimulatedInode inode)
                throw new StorageException(FileError.NotFound, "open", path);
            if (write && inode.IsReadOnly)
                throw new StorageException(FileError.Denied, "open", path);
            return new SimulatedFile(this, inode, path, write);
        }
    }

    /// <inheritdoc/>
    public void Link(string existing, string added)
    {
        lock (_gate)
        {
            Step("link", added);
            if (Find(existing) is not SimulatedInode inode)
                throw new StorageException(FileError.NotFound, "link", existing);
            var (folder, name) = Parent(added, "link");
            if (folder.Entries.ContainsKey(name))
                throw new StorageException(FileError.Exists, "link", added);
            inode.Links++;
            Add(folder, name, inode);
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            Step("rename", to);
            var (source, oldName) = Parent(from, "rename");
            var (target, newName) = Parent(to, "rename");
            if (!source.Entries.TryGetValue(oldName, out var node))
                throw new StorageException(FileError.NotFound, "rename", from);
            if (target.Entries.GetValueOrDefault(newName) is SimulatedFolder)
                throw new StorageException(FileError.Exists, "rename", to);
            Do(new NameStep([(source, oldName, null), (target, newName, node)]));
        }
    }

    /// <inheritdoc/>
    public bool Unlink(string path)
    {
        lock (_gate)
        {
            Step("unlink", path);
            if (Find(path) is not SimulatedInode inode)
                return false;
            inode.Links--;
            var (folder, name) = Parent(path, "unlink");
            Do(new NameStep([(folder, name, null)]));
            return true;
        }
    }

    /// <inheritdoc/>
    public bool CreateFolder(string path)
    {
        lock (_gate)
        {
            if (Find(path) is not null)
                return false;
            Step("mkdir", path);
            var (folder, name) = Parent(path, "mkdir");
            Add(folder, name, new SimulatedFolder());
            return true;
        }
    }

    /// <inheritdoc/>
    public bool RemoveFolder(string path)
    {
        lock (_gate)
        {
            Step("rmdir", path);
            if (Find(path) is not SimulatedFolder removed)
                return false;
            if (removed.Entries.Count > 0)
                throw new StorageException(FileError.Exists, "rmdir", path);
            var (folder, name) = Parent(path, "rmdir");
            Do(new NameStep([(folder, name, null)]));
            return true;
        }
    }

    /// <inheritdoc/>
    public void List(string path, EntryVisitor visit)
    {
        List<(string Name, bool IsFolder)> entries = [];
        lock (_gate)
        {
            Look("list", path);
            if (Find(path) is not SimulatedFolder folder)
                throw new StorageException(FileError.NotFound, "list", path);
            foreach (var (name, node) in folder.Entries)
                entries.Add((name, node is SimulatedFolder));
        }
        foreach (var (name, isFolder) in entries)
            visit(name, isFolder);
    }

    /// <inheritdoc/>
    public bool TryStat(string path, out FileStat stat)
    {
        lock (_gate)
        {
            Look("stat", path);
            stat = default;
            switch (Find(path))
            {
                case SimulatedInode inode:
                    stat = new FileStat(inode.Content.Length, inode.Modified, false, inode.Links);
                    return true;
                case SimulatedFolder folder:
                    stat = new FileStat(0, default, true, 2 + folder.Entries.Values.Count(entry => entry is SimulatedFolder));
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <inheritdoc/>
    public void SyncFolder(string path)
    {
        lock (_gate)
        {
            Step("fsync", path);
            if (Find(path) is not SimulatedFolder folder)
                throw new StorageException(FileError.NotFound, "fsync", path);

            // What touches this folder reaches the device, and with it what came before it about the same names.
            var kept = new HashSet<(SimulatedFolder, string)>();
            for (var i = _unsynced.Count - 1; i >= 0; i--)
            {
                var step = _unsynced[i];
                step.IsKept = step.Touches(folder) || step.SharesNameWith(kept);
                if (step.IsKept)
                    step.AddNamesTo(kept);
            }
            foreach (var step in _unsynced.Where(step => step.IsKept))
                step.ApplyDurable();
            _unsynced.RemoveAll(step => step.IsKept);
        }
    }

    /// <inheritdoc/>
    public void SyncAll(IReadOnlyList<SyncItem> items)
    {
        foreach (var item in items)
            item.Run(this);
    }

    /// <inheritdoc/>
    public void Copy(IFile from, long fromOffset, IFile to, long toOffset, long count)
    {
        var buffer = new byte[count];
        if (from.Read(buffer, fromOffset) != count)
            throw new StorageException(FileError.Other, "copy", "");
        to.Write(buffer, toOffset);
    }

    /// <inheritdoc/>
    public FreeSpace Free(string path) => Space;

    /// <inheritdoc/>
    public IDisposable? TryLock(string path)
    {
        lock (_gate)
        {
            if (_locked)
                return null;
            _locked = true;
            return new Release(this);
        }
    }

    /// <summary>The content of a file, as a process would read it; null if there is none.</summary>
    public byte[]? Read(string path)
    {
        lock (_gate)
            return (Find(path) as SimulatedInode)?.Content;
    }

    /// <summary>All files below a folder.</summary>
    public IEnumerable<string> Files(string path)
    {
        lock (_gate)
            return [.. Walk(path, Find(path))];
    }

    /// <summary>Replaces or removes a file without a step, as damage does.</summary>
    public void Damage(string path, byte[]? content)
    {
        lock (_gate)
        {
            var (folder, name) = Parent(path, "damage");
            folder.Entries.Remove(name);
            folder.Durable.Remove(name);
            if (content is null)
                return;
            var inode = new SimulatedInode();
            inode.Write(content, 0);
            inode.Sync();
            folder.Entries.Add(name, inode);
            folder.Durable.Add(name, inode);
        }
    }

    private static IEnumerable<string> Walk(string path, SimulatedNode? node)
    {
        if (node is SimulatedInode)
            yield return path;
        else if (node is SimulatedFolder folder)
            foreach (var (name, entry) in folder.Entries)
                foreach (var file in Walk(path + "/" + name, entry))
                    yield return file;
    }

    private void Add(SimulatedFolder folder, string name, SimulatedNode node) => Do(new NameStep([(folder, name, node)]));

    private void Do(NameStep step)
    {
        step.ApplyVisible();
        _unsynced.Add(step);
    }

    private void Step(string operation, string path)
    {
        Look(operation, path);
        Steps++;
        Trace.Add(operation + " " + path);
    }

    private void Look(string operation, string path)
    {
        if (IsDead)
            throw new SimulatedCrash();
        if (Fault?.Invoke(operation, path) is { } error)
            throw new StorageException(error, operation, path);
    }

    private SimulatedNode? Find(string path)
    {
        SimulatedNode? node = _root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            node = (node as SimulatedFolder)?.Entries.GetValueOrDefault(name);
        return node;
    }

    private (SimulatedFolder Folder, string Name) Parent(string path, string operation)
    {
        var end = path.LastIndexOf('/');
        if (Find(end <= 0 ? "" : path[..end]) is not SimulatedFolder folder)
            throw new StorageException(FileError.NotFound, operation, path);
        return (folder, path[(end + 1)..]);
    }

    /// <summary>One change of names, which reaches the device as a whole or not at all.</summary>
    private sealed class NameStep((SimulatedFolder Folder, string Name, SimulatedNode? Node)[] names)
    {
        public bool IsKept { get; set; }

        public bool Touches(SimulatedFolder folder) => names.Any(name => name.Folder == folder);

        public bool SharesNameWith(HashSet<(SimulatedFolder, string)> others) => names.Any(name => others.Contains((name.Folder, name.Name)));

        public void AddNamesTo(HashSet<(SimulatedFolder, string)> others)
        {
            foreach (var (folder, name, _) in names)
                others.Add((folder, name));
        }

        public void ApplyVisible()
        {
            foreach (var (folder, name, node) in names)
                Set(folder.Entries, name, node);
        }

        public void ApplyDurable()
        {
            foreach (var (folder, name, node) in names)
                Set(folder.Durable, name, node);
        }

        public void Apply(SimulatedFolder folder, SortedDictionary<string, SimulatedNode> entries)
        {
            foreach (var (touched, name, node) in names)
                if (touched == folder)
                    Set(entries, name, node);
        }

        private static void Set(SortedDictionary<string, SimulatedNode> entries, string name, SimulatedNode? node)
        {
            if (node is null)
                entries.Remove(name);
            else
                entries[name] = node;
        }
    }

    private sealed class Release(SimulatedFileSystem files) : IDisposable
    {
        public void Dispose() => files._locked = false;
    }

    private sealed class SimulatedFile(SimulatedFileSystem files, SimulatedInode inode, string path, bool canWrite) : IFile
    {
        public long Length
        {
            get
            {
                lock (files._gate)
                    return inode.Content.Length;
            }
        }

        public int Read(Span<byte> buffer, long offset)
        {
            lock (files._gate)
            {
                files.Look("read", path);
                var count = (int)Math.Clamp(inode.Content.Length - offset, 0, buffer.Length);
                inode.Content.AsSpan((int)Math.Min(offset, inode.Content.Length), count).CopyTo(buffer);
                return count;
            }
        }

        public void Write(ReadOnlySpan<byte> data, long offset)
        {
            lock (files._gate)
            {
                if (!canWrite)
                    throw new StorageException(FileError.Denied, "write", path);
                files.Step("write", path);
                inode.Write(data, offset);
            }
        }

        public void SetModified(DateTimeOffset time) => inode.Modified = time;

        public void Sync()
        {
            lock (files._gate)
            {
                files.Step("fsync", path);
                inode.Sync();
            }
        }

        public void Dispose()
        {
        }
    }
}
