using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Whether port 25 is blocked on the way out, by family. It is believed after time-outs to hosts in two networks, of two operators and for two recipients'
/// domains that have nothing to do with each other, while nothing has worked for an hour: no one domain can bring that about, however many dead hosts it
/// names. One success clears it. While it is believed a try is made now and then.
/// </summary>
/// <param name="memory">Remembers it over a restart; null remembers nothing.</param>
/// <param name="clock">Time.</param>
/// <param name="log">Is told of the change.</param>
public sealed class PortEvidence(StateCollection? memory, TimeProvider clock, Log log)
{
    private static readonly TimeSpan Window = TimeSpan.FromHours(1);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(7);

    private const int MostTimeOuts = 32;
    private const string Since = "t";

    private readonly Lock _gate = new();
    private readonly Family _four = new('4');
    private readonly Family _six = new('6');
    private bool _recalled;

    /// <summary>Since when port 25 is believed to be blocked over a family; null if it is not.</summary>
    /// <param name="family">The family.</param>
    public DateTimeOffset? BlockedSince(AddressFamily family)
    {
        lock (_gate)
            return Of(family).Blocked;
    }

    /// <summary>When a host was last reached over a family; null if none was since the start.</summary>
    /// <param name="family">The family.</param>
    public DateTimeOffset? WorkedAt(AddressFamily family)
    {
        lock (_gate)
        {
            var way = Of(family);
            return way.HasWorked ? clock.GetUtcNow() - clock.GetElapsedTime(way.Worked) : null;
        }
    }

    /// <summary>Whether port 25 is believed to be blocked over a family.</summary>
    /// <param name="family">The family.</param>
    public bool IsBlocked(AddressFamily family) => BlockedSince(family) is not null;

    /// <summary>Whether a family is worth a try for this message, where another way is open to it: not if it is blocked, but for a try now and then.</summary>
    /// <param name="family">The family.</param>
    public bool MayTry(AddressFamily family)
    {
        lock (_gate)
        {
            var way = Of(family);
            if (way.Blocked is null)
                return true;
            if (clock.GetElapsedTime(way.Probed) < ProbeInterval)
                return false;
            way.Probed = clock.GetTimestamp();
            return true;
        }
    }

    /// <summary>A host greeted us.</summary>
    /// <param name="address">Its address.</param>
    public void Worked(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        lock (_gate)
        {
            var way = Of(address.AddressFamily);
            way.TimeOuts.Clear();
            way.Worked = clock.GetTimestamp();
            way.HasWorked = true;
            if (way.Blocked is null)
                return;
            way.Blocked = null;
            memory?.Remove(way.Key);
            log.Info("port-25", ("family", way.Name), ("what", "open again"), ("by", address.ToString()));
        }
    }

    /// <summary>A connection to port 25 of a host has timed out.</summary>
    /// <param name="address">The host's address.</param>
    /// <param name="host">Its name.</param>
    /// <param name="domain">The recipients' domain.</param>
    public void TimedOut(IPAddress address, string host, string domain)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(domain);
        lock (_gate)
        {
            var way = Of(address.AddressFamily);
            way.TimeOuts.RemoveAll(t => clock.GetElapsedTime(t.At) > Window);
            if (way.TimeOuts.Count >= MostTimeOuts)
                way.TimeOuts.RemoveAt(0);
            var fresh = new TimeOut(clock.GetTimestamp(), Network(address), Operator(host), Operator(domain));
            way.TimeOuts.Add(fresh);
            if (way.Blocked is not null || (way.HasWorked && clock.GetElapsedTime(way.Worked) < Window) || !way.TimeOuts.Exists(t => AreUnrelated(t, fresh)))
                return;
            way.Blocked = clock.GetUtcNow();
            way.Probed = clock.GetTimestamp();
            memory?.Upsert(way.Key, new BsonDocument { [Since] = way.Blocked.Value.UtcDateTime }, clock.GetUtcNow() + Remembered);
            log.Info("port-25", ("family", way.Name), ("what", "seems to be blocked"), ("by", string.Join(' ', way.TimeOuts.Select(static t => t.Operator).Distinct())));
        }
    }

    private static bool AreUnrelated(TimeOut a, TimeOut b) =>
        a.Network != b.Network && a.Operator != b.Operator && a.Domain != b.Domain && a.Operator != b.Domain && b.Operator != a.Domain;

    // A provider has a /16 or a /32 to itself often enough; that two have one only makes for less evidence.
    private static string Network(IPAddress address)
    {
        var octets = address.GetAddressBytes();
        return Convert.ToHexString(octets.AsSpan(0, octets.Length == 4 ? 2 : 4));
    }

    // The last two labels: too wide for co.uk, where it makes for less evidence and never for more.
    private static string Operator(string host)
    {
        var name = host.TrimEnd('.').ToLowerInvariant();
        var dot = name.LastIndexOf('.');
        return dot <= 0 ? name : name[(name.LastIndexOf('.', dot - 1) + 1)..];
    }

    private Family Of(AddressFamily family)
    {
        if (!_recalled)
        {
            _recalled = true;
            foreach (var way in (Family[])[_four, _six])
                if (memory?.Find(way.Key) is { } found && found[Since].IsDateTime)
                    way.Blocked = new DateTimeOffset(found[Since].AsDateTime.ToUniversalTime());
        }
        return family == AddressFamily.InterNetworkV6 ? _six : _four;
    }

    private sealed record TimeOut(long At, string Network, string Operator, string Domain);

    private sealed class Family(char digit)
    {
        public string Key { get; } = string.Create(CultureInfo.InvariantCulture, $"blocked {digit}");

        public string Name { get; } = "IPv" + digit;

        public List<TimeOut> TimeOuts { get; } = [];

        public DateTimeOffset? Blocked { get; set; }

        public bool HasWorked { get; set; }

        public long Worked { get; set; }

        public long Probed { get; set; }
    }
}
