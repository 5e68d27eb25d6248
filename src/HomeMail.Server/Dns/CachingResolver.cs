using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>Limits of a <see cref="CachingResolver"/>.</summary>
public sealed record CacheLimits
{
    /// <summary>The most answers kept.</summary>
    public int MaxAnswers { get; init; } = 2000;

    /// <summary>The most memory for them in octets, as estimated.</summary>
    public int MaxBytes { get; init; } = 512 * 1024;

    /// <summary>The longest that a found answer is kept: a mistake mended in DNS must not hurt for days.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The longest that "no data" and "no such domain" are kept (RFC 2308 5 leaves it to us).</summary>
    public TimeSpan MaxNegativeAge { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long negative answers without an SOA are kept; routers' resolvers give such.</summary>
    public TimeSpan UnsignedNegativeAge { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a temporary failure is kept: only so that one message does not wait for the same time-out many times (RFC 2308 7).</summary>
    public TimeSpan FailureAge { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// Keeps the answers of another resolver for their TTL, negative ones too (RFC 2308), within a bound of number and memory; the one not used
/// for the longest time goes first. Callers who ask the same at the same time share one query; it is cancelled when all have gone.
/// </summary>
/// <param name="inner">Who is asked.</param>
/// <param name="clock">The time.</param>
/// <param name="limits">The bounds; null for the defaults.</param>
public sealed class CachingResolver(IMailResolver inner, TimeProvider clock, CacheLimits? limits = null) : IMailResolver
{
    // What an entry costs beside its texts: key, list node, table slot, boxed answer, list.
    private const int EntryOverhead = 320;

    private readonly CacheLimits _limits = limits ?? new CacheLimits();
    private readonly Lock _gate = new();
    private readonly Dictionary<(DnsType Type, string Name), LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private readonly Dictionary<(DnsType Type, string Name), Shared> _running = [];
    private int _bytes;

    /// <summary>How many answers are kept now.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _entries.Count;
        }
    }

    /// <summary>The estimated memory of what is kept, in octets.</summary>
    public int Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string name, AddressFamily family, CancellationToken cancel) =>
        GetAsync(
            (family == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa, name),
            (c, asked, stop) => c.AddressesAsync(asked, family, stop), static _ => 64, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken cancel) =>
        GetAsync((DnsType.Mx, name), static (c, asked, stop) => c.MxAsync(asked, stop), static r => 56 + (2 * r.Exchange.Length), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken cancel) =>
        GetAsync((DnsType.Txt, name), static (c, asked, stop) => c.TxtAsync(asked, stop), static r => 32 + (2 * r.Length), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken cancel) =>
        GetAsync(
            (DnsType.Ptr, DnsName.Reverse(address)), (c, _, stop) => c.PtrAsync(address, stop), static r => 32 + (2 * r.Length), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken cancel) =>
        GetAsync((DnsType.Tlsa, name), static (c, asked, stop) => c.TlsaAsync(asked, stop), static r => 64 + r.Data.Length, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken cancel) =>
        GetAsync((DnsType.Srv, name), static (c, asked, stop) => c.SrvAsync(asked, stop), static r => 64 + (2 * r.Target.Length), cancel);

    /// <summary>Forgets everything: the network has changed, and what the last one said may not hold in this one.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _entries.Clear();
            _byUse.Clear();
            _bytes = 0;
        }
    }

    private async ValueTask<DnsAnswer<T>> GetAsync<T>(
        (DnsType Type, string Name) key, Func<IMailResolver, string, CancellationToken, ValueTask<DnsAnswer<T>>> ask,
        Func<T, int> size, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(key.Name);
        cancel.ThrowIfCancellationRequested();
        key.Name = key.Name.TrimEnd('.').ToLowerInvariant();
        if (!DnsName.IsValid(key.Name))
            return await ask(inner, key.Name, cancel).ConfigureAwait(false); // it knows without a query
        Shared? shared;
        lock (_gate)
        {
            if (Find<T>(key, out var kept))
                return kept;
            if (_running.TryGetValue(key, out shared))
                shared.Waiting++;
            else
            {
                _running[key] = shared = new Shared();
                shared.Task = RunAsync(shared, key, ask, size);
            }
        }
        try
        {
            return await ((Task<DnsAnswer<T>>)shared.Task!).WaitAsync(cancel).ConfigureAwait(false);
        }
        finally
        {
            Leave(key, shared);
        }
    }

    private async Task<DnsAnswer<T>> RunAsync<T>(
        Shared shared, (DnsType Type, string Name) key, Func<IMailResolver, string, CancellationToken, ValueTask<DnsAnswer<T>>> ask, Func<T, int> size)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the caller's lock
        var answer = await ask(inner, key.Name, shared.Stop.Token).ConfigureAwait(false);
        Keep(key, answer, size);
        return answer;
    }

    private void Leave((DnsType Type, string Name) key, Shared shared)
    {
        lock (_gate)
        {
            if (--shared.Waiting > 0)
                return;
            if (_running.TryGetValue(key, out var running) && ReferenceEquals(running, shared))
                _running.Remove(key);
        }
        if (!shared.Task!.IsCompleted)
            shared.Stop.Cancel();
    }

    private bool Find<T>((DnsType Type, string Name) key, out DnsAnswer<T> answer)
    {
        answer = default;
        if (!_entries.TryGetValue(key, out var node))
            return false;
        var left = node.Value.Lifetime - clock.GetElapsedTime(node.Value.Since);
        if (left <= TimeSpan.Zero)
        {
            Drop(node);
            return false;
        }
        _byUse.Remove(node);
        _byUse.AddFirst(node);
        answer = (DnsAnswer<T>)node.Value.Answer;
        answer = answer with { TimeToLive = left };
        return true;
    }

    private void Keep<T>((DnsType Type, string Name) key, DnsAnswer<T> answer, Func<T, int> size)
    {
        var lifetime = answer.Status switch
        {
            DnsStatus.Found => Min(answer.TimeToLive, _limits.MaxAge),
            DnsStatus.TemporaryFailure => _limits.FailureAge,
            _ when answer.TimeToLive == TimeSpan.Zero => _limits.UnsignedNegativeAge,
            _ => Min(answer.TimeToLive, _limits.MaxNegativeAge),
        };
        var bytes = EntryOverhead + (2 * (key.Name.Length + answer.CanonicalName.Length));
        foreach (var record in answer.Records)
            bytes += size(record);

        // One answer must not push out all the others.
        if (lifetime <= TimeSpan.Zero || bytes > _limits.MaxBytes / 4)
            return;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var old))
                Drop(old);
            _entries[key] = _byUse.AddFirst(new Entry(key, answer, bytes, clock.GetTimestamp(), lifetime));
            _bytes += bytes;
            while (_entries.Count > _limits.MaxAnswers || _bytes > _limits.MaxBytes)
                Drop(_byUse.Last!);
        }
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _entries.Remove(node.Value.Key);
        _byUse.Remove(node);
        _bytes -= node.Value.Bytes;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed record Entry((DnsType Type, string Name) Key, object Answer, int Bytes, long Since, TimeSpan Lifetime);

    // The source is never disposed: it has no timer, and a late waiter may still look at it.
    private sealed class Shared
    {
        public CancellationTokenSource Stop { get; } = new();

        public Task? Task { get; set; }

        public int Waiting { get; set; } = 1;
    }
}
