using System.Buffers;
using HomeMail.Storage.Files;
using LiteDB;
using LiteDB.Engine;

namespace HomeMail.Storage.State;

/// <summary>
/// What the server has learned and may lose, in <c>state.db</c> (LiteDB): reputation, greylisting, counters, TLS policies. Never the only copy of mail or queue.
/// Writes are gathered in memory and written by <see cref="Flush"/>, every minute or so and at the end. LiteDB keeps each page it has read
/// in memory, so it is opened when something is read or written, and closed by the next flush. A file that it cannot read is moved aside and begun anew.
/// </summary>
public sealed class StateStore : IDisposable
{
    private static readonly SearchValues<char> NameLetters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");

    private readonly string _path;
    private readonly Action<StorageNotice> _notices;
    private readonly IFileSystem _files;
    private readonly Dictionary<string, StateCollection> _collections = new(StringComparer.Ordinal);
    private LiteEngine? _engine;

    /// <summary>Names the file; it is opened on first use.</summary>
    /// <param name="path">Path of <c>state.db</c>.</param>
    /// <param name="clock">Where the time comes from.</param>
    /// <param name="notices">Is told when the file was damaged.</param>
    public StateStore(string path, TimeProvider clock, Action<StorageNotice>? notices = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(clock);
        _path = path;
        Clock = clock;
        _notices = notices ?? (static _ => { });
        _files = RealFileSystem.Instance;
    }

    /// <summary>False as long as the clock cannot be trusted: then nothing expires.</summary>
    public bool MayExpire { get; set; } = true;

    internal Lock Gate { get; } = new();

    internal TimeProvider Clock { get; }

    /// <summary>A set of documents by key. The same object for the same name.</summary>
    /// <param name="name">Its name: small letters and digits, a letter first.</param>
    /// <param name="maximum">How many documents it holds; beyond that, those that expire first go.</param>
    /// <exception cref="ArgumentException">The name is none that the file can hold: said here, for in the file it would look like damage.</exception>
    public StateCollection Collection(string name, int maximum = 20_000)
    {
        if (string.IsNullOrEmpty(name) || !char.IsAsciiLetterLower(name[0]) || name.AsSpan().ContainsAnyExcept(NameLetters))
            throw new ArgumentException($"'{name}' is no name of a collection: small letters and digits, a letter first", nameof(name));
        lock (Gate)
        {
            if (!_collections.TryGetValue(name, out var collection))
                _collections.Add(name, collection = new StateCollection(this, name, maximum));
            return collection;
        }
    }

    /// <summary>
    /// Writes what was gathered in one transaction, drops what has expired or is too much, and closes the file. What cannot be written is told and kept for the next time.
    /// </summary>
    public void Flush()
    {
        lock (Gate)
        {
            var isDirty = false;
            foreach (var collection in _collections.Values)
                isDirty |= collection.IsDirty;
            if (!isDirty || Use(WriteAll, false))
                foreach (var collection in _collections.Values)
                    collection.Written();
            foreach (var collection in _collections.Values)
                collection.Forget();
            CloseEngine();
        }
    }

    /// <summary>Flushes, and closes the file.</summary>
    public void Dispose() => Flush();

    /// <summary>
    /// Does something with the file; if it is damaged, once more with a new one. Under the lock. Where the disk is full or read-only the file is
    /// as good as it was: it stays, and the answer is <paramref name="otherwise"/>.
    /// </summary>
    internal T Use<T>(Func<LiteEngine, T> action, T otherwise)
    {
        try
        {
            return action(OpenEngine());
        }
        catch (Exception error) when (IsOfTheDisk(error))
        {
            GiveUp(error);
            return otherwise;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // LiteDB reports damage by exceptions of many types, its own and those of whatever it stumbled over.
            try
            {
                MoveAside(error);
                return action(OpenEngine());
            }
            catch (Exception second) when (second is not OutOfMemoryException)
            {
                GiveUp(second);
                return otherwise;
            }
        }
    }

    private static bool IsOfTheDisk(Exception error) => error is UnauthorizedAccessException || (error is IOException and not EndOfStreamException);

    private void GiveUp(Exception error)
    {
        CloseEngine();
        _notices(new StorageNotice("state-not-used", _path, $"{error.GetType().Name}: {error.Message}"));
    }

    private bool WriteAll(LiteEngine engine)
    {
        engine.BeginTrans();
        try
        {
            foreach (var collection in _collections.Values)
                collection.Write(engine);
            engine.Commit();
        }
        catch
        {
            engine.Rollback();
            throw;
        }
        return true;
    }

    private LiteEngine OpenEngine() => _engine ??= new LiteEngine(new EngineSettings { Filename = _path });

    private void CloseEngine()
    {
        try
        {
            _engine?.Dispose();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            _notices(new StorageNotice("state-not-written", _path, error.Message));
        }
        _engine = null;
    }

    private void MoveAside(Exception error)
    {
        try
        {
            _engine?.Dispose();
        }
        catch (Exception second) when (second is not OutOfMemoryException)
        {
            // It is being given up.
        }
        _engine = null;
        var log = Path.Combine(Path.GetDirectoryName(_path) ?? "", Path.GetFileNameWithoutExtension(_path) + "-log" + Path.GetExtension(_path));
        foreach (var file in (string[])[_path, log])
            if (_files.TryStat(file, out _))
                _files.Rename(file, file + ".damaged");
        _notices(new StorageNotice("state-damaged", _path, $"What was learned is lost and begins anew; the old file is beside it as .damaged. {error.GetType().Name}: {error.Message}"));
    }
}
