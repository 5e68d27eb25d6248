using System.Net;

namespace HomeMail.Server.Net;

/// <summary>What failed log-ins lead to.</summary>
public sealed record AuthenticationLimits
{
    /// <summary>Failures of one address (IPv6: /64) that block it.</summary>
    public int Failures { get; init; } = 10;

    /// <summary>How long an address is blocked after its last failure; null for never.</summary>
    public TimeSpan? Block { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Failures an hour that all clients behind one shared address have together. Beyond it, only those get in who were there before.</summary>
    public int SharedFailuresPerHour { get; init; } = 60;
}

/// <summary>
/// What wrong passwords cost. Each costs time; many from one address block that address for a while; a pair of account and address gets slower with each
/// failure. The account itself is never locked: its owner, at another address, notices nothing of the guesser. An address that stands for many is never
/// blocked either, for its owner would be shut out with the guesser; it has a budget of failures instead.
/// </summary>
/// <param name="clock">Time.</param>
/// <param name="isShared">Whether an address stands for many (the gateway, a router that masks its clients).</param>
public sealed class AuthenticationGuard(TimeProvider clock, Func<IPAddress, bool>? isShared = null)
{
    // How long a failure counts.
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(30);

    // How long somebody is known to have been there before.
    private static readonly TimeSpan Acquaintance = TimeSpan.FromDays(30);

    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(20);

    // A forgotten password typed twice is no guesser.
    private const int FreeFailures = 3;

    // A guesser with many addresses must not cost memory: beyond this the oldest entries go.
    private const int MaxEntries = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, long> _known = new(StringComparer.OrdinalIgnoreCase);

    private sealed record Entry(double Failures, long Last);

    /// <summary>The limits; a reload replaces them.</summary>
    public AuthenticationLimits Limits { get; set; } = new();

    /// <summary>How many addresses and pairs are remembered now.</summary>
    public int Entries
    {
        get
        {
            lock (_gate)
                return _entries.Count;
        }
    }

    private long _failedLogIns;

    /// <summary>Log-ins that failed so far.</summary>
    public long FailedLogIns => Interlocked.Read(ref _failedLogIns);

    /// <summary>Whether an address stands for many.</summary>
    /// <param name="address">The client's address.</param>
    public bool IsShared(IPAddress address) => isShared?.Invoke(address) ?? false;

    /// <summary>Whether an address is blocked now.</summary>
    /// <param name="address">The client's address.</param>
    public bool IsBlocked(IPAddress address)
    {
        if (Limits.Block is not { } block || IsShared(address))
            return false;
        lock (_gate)
            return _entries.TryGetValue(ConnectionGate.NetworkKey(address), out var entry)
                && entry.Failures >= Limits.Failures && clock.GetElapsedTime(entry.Last) < block;
    }

    /// <summary>
    /// Whether an attempt counts at all. It does not if the budget of a shared address is used up and this account has not logged in from there before;
    /// then it is refused whatever the password was.
    /// </summary>
    /// <param name="name">The name that was tried.</param>
    /// <param name="address">The client's address.</param>
    public bool MayTry(string name, IPAddress address)
    {
        if (!IsShared(address))
            return true;
        var network = ConnectionGate.NetworkKey(address);
        lock (_gate)
            return !_entries.TryGetValue(network, out var entry) || Left(entry) < Limits.SharedFailuresPerHour
                || (_known.TryGetValue(PairKey(name, network), out var seen) && clock.GetElapsedTime(seen) < Acquaintance);
    }

    /// <summary>A log-in failed: counts it, and waits as long as it costs.</summary>
    /// <param name="name">The name that was tried.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="cancel">Ends the wait.</param>
    public ValueTask FailedAsync(string name, IPAddress address, CancellationToken cancel)
    {
        Interlocked.Increment(ref _failedLogIns);
        var network = ConnectionGate.NetworkKey(address);
        Count(network, IsShared(address));
        return DelayAsync(Count(PairKey(name, network), false), cancel);
    }

    /// <summary>A log-in has succeeded: waits if this pair has failed much, and says whether it may go on.</summary>
    /// <param name="account">The account.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <returns>False if the address is blocked.</returns>
    public async ValueTask<bool> AdmitAsync(string account, IPAddress address, CancellationToken cancel)
    {
        if (IsBlocked(address))
            return false;
        var failures = Failures(PairKey(account, ConnectionGate.NetworkKey(address)));
        if (failures > FreeFailures)
            await DelayAsync(failures - FreeFailures, cancel).ConfigureAwait(false);
        return true;
    }

    /// <summary>A log-in has succeeded: the pair is forgiven, and known from now on. What the address did to other accounts is not forgiven.</summary>
    /// <param name="account">The account.</param>
    /// <param name="address">The client's address.</param>
    public void Succeeded(string account, IPAddress address)
    {
        var pair = PairKey(account, ConnectionGate.NetworkKey(address));
        lock (_gate)
        {
            _entries.Remove(pair);
            if (!IsShared(address))
                return;
            if (_known.Count >= MaxEntries && !_known.ContainsKey(pair))
                _known.Remove(_known.MinBy(static known => known.Value).Key);
            _known[pair] = clock.GetTimestamp();
        }
    }

    private static string PairKey(string name, string network) => network + "\0" + name;

    private async ValueTask DelayAsync(int failures, CancellationToken cancel)
    {
        var delay = TimeSpan.FromTicks(Math.Min(LongestDelay.Ticks, FirstDelay.Ticks << Math.Min(failures - 1, 10)));
        await Task.Delay(delay, clock, cancel).ConfigureAwait(false);
    }

    private int Failures(string key)
    {
        lock (_gate)
            return _entries.TryGetValue(key, out var entry) && clock.GetElapsedTime(entry.Last) < Memory ? (int)entry.Failures : 0;
    }

    // What is left of a shared address's failures: they wear off at the rate of the budget, so that a steady guesser does not shut it for ever.
    private double Left(Entry entry) => Math.Max(0, entry.Failures - (clock.GetElapsedTime(entry.Last).TotalHours * Limits.SharedFailuresPerHour));

    private int Count(string key, bool wearsOff)
    {
        lock (_gate)
        {
            if (_entries.Count >= MaxEntries && !_entries.ContainsKey(key))
                Forget();
            var before = !_entries.TryGetValue(key, out var entry) ? 0
                : wearsOff ? Left(entry) : clock.GetElapsedTime(entry.Last) < Memory ? entry.Failures : 0;
            _entries[key] = new Entry(before + 1, clock.GetTimestamp());
            return (int)before + 1;
        }
    }

    private void Forget()
    {
        foreach (var (key, _) in _entries.OrderBy(static e => e.Value.Last).Take(MaxEntries / 4).ToList())
            _entries.Remove(key);
    }
}
