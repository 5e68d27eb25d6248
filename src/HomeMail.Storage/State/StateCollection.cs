using System.Security.Cryptography;
using System.Text;
using LiteDB;
using LiteDB.Engine;

namespace HomeMail.Storage.State;

/// <summary>Documents by key, each with a time after which it is not there any more. Safe for use from any thread.</summary>
public sealed class StateCollection
{
    private const string ExpiryField = "x";
    private const string ValueField = "v";
    private const string ExpiryIndex = "expiry";

    private const int MaximumKey = 250;

    // Between two flushes the same senders are asked about again and again, most of them unknown; a query of the file costs more than the rest of a verdict.
    private const int MaximumRead = 256;
    private const long NotRead = -1;

    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    private readonly StateStore _store;
    private readonly string _name;
    private readonly int _maximum;
    private readonly Dictionary<string, (BsonDocument? Value, long Expires)> _pending = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (BsonDocument? Value, long Expires)> _read = new(StringComparer.Ordinal);
    private long _pruned;
    private bool _isIndexed;

    internal StateCollection(StateStore store, string name, int maximum)
    {
        _store = store;
        _name = name;
        _maximum = maximum;
    }

    internal bool IsDirty => _pending.Count > 0;

    /// <summary>Looks a document up; null if there is none, or it has expired. It is a copy or must be treated as one.</summary>
    /// <param name="key">Its key.</param>
    public BsonDocument? Find(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        lock (_store.Gate)
        {
            var kept = Key(key);
            if (!_pending.TryGetValue(kept, out var entry) && !_read.TryGetValue(kept, out entry))
            {
                entry = _store.Use(engine => Read(engine, kept), (null, NotRead));
                // What could not be read now may be there: the next one who asks is to find it.
                if (entry.Expires == NotRead)
                    return null;
                if (_read.Count == MaximumRead)
                    _read.Clear();
                _read[kept] = entry;
            }
            return entry.Value is null || IsExpired(entry.Expires) ? null : entry.Value;
        }
    }

    /// <summary>Sets a document. It is found at once, and on disk after the next flush.</summary>
    /// <param name="key">Its key; of one beyond 250 characters the rest counts as a hash.</param>
    /// <param name="value">The document; not to be changed afterwards.</param>
    /// <param name="expires">When it is not there any more.</param>
    public void Upsert(string key, BsonDocument value, DateTimeOffset expires)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(value);
        lock (_store.Gate)
        {
            // Between two flushes, or while the disk takes nothing, memory holds no more than the file would.
            if (_pending.Count < _maximum || _pending.ContainsKey(Key(key)))
                _pending[Key(key)] = (value, expires.ToUnixTimeMilliseconds());
        }
    }

    /// <summary>Takes a document away.</summary>
    /// <param name="key">Its key.</param>
    public void Remove(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        lock (_store.Gate)
            _pending[Key(key)] = (null, 0);
    }

    /// <summary>All documents that have not expired, in no order. For small collections: it reads them all.</summary>
    public IReadOnlyList<KeyValuePair<string, BsonDocument>> All()
    {
        lock (_store.Gate)
        {
            var all = _store.Use(ReadAll, []);
            foreach (var (key, entry) in _pending)
            {
                if (entry.Value is null || IsExpired(entry.Expires))
                    all.Remove(key);
                else
                    all[key] = entry.Value;
            }
            return [.. all];
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_store.Gate)
        {
            _pending.Clear();
            _read.Clear();
            _isIndexed = false;
            _store.Use(engine => engine.DropCollection(_name), false);
        }
    }

    /// <summary>Writes what is pending, inside the store's transaction.</summary>
    internal void Write(LiteEngine engine)
    {
        var now = _store.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var isDue = Math.Abs(now - _pruned) > PruneInterval.TotalMilliseconds;
        if (_pending.Count == 0 && !isDue)
            return;
        if (!_isIndexed)
            engine.EnsureIndex(_name, ExpiryIndex, BsonExpression.Create("$." + ExpiryField), false);
        _isIndexed = true;
        var changed = new List<BsonDocument>();
        var removed = new List<BsonValue>();
        foreach (var (key, entry) in _pending)
        {
            if (entry.Value is null)
                removed.Add(key);
            else
                changed.Add(new BsonDocument { ["_id"] = key, [ExpiryField] = entry.Expires, [ValueField] = entry.Value });
        }
        if (changed.Count > 0)
            engine.Upsert(_name, changed, BsonAutoId.ObjectId);
        if (removed.Count > 0)
            engine.Delete(_name, removed);
        if (isDue)
            Prune(engine, now);
    }

    internal void Written() => _pending.Clear();

    /// <summary>What was read is forgotten: the flush may have dropped some of it, and quiet times need no memory.</summary>
    internal void Forget() => _read.Clear();

    private void Prune(LiteEngine engine, long now)
    {
        _pruned = now;
        if (_store.MayExpire)
            engine.DeleteMany(_name, With(ExpiryField + " < @0", now));
        var all = new List<BsonValue>();
        using (var reader = engine.Query(_name, new Query { OrderBy = BsonExpression.Create("$." + ExpiryField), Select = BsonExpression.Create("$._id") }))
            while (reader.Read())
                all.Add(reader.Current is BsonDocument { } document ? document["_id"] : reader.Current);
        if (all.Count > _maximum)
            engine.Delete(_name, all.GetRange(0, all.Count - _maximum));
    }

    private (BsonDocument? Value, long Expires) Read(LiteEngine engine, string key)
    {
        var query = new Query();
        query.Where.Add(With("_id = @0", key));
        using var reader = engine.Query(_name, query);
        return reader.Read() && reader.Current is BsonDocument found ? (found[ValueField].AsDocument, found[ExpiryField].AsInt64) : (null, 0);
    }

    private Dictionary<string, BsonDocument> ReadAll(LiteEngine engine)
    {
        var all = new Dictionary<string, BsonDocument>(StringComparer.Ordinal);
        using var reader = engine.Query(_name, new Query());
        while (reader.Read())
            if (reader.Current is BsonDocument found && !IsExpired(found[ExpiryField].AsInt64))
                all[found["_id"].AsString] = found[ValueField].AsDocument;
        return all;
    }

    // LiteDB keeps each text that it has compiled for ever: values stand beside it, and not, as Query.EQ has them, in it.
    private static BsonExpression With(string expression, BsonValue value) => BsonExpression.Create(expression, value);

    private bool IsExpired(long expires) => _store.MayExpire && expires < _store.Clock.GetUtcNow().ToUnixTimeMilliseconds();

    // LiteDB refuses index keys beyond 1,023 octets.
    private static string Key(string key) => key.Length <= MaximumKey
        ? key
        : string.Concat(key.AsSpan(0, MaximumKey - 64), Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))));
}
