using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>
/// DNS block lists (RFC 5782). A list is asked only while it is healthy: it has the test address 127.0.0.2 and has not 127.0.0.1. A list that was given up
/// answers everything sooner or later; that must cost nobody his mail.
/// </summary>
/// <param name="resolver">Where look-ups go.</param>
/// <param name="zones">The lists' zones, asked for anew each time.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class BlockLists(IMailResolver resolver, Func<IReadOnlyList<string>> zones, TimeProvider clock, Log log)
{
    /// <summary>Lists that are asked about one message.</summary>
    public const int Most = 8;

    private static readonly TimeSpan HealthyFor = TimeSpan.FromHours(6);
    private static readonly TimeSpan SickFor = TimeSpan.FromHours(1);
    private static readonly TimeSpan UnknownFor = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Health> _health = new(StringComparer.OrdinalIgnoreCase);

    private sealed record Health(bool IsUsable, DateTimeOffset Until, string? Trouble);

    /// <summary>The lists that are switched off, with what is wrong with them.</summary>
    public IReadOnlyList<(string Zone, string Trouble)> Off
    {
        get
        {
            lock (_gate)
                return [.. _health.Where(h => h.Value.Trouble is not null).Select(h => (h.Key, h.Value.Trouble!))];
        }
    }

    /// <summary>The zones that have an address. A list that does not answer says nothing.</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<IReadOnlyList<string>> FindAsync(IPAddress address, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(address);
        var asked = zones().Take(Most).ToArray();
        if (asked.Length == 0)
            return [];
        var found = await Task.WhenAll(asked.Select(zone => IsListedAsync(zone, address, cancel))).ConfigureAwait(false);
        return [.. asked.Where((_, i) => found[i])];
    }

    private async Task<bool> IsListedAsync(string zone, IPAddress address, CancellationToken cancel)
    {
        if (!await IsUsableAsync(zone, cancel).ConfigureAwait(false))
            return false;
        var answer = await resolver.AddressesAsync(NameOf(address, zone), AddressFamily.InterNetwork, cancel).ConfigureAwait(false);
        if (answer.Status != DnsStatus.Found)
            return false;
        return Judge(zone, answer.Records);
    }

    private async Task<bool> IsUsableAsync(string zone, CancellationToken cancel)
    {
        lock (_gate)
            if (_health.TryGetValue(zone, out var known) && known.Until > clock.GetUtcNow())
                return known.IsUsable;
        // RFC 5782 5: 127.0.0.2 is on every list and 127.0.0.1 on none.
        var must = await resolver.AddressesAsync("2.0.0.127." + zone, AddressFamily.InterNetwork, cancel).ConfigureAwait(false);
        var mustNot = await resolver.AddressesAsync("1.0.0.127." + zone, AddressFamily.InterNetwork, cancel).ConfigureAwait(false);
        if (must.Status == DnsStatus.TemporaryFailure || mustNot.Status == DnsStatus.TemporaryFailure)
        {
            Set(zone, false, UnknownFor, null);
            return false;
        }
        if (mustNot.Status == DnsStatus.Found)
            return SwitchOff(zone, "it has 127.0.0.1, as lists do that have everything");
        if (must.Status != DnsStatus.Found)
            return SwitchOff(zone, "it has not got the test address 127.0.0.2: it is gone, or does not answer this resolver");
        if (!Judge(zone, must.Records))
            return false;
        Set(zone, true, HealthyFor, null);
        return true;
    }

    /// <summary>Whether an answer is one of a list. An address outside 127/8 is a name that is for sale; 127.255.255.x says that this resolver is not served.</summary>
    private bool Judge(string zone, IReadOnlyList<IPAddress> answers)
    {
        Span<byte> octets = stackalloc byte[4];
        foreach (var answer in answers)
        {
            if (!answer.TryWriteBytes(octets, out var length) || length != 4 || octets[0] != 127)
                return SwitchOff(zone, $"it answers with {answer}, which is no answer of a list");
            if (octets[1] == 255 && octets[2] == 255)
                return SwitchOff(zone, $"it refuses to answer this resolver ({answer})");
        }
        return answers.Count > 0;
    }

    private bool SwitchOff(string zone, string trouble)
    {
        Set(zone, false, SickFor, trouble);
        log.Error("dnsbl", ("zone", zone), ("what", trouble), ("then", "it is not asked for an hour"));
        return false;
    }

    private void Set(string zone, bool isUsable, TimeSpan time, string? trouble)
    {
        lock (_gate)
            _health[zone] = new Health(isUsable, clock.GetUtcNow() + time, trouble);
    }

    // RFC 5782 2.1, 2.4: as in the reverse zones, under another root.
    private static string NameOf(IPAddress address, string zone)
    {
        var reverse = DnsName.Reverse(address);
        return string.Concat(reverse.AsSpan(0, reverse.LastIndexOf('.', reverse.LastIndexOf('.') - 1) + 1), zone);
    }
}
