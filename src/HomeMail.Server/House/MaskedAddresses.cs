using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Delivery;
using HomeMail.Server.Net;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.House;

/// <summary>
/// The addresses that stand for anybody on the internet: a router between gives every client its own. The router's are always; another private address
/// is, once mail comes from it that can't all be from one host of the house. What was seen is kept in the state, and forgotten when clients are seen under
/// public addresses of their own, or by <see cref="Forget()"/>.
/// </summary>
/// <param name="isRouter">Whether an address is the router's; see <see cref="RouterAddresses"/>.</param>
/// <param name="memory">Where it is kept, or null for nowhere.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class MaskedAddresses(Func<IPAddress, bool> isRouter, StateCollection? memory, TimeProvider clock, Log log)
{
    // Domains that have nothing to do with each other and whose SPF fails at one address.
    private const int UnrelatedDomains = 2;

    // Public networks that must be seen before a mask is believed to be off.
    private const int PublicNetworks = 3;

    private const int MostSuspects = 256;

    private static readonly TimeSpan Memory = TimeSpan.FromDays(3650);
    private static readonly TimeSpan SuspicionTime = TimeSpan.FromDays(7);

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, Suspect> _suspects = [];
    private readonly HashSet<string> _public = new(StringComparer.Ordinal);
    private DateTimeOffset? _publicFour;
    private DateTimeOffset? _publicSix;
    private HashSet<IPAddress>? _masked;

    private sealed class Suspect
    {
        public HashSet<string> Domains { get; } = new(StringComparer.OrdinalIgnoreCase);

        public long Last { get; set; }
    }

    /// <summary>The addresses that have been seen to be masks. The router's are among them only if strangers have come from there.</summary>
    public IReadOnlyList<IPAddress> Seen
    {
        get
        {
            lock (_gate)
                return [.. Masked()];
        }
    }

    /// <summary>When a client with a public address last came in on port 25; null if none has since the start.</summary>
    /// <param name="family">The family.</param>
    public DateTimeOffset? PublicClientAt(AddressFamily family)
    {
        lock (_gate)
            return family == AddressFamily.InterNetworkV6 ? _publicSix : _publicFour;
    }

    /// <summary>Whether an address stands for anybody.</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (isRouter(address))
            return true;
        lock (_gate)
            return Masked().Contains(address);
    }

    /// <summary>
    /// Whether mail of strangers has come from an address, be it ever so little: less than makes a mask of it, but enough to take nobody there at his address's
    /// word.
    /// </summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    public bool IsSuspect(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        lock (_gate)
            return _suspects.TryGetValue(address, out var suspect) && clock.GetElapsedTime(suspect.Last) <= SuspicionTime;
    }

    /// <summary>Mail has come in the name of a domain whose SPF record does not deny it, but is not ours either.</summary>
    /// <param name="client">The address.</param>
    public void SpokeForStranger(IPAddress client)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (!SpecialPurpose.Is(client) || IPAddress.IsLoopback(client) || Contains(client))
            return;
        lock (_gate)
            Suspected(client).Last = clock.GetTimestamp();
    }

    /// <summary>Mail has come whose SPF fails at the address that it came from.</summary>
    /// <param name="client">The address.</param>
    /// <param name="domain">The domain of MAIL FROM or HELO; none that is hosted here.</param>
    /// <param name="isHelo">Whether the HELO name's own record denies it: then one is enough, for a host does not deny itself.</param>
    public void SpfFailed(IPAddress client, string domain, bool isHelo)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(domain);
        // A host under a public address fails for itself alone; on loopback it is a program of this machine.
        if (!SpecialPurpose.Is(client) || IPAddress.IsLoopback(client) || Contains(client))
            return;
        lock (_gate)
        {
            if (!IsNowSeen(client, domain, isHelo))
                return;
        }
        Tell(client, domain);
    }

    /// <summary>
    /// Mail of a stranger has come from the router's address. A router that only turns connections around has mail of the house alone; where nobody comes
    /// under an address of his own, it is the only face of the internet.
    /// </summary>
    /// <param name="client">The address.</param>
    /// <param name="domain">The domain of MAIL FROM or HELO; none that is hosted here.</param>
    public void StrangerFrom(IPAddress client, string domain)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(domain);
        if (!isRouter(client))
            return;
        lock (_gate)
        {
            if (Masked().Contains(client) || (client.AddressFamily == AddressFamily.InterNetworkV6 ? _publicSix : _publicFour) is not null
                || !IsNowSeen(client, domain, isCertain: false))
                return;
        }
        Tell(client, domain);
    }

    private bool IsNowSeen(IPAddress client, string domain, bool isCertain)
    {
        var suspect = Suspected(client);
        suspect.Last = clock.GetTimestamp();
        suspect.Domains.Add(Family(domain));
        if (!isCertain && suspect.Domains.Count < UnrelatedDomains)
            return false;
        _suspects.Remove(client);
        Masked().Add(client);
        _public.Clear();
        memory?.Upsert(client.ToString(), new BsonDocument { ["domain"] = domain }, clock.GetUtcNow() + Memory);
        return true;
    }

    private void Tell(IPAddress client, string domain) =>
        log.Error("masked", ("address", client.ToString()), ("seen", domain),
            ("what", "a router gives its clients this address of its own: SPF, block lists and blocks say nothing of whoever comes from it"),
            ("mend", "let the router keep the clients' addresses when it forwards port 25 (on OpenWrt: no masquerading of the zone that the forward leads to)"));

    /// <summary>A client has come in on port 25.</summary>
    /// <param name="client">Its address.</param>
    public void Connected(IPAddress client)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (client.IsIPv4MappedToIPv6)
            client = client.MapToIPv4();
        // The router's outer address is public, and nobody's own.
        if (SpecialPurpose.Is(client) || isRouter(client))
            return;
        lock (_gate)
        {
            if (client.AddressFamily == AddressFamily.InterNetworkV6)
                _publicSix = clock.GetUtcNow();
            else
                _publicFour = clock.GetUtcNow();
            // A mask of one family says nothing of the other: IPv6 comes past the router's NAT.
            var family = Masked().Where(masked => masked.AddressFamily == client.AddressFamily).ToList();
            if (family.Count == 0)
                return;
            _public.Add(string.Create(CultureInfo.InvariantCulture, $"{(int)client.AddressFamily} {Wide(client)}"));
            if (_public.Count(network => network.StartsWith(string.Create(CultureInfo.InvariantCulture, $"{(int)client.AddressFamily} "), StringComparison.Ordinal)) < PublicNetworks)
                return;
            foreach (var masked in family)
                Remove(masked);
            log.Info("unmasked", ("addresses", string.Join(' ', family)), ("what", "clients come under addresses of their own again"));
        }
    }

    /// <summary>Forgets what was seen.</summary>
    /// <returns>What it was.</returns>
    public IReadOnlyList<IPAddress> Forget()
    {
        lock (_gate)
        {
            var seen = Masked().ToList();
            foreach (var address in seen)
                Remove(address);
            _suspects.Clear();
            return seen;
        }
    }

    private Suspect Suspected(IPAddress client)
    {
        if (!_suspects.TryGetValue(client, out var suspect))
        {
            if (_suspects.Count >= MostSuspects)
                _suspects.Remove(_suspects.MinBy(static s => s.Value.Last).Key);
            _suspects[client] = suspect = new Suspect();
        }
        else if (clock.GetElapsedTime(suspect.Last) > SuspicionTime)
        {
            suspect.Domains.Clear();
        }
        return suspect;
    }

    private void Remove(IPAddress address)
    {
        Masked().Remove(address);
        memory?.Remove(address.ToString());
        _public.Clear();
    }

    private HashSet<IPAddress> Masked() =>
        _masked ??= [.. (memory?.All() ?? []).Select(entry => IPAddress.TryParse(entry.Key, out var address) ? address : null).OfType<IPAddress>()];

    // What two names must differ in to be unrelated: more than the last two labels have in common would need a list of suffixes, and errs towards "related".
    private static string Family(string domain)
    {
        var labels = domain.TrimEnd('.').Split('.');
        return labels.Length <= 2 ? domain.TrimEnd('.') : $"{labels[^2]}.{labels[^1]}";
    }

    // Neighbours are one: a /16 or a /32.
    private static string Wide(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork
            ? string.Join('.', address.GetAddressBytes().Take(2)) : ConnectionGate.NetworkKey(address)[..8];
}
