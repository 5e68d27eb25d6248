using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Decides in which order a host's addresses are tried: the place of what is measured about IPv6 here (reverse DNS, SPF) and of what has worked
/// for a host before.
/// </summary>
public interface IFamilyPreference
{
    /// <summary>Puts addresses in order.</summary>
    /// <param name="host">The host.</param>
    /// <param name="mode">What the route says.</param>
    /// <param name="senderDomain">The domain of MAIL FROM, whose SPF record must cover our address; null for the null reverse-path.</param>
    /// <param name="addresses">The host's addresses.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Groups in order. The addresses of a group race; the next group comes when all of the former have failed.</returns>
    ValueTask<IReadOnlyList<IReadOnlyList<IPAddress>>> OrderAsync(
        MailHost host, FamilyMode mode, string? senderDomain, IReadOnlyList<IPAddress> addresses, CancellationToken cancel);

    /// <summary>Whether refused recipients may be tried over an address once the other family was blamed.</summary>
    /// <param name="address">The address.</param>
    /// <param name="senderDomain">The domain of MAIL FROM; null for the null reverse-path.</param>
    /// <param name="cancel">Gives up.</param>
    ValueTask<bool> IsHealthyAsync(IPAddress address, string? senderDomain, CancellationToken cancel);

    /// <summary>Is told how an address has done.</summary>
    /// <param name="host">The host.</param>
    /// <param name="address">The address.</param>
    /// <param name="worked">A session came about, and the address was not blamed for a refusal.</param>
    void Learn(MailHost host, IPAddress address, bool worked);
}

/// <summary>The orders that ask for no measurement.</summary>
internal static class FamilyOrder
{
    /// <summary>The groups of a mode; <see cref="FamilyMode.Auto"/> lets both families race, IPv6 with a head start (RFC 8305 4).</summary>
    public static IReadOnlyList<IReadOnlyList<IPAddress>> Of(FamilyMode mode, IReadOnlyList<IPAddress> addresses)
    {
        var six = addresses.Where(a => a.AddressFamily == AddressFamily.InterNetworkV6).ToList();
        var four = addresses.Where(a => a.AddressFamily == AddressFamily.InterNetwork).ToList();
        IReadOnlyList<IPAddress>[] groups = mode switch
        {
            FamilyMode.PreferIPv6 => [six, four],
            FamilyMode.PreferIPv4 => [four, six],
            FamilyMode.IPv6Only => [six],
            FamilyMode.IPv4Only => [four],
            _ => [Interleaved(six, four)],
        };
        return [.. groups.Where(g => g.Count > 0)];
    }

    private static List<IPAddress> Interleaved(List<IPAddress> first, List<IPAddress> second)
    {
        var all = new List<IPAddress>(first.Count + second.Count);
        for (var i = 0; i < Math.Max(first.Count, second.Count); i++)
        {
            all.AddRange(first.Skip(i).Take(1));
            all.AddRange(second.Skip(i).Take(1));
        }
        return all;
    }
}
