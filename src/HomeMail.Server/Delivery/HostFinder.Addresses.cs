using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery;

public sealed partial class HostFinder
{
    private sealed record Resolved(MxRecord Exchange, List<IPAddress> Addresses, string? Trouble, bool Exists, bool Authenticated, string Canonical);

    private async ValueTask<HostSearch> ResolveAsync(
        string domain, List<MxRecord> exchanges, bool authenticated, FamilyMode family, Routes routes, CancellationToken cancel)
    {
        var resolved = await Task.WhenAll(exchanges.Select(async exchange =>
        {
            var (addresses, trouble, exists, secure, canonical) = await AddressesAsync(exchange.Exchange, family, cancel).ConfigureAwait(false);
            return new Resolved(exchange, addresses, trouble, exists, secure, canonical);
        })).ConfigureAwait(false);

        var special = 0;
        foreach (var host in resolved)
            if (!routes.Names(host.Exchange.Exchange))
                special += host.Addresses.RemoveAll(IsOutOfBounds);

        var (limit, kind) = options.ComesBackBySmtp(domain) ? (int.MaxValue, OwnAddress.No) : OwnPreference(resolved);
        var hosts = resolved
            .Where(host => host.Addresses.Count > 0 && host.Exchange.Preference < limit)
            .Select(host => new MailHost(host.Exchange.Exchange, host.Exchange.Preference, host.Addresses, authenticated && host.Authenticated) { CanonicalName = host.Canonical })
            .ToList();
        if (hosts.Count > 0)
            return new HostSearch(hosts);
        if (resolved.FirstOrDefault(host => host.Trouble is not null) is { } troubled)
            return new HostSearch([], DnsTrouble(troubled.Exchange.Exchange, troubled.Trouble));
        if (kind != OwnAddress.No)
            return new HostSearch([], Loop(domain, kind));
        if (special > 0)
            return new HostSearch([], Permanent(4, 4, $"the hosts of {domain} have only addresses that are not on the internet"));
        if (resolved.All(host => !host.Exists) && !await DnsWorksAsync(cancel).ConfigureAwait(false))
            return new HostSearch([], DnsTrouble(domain, "its hosts are said not to exist, but so is one that does"));
        return new HostSearch([], Permanent(4, 4, $"no host of {domain} has an address that this server can use"));
    }

    // An address of ours on the LAN stays in, so that the loop is seen. Loopback is everybody's own, and tells nothing.
    private bool IsOutOfBounds(IPAddress address) => SpecialPurpose.Is(address)
        && (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || own.Is(address) != OwnAddress.Interface);

    // RFC 5321 5.1: from our own place in the list on, the hosts are behind us, and sending there would be a loop.
    private (int Limit, OwnAddress Kind) OwnPreference(Resolved[] resolved)
    {
        var limit = int.MaxValue;
        var kind = OwnAddress.No;
        foreach (var host in resolved)
        {
            var here = host.Exchange.Exchange.Equals(options.Hostname, StringComparison.OrdinalIgnoreCase)
                ? OwnAddress.Interface
                : host.Addresses.Select(own.Is).Aggregate(OwnAddress.No, Stronger);
            if (here == OwnAddress.No || host.Exchange.Preference > limit)
                continue;
            kind = host.Exchange.Preference < limit ? here : Stronger(kind, here);
            limit = host.Exchange.Preference;
        }
        return (limit, kind);
    }

    private static OwnAddress Stronger(OwnAddress a, OwnAddress b) =>
        a == OwnAddress.Interface || b == OwnAddress.Interface ? OwnAddress.Interface : a == OwnAddress.Public ? a : b;

    // An address that only looks like ours may belong to another house since the provider changed it: that is no reason to give up.
    private static SessionFault Loop(string domain, OwnAddress kind) => kind == OwnAddress.Interface
        ? new SessionFault(Diagnostic.Of(null, new EnhancedStatusCode(5, 4, 6), $"mail for {domain} would come back to this server, which does not host it"),
            IsPermanent: true, IsLoop: true)
        : new SessionFault(Diagnostic.Of(null, new EnhancedStatusCode(4, 4, 6), $"the host of {domain} has the public address of this house"), IsLoop: true);

    private async ValueTask<(List<IPAddress> Addresses, string? Trouble, bool Exists, bool Authenticated, string Canonical)> AddressesAsync(
        string host, FamilyMode mode, CancellationToken cancel)
    {
        var four = Allows(mode, AddressFamily.InterNetwork) ? dns.AddressesAsync(host, AddressFamily.InterNetwork, cancel).AsTask() : null;
        var six = Allows(mode, AddressFamily.InterNetworkV6) ? dns.AddressesAsync(host, AddressFamily.InterNetworkV6, cancel).AsTask() : null;
        var addresses = new List<IPAddress>();
        string? trouble = null;
        var exists = false;
        var authenticated = true;
        var canonical = host;
        foreach (var look in (Task<DnsAnswer<IPAddress>>?[])[six, four])
        {
            if (look is null)
                continue;
            var answer = await look.ConfigureAwait(false);
            exists |= answer.Status != DnsStatus.NoSuchDomain;
            // Only what is used has to be vouched for: else a family that fails to answer would turn DANE off.
            if (answer.Status == DnsStatus.Found)
                (authenticated, canonical) = (authenticated && answer.Authenticated, answer.CanonicalName);
            if (answer.Status == DnsStatus.TemporaryFailure)
                trouble = answer.Detail ?? "no answer";
            foreach (var address in answer.Records)
                if (Plain(address) is var plain && !addresses.Contains(plain))
                    addresses.Add(plain);
        }
        return (addresses, addresses.Count > 0 ? null : trouble, exists, authenticated && addresses.Count > 0, canonical);
    }
}
