using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Finds the hosts that take mail for a domain (RFC 5321 5.1): MX by preference, equal ones shuffled; a null MX (RFC 7505) is an answer; without
/// MX the domain's own addresses. What a stranger's DNS must not do is kept out: hosts that are an address, a single label or this machine,
/// and addresses that are special-purpose. A look-up that fails is never a ground for a permanent failure.
/// </summary>
/// <param name="dns">Look-ups.</param>
/// <param name="own">Which addresses are ours.</param>
/// <param name="options">Our name, and limits.</param>
/// <param name="random">Shuffles.</param>
public sealed partial class HostFinder(IMailResolver dns, IOwnAddresses own, DeliveryOptions options, Random random)
{
    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = false };

    // A domain that was found lately: it must still be found before another one is believed not to exist.
    private volatile string? _foundLately;

    /// <summary>Finds the hosts of a domain.</summary>
    /// <param name="domain">A domain name, or an address literal in brackets.</param>
    /// <param name="family">Which families may be used.</param>
    /// <param name="routes">Says which hosts are named by a route.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<HostSearch> FindAsync(string domain, FamilyMode family, Routes routes, CancellationToken cancel)
    {
        ArgumentException.ThrowIfNullOrEmpty(domain);
        ArgumentNullException.ThrowIfNull(routes);
        if (domain[0] == '[')
            return Literal(domain, family);
        string name;
        try
        {
            name = Idn.GetAscii(domain.TrimEnd('.'));
        }
        catch (ArgumentException)
        {
            return Final(1, 2, $"{domain} is not a domain name");
        }

        var answer = await dns.MxAsync(name, cancel).ConfigureAwait(false);
        switch (answer.Status)
        {
            case DnsStatus.TemporaryFailure:
                return new HostSearch([], DnsTrouble(domain, answer.Detail));
            case DnsStatus.NoSuchDomain:
                return await DnsWorksAsync(cancel).ConfigureAwait(false)
                    ? Final(1, 2, $"the domain {domain} does not exist")
                    : new HostSearch([], DnsTrouble(domain, "the domain is said not to exist, but so is one that does"));
            case DnsStatus.NoData:
                return await ImplicitAsync(domain, answer.CanonicalName, answer.Authenticated, family, routes, cancel).ConfigureAwait(false);
        }
        _foundLately = name;

        // One record with an empty exchange says that there is no mail here (RFC 7505 3); beside others it means nothing.
        if (answer.Records.Count == 1 && answer.Records[0].Exchange.Length == 0)
            return Final(1, 10, $"the domain {domain} takes no mail (null MX)");
        var exchanges = Ordered(answer.Records.Where(r => IsHostName(r.Exchange, routes))).Take(options.MaxHosts).ToList();
        if (exchanges.Count == 0)
            return new HostSearch([], Permanent(4, 4, $"no MX of {domain} is the name of a host on the internet"));
        return await ResolveAsync(domain, exchanges, answer.Authenticated, family, routes, cancel).ConfigureAwait(false);
    }

    /// <summary>Finds the addresses of a smarthost; those are used whatever they are, since its name is in the configuration.</summary>
    /// <param name="smarthost">The smarthost.</param>
    /// <param name="family">Which families may be used.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<HostSearch> FindAsync(Smarthost smarthost, FamilyMode family, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(smarthost);
        if (IPAddress.TryParse(smarthost.Host, out var address))
            return new HostSearch([new MailHost(smarthost.Host, 0, [address], IsAuthenticated: true)]);
        var (addresses, trouble, exists, _, _) = await AddressesAsync(smarthost.Host, family, cancel).ConfigureAwait(false);
        if (addresses.Count > 0)
            return new HostSearch([new MailHost(smarthost.Host, 0, addresses, IsAuthenticated: true)]);
        // A smarthost that is not found is a matter for the owner of the house; mail waits for the mend.
        return new HostSearch([], DnsTrouble(smarthost.Host, trouble ?? (exists ? "no address" : "the smarthost's name does not exist")));
    }

    private async ValueTask<HostSearch> ImplicitAsync(
        string domain, string canonical, bool authenticated, FamilyMode family, Routes routes, CancellationToken cancel)
    {
        if (!IsHostName(canonical, routes))
            return new HostSearch([], Permanent(4, 4, $"{domain} has no MX and is not the name of a host on the internet"));
        return await ResolveAsync(domain, [new MxRecord(0, canonical)], authenticated, family, routes, cancel).ConfigureAwait(false);
    }

    private HostSearch Literal(string domain, FamilyMode family)
    {
        var text = domain.AsSpan(1).TrimEnd(']');
        if (text.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase))
            text = text[5..];
        if (!IPAddress.TryParse(text, out var address))
            return Final(1, 2, $"{domain} is not an address");
        address = Plain(address);
        if (SpecialPurpose.Is(address) || !Allows(family, address.AddressFamily))
            return Final(4, 4, $"{domain} is not an address that this server sends to");
        return own.Is(address) == OwnAddress.No
            ? new HostSearch([new MailHost(address.ToString(), 0, [address])])
            : new HostSearch([], Loop(domain, own.Is(address)));
    }

    // A house whose DNS is broken gets NXDOMAIN for everything; so a name that is known to exist has to be found first.
    private async ValueTask<bool> DnsWorksAsync(CancellationToken cancel)
    {
        if (_foundLately is { } found && (await dns.MxAsync(found, cancel).ConfigureAwait(false)).Status == DnsStatus.Found)
            return true;
        foreach (var family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
            if ((await dns.AddressesAsync(options.Hostname, family, cancel).ConfigureAwait(false)).Status == DnsStatus.Found)
                return true;
        return false;
    }

    private IEnumerable<MxRecord> Ordered(IEnumerable<MxRecord> records) =>
        records.Select(r => (Record: r, Lot: random.Next())).OrderBy(r => r.Record.Preference).ThenBy(r => r.Lot).Select(r => r.Record);

    // RFC 5321 2.3.5: a host has a fully qualified name. Addresses and single labels as exchange are common mistakes, localhost a malicious one.
    private static bool IsHostName(string exchange, Routes routes)
    {
        if (exchange.Length == 0 || routes.Names(exchange))
            return exchange.Length > 0;
        var last = exchange.AsSpan(exchange.LastIndexOf('.') + 1);
        return last.Length < exchange.Length && !IPAddress.TryParse(exchange, out _) && last.ContainsAnyExceptInRange('0', '9')
            && !last.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            && !exchange.Equals("localhost.localdomain", StringComparison.OrdinalIgnoreCase);
    }

    private static bool Allows(FamilyMode mode, AddressFamily family) => mode switch
    {
        FamilyMode.IPv4Only => family == AddressFamily.InterNetwork,
        FamilyMode.IPv6Only => family == AddressFamily.InterNetworkV6,
        _ => true,
    };

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static SessionFault DnsTrouble(string name, string? detail) =>
        new(Diagnostic.Of(null, new EnhancedStatusCode(4, 4, 3), $"looking up {name} failed: {detail ?? "no answer"}"));

    private static SessionFault Permanent(ushort subject, ushort detail, string text) =>
        new(Diagnostic.Of(null, new EnhancedStatusCode(5, subject, detail), text), IsPermanent: true);

    private static HostSearch Final(ushort subject, ushort detail, string text) => new([], Permanent(subject, detail, text), IsFinal: true);
}
