using System.Net;

namespace HomeMail.Server.Net;

/// <summary>
/// What wrong passwords cost. Each costs time; many from one address block that address for a while; a pair of account and address gets slower with each
/// failure. The account itself is never locked: its owner, at another address, notices nothing of the guesser.
/// </summary>
/// <param name="clock">Time.</param>
/// <param name="isShared">Whether an address stands for many (the gateway, a router that masks its clients): such are never blocked.</param>
public sealed class AuthenticationGuard(TimeProvider clock, Func<IPAddress, bool>? isShared = null)
{
    /// <summary>Failures of one address (IPv6: /64) within <see cref="Memory"/> that block it.</summary>
    public const int BlockAfter = 20;

    /// <summary>How long failures count.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(20);

    // A guesser with many addresses must not cost memory: beyond this the oldest entries go.
    private const int MaxEntries = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.OrdinalIgnoreCase);

    private record struct Entry(int Failures, long Last);

    /// <summary>Whether an address is blocked now.</summary>
    /// <param name="address">The client's address.</param>
    public bool IsBlocked(IPAddress address) =>
        !(isShared?.Invoke(address) ?? false) && Failures(ConnectionGate.NetworkKey(address)) >= BlockAfter;

    /// <summary>A log-in failed: counts it, and waits as long as it costs.</summary>
    /// <param name="name">The name that was tried.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async ValueTask FailedAsync(string name, IPAddress address, CancellationToken cancel)
    {
        var network = ConnectionGate.NetworkKey(address);
        Count(network);
        var failures = Count(PairKey(name, network));
        await DelayAsync(failures, cancel).ConfigureAwait(false);
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
        // A forgotten password typed twice is no guesser.
        if (failures > 3)
            await DelayAsync(failures - 3, cancel).ConfigureAwait(false);
        return true;
    }

    /// <summary>A log-in has succeeded: the pair is forgiven. What the address did to other accounts is not.</summary>
    /// <param name="account">The account.</param>
    /// <param name="address">The client's address.</param>
    public void Succeeded(string account, IPAddress address)
    {
        lock (_gate)
            _entries.Remove(PairKey(account, ConnectionGate.NetworkKey(address)));
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
            return _entries.TryGetValue(key, out var entry) && clock.GetElapsedTime(entry.Last) < Memory ? entry.Failures : 0;
    }

    private int Count(string key)
    {
        lock (_gate)
        {
            if (_entries.Count >= MaxEntries && !_entries.ContainsKey(key))
                Forget();
            var failures = _entries.TryGetValue(key, out var entry) && clock.GetElapsedTime(entry.Last) < Memory ? entry.Failures + 1 : 1;
            _entries[key] = new Entry(failures, clock.GetTimestamp());
            return failures;
        }
    }

    private void Forget()
    {
        foreach (var (key, _) in _entries.OrderBy(e => e.Value.Last).Take(MaxEntries / 4).ToList())
            _entries.Remove(key);
    }
}
