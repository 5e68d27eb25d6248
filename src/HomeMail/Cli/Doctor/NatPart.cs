using System.Net;
using System.Net.Sockets;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the house has a public IPv4 address at all: not behind a carrier's NAT (RFC 6598), DS-Lite (RFC 6333), or a second router.</summary>
internal static class NatPart
{
    private const string Subject = "nat";

    private const string NoForward = "no port can be forwarded there, so nothing comes in by IPv4";

    private const string Mend = "ask the provider for a public IPv4 address; or put a rented server with one in front, as [relay:NAME] says; what can, reaches you by IPv6";

    private static readonly IPNetwork Shared = IPNetwork.Parse("100.64.0.0/10");
    private static readonly IPNetwork Protocols = IPNetwork.Parse("192.0.0.0/24");

    /// <summary>What is judged.</summary>
    /// <param name="Sending">The IPv4 address that this machine sends from, or null.</param>
    /// <param name="ToldByRouter">What the router says that its outer address is.</param>
    /// <param name="SeenOutside">The IPv4 address that a mail host outside has seen, or null.</param>
    /// <param name="HasIPv6">Whether there is a public IPv6 address.</param>
    /// <param name="HasRelay">Whether mail comes in through a host in front of the house.</param>
    internal sealed record Facts(IPAddress? Sending, IReadOnlyList<IPAddress> ToldByRouter, IPAddress? SeenOutside, bool HasIPv6, bool HasRelay);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var place = await scene.PlaceAsync();
        return
        [
            Judge(new Facts(
                place.SendingOf(AddressFamily.InterNetwork), [.. place.ToldByRouter.Select(static r => r.Address).Where(static a => a.AddressFamily == AddressFamily.InterNetwork).Distinct()],
                place.SeenOutside.FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork), place.Measured(AddressFamily.InterNetworkV6) is not null,
                scene.Settings.Relays.Count > 0)),
        ];
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (sending, told, seen, hasSix, hasRelay) = facts;
        if (sending is null)
        {
            return DoctorFinding.Attention(
                Subject, "no-ipv4", $"there is no way out by IPv4{(hasSix ? "; hosts without IPv6 neither reach us nor are reached" : "")}", hasRelay ? null : Mend);
        }
        IPAddress[] outer = [sending, .. told];
        if (outer.FirstOrDefault(Protocols.Contains) is { } tunnelled)
            return Of("ds-lite", $"the provider carries IPv4 inside IPv6 (DS-Lite: {tunnelled}); {NoForward}", hasRelay);
        if (outer.FirstOrDefault(Shared.Contains) is { } shared)
            return Of("carrier-nat", $"the provider puts many houses behind one address (carrier NAT: {shared}); {NoForward}", hasRelay);
        var router = told.Count > 0 ? told[0] : null;
        if (router is not null && !PublicPicture.IsPublic(router))
        {
            return hasRelay ? DoctorFinding.Ok(Subject, $"there is another router in front of yours (its outer side is {router}); mail comes through a relay")
                : DoctorFinding.Trouble(Subject, "two-routers", $"there is another router in front of yours, whose outer side is {router}: both must forward port 25",
                    "switch the first one to a bridge, or forward ports in both");
        }
        if (router is not null && seen is not null && !told.Contains(seen))
            return Of("carrier-nat", $"the router's outer address is {router}, and hosts outside see {seen}: somebody between translates, and {NoForward}", hasRelay);
        return PublicPicture.IsPublic(sending) ? DoctorFinding.Ok(Subject, $"none: {sending} is this machine's own")
            : DoctorFinding.Ok(Subject, router is null ? $"{sending} is translated by a router that does not tell its outer address" : $"one router, whose outer address is {router}");
    }

    private static DoctorFinding Of(string code, string words, bool hasRelay) => hasRelay
        ? DoctorFinding.Attention(Subject, code, words, "nothing, as mail comes in through a relay")
        : DoctorFinding.Trouble(Subject, code, words, Mend);
}
