using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.House;

/// <summary>Who says that an address is the house's public one.</summary>
public enum AddressSource
{
    /// <summary><c>[server] public-ip</c>.</summary>
    Configuration,

    /// <summary>An interface of this machine has it.</summary>
    Interface,

    /// <summary>The gateway, by PCP (RFC 6887).</summary>
    Pcp,

    /// <summary>The gateway, by NAT-PMP (RFC 6886).</summary>
    NatPmp,

    /// <summary>The gateway, by UPnP-IGD.</summary>
    Upnp,

    /// <summary>Unrelated mail servers, in what they answer to EHLO.</summary>
    Peers,

    /// <summary>A connection from it to a server on the internet came about, so answers to it reach us.</summary>
    Reached,

    /// <summary>The A and AAAA records of <c>hostname</c>: what we have said ourselves, perhaps long ago.</summary>
    Hostname,
}

/// <summary>One word about a public address.</summary>
/// <param name="Address">The address; never IPv4-mapped.</param>
/// <param name="Source">Who says so.</param>
public sealed record AddressReport(IPAddress Address, AddressSource Source);

/// <summary>Somebody who can be asked for the public addresses.</summary>
public interface IPublicAddressSource
{
    /// <summary>Asks. Trouble is no exception but an empty answer.</summary>
    /// <param name="cancel">Gives up.</param>
    Task<IReadOnlyList<AddressReport>> AskAsync(CancellationToken cancel);
}

/// <summary>What all sources together say at one time. It never changes.</summary>
public sealed class PublicPicture
{
    /// <summary>Nothing is known.</summary>
    public static PublicPicture Empty { get; } = new([]);

    /// <summary>Takes reports; those about addresses that are not global unicast say nothing and are left out.</summary>
    /// <param name="reports">The reports.</param>
    public PublicPicture(IEnumerable<AddressReport> reports) =>
        Reports = [.. reports.Where(report => IsPublic(report.Address)).Distinct().OrderBy(report => (int)report.Source)];

    /// <summary>The reports, the most believable first.</summary>
    public IReadOnlyList<AddressReport> Reports { get; }

    /// <summary>The public addresses as far as they are known, one a family.</summary>
    public IReadOnlyList<IPAddress> Addresses => [.. new[] { Of(AddressFamily.InterNetwork), Of(AddressFamily.InterNetworkV6) }.OfType<IPAddress>()];

    /// <summary>The public address of a family by the most believable source, or null.</summary>
    /// <param name="family">The family.</param>
    public IPAddress? Of(AddressFamily family) => Reports.FirstOrDefault(report => report.Address.AddressFamily == family)?.Address;

    /// <summary>Who says so.</summary>
    /// <param name="address">The address.</param>
    public IEnumerable<AddressSource> SourcesOf(IPAddress address) => Reports.Where(report => report.Address.Equals(address)).Select(report => report.Source);

    /// <summary>
    /// Whether an address may be published: the owner of the house has written it down, or two independent sources agree. The gateway is one source
    /// in whichever way it was asked, and what is published already is none.
    /// </summary>
    /// <param name="address">The address.</param>
    public bool MayBePublished(IPAddress address)
    {
        var sources = SourcesOf(address).Select(Independent).OfType<AddressSource>().Distinct().ToList();
        return sources.Contains(AddressSource.Configuration) || sources.Count >= 2;
    }

    /// <summary>Whether an address is one that the whole internet can reach. The documentation ranges count: they are the internet of every lab.</summary>
    /// <param name="address">The address.</param>
    public static bool IsPublic(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return !Delivery.SpecialPurpose.Is(address) && !Delivery.SpecialPurpose.HoldsIPv4(address);
    }

    private static AddressSource? Independent(AddressSource source) => source switch
    {
        AddressSource.NatPmp or AddressSource.Upnp => AddressSource.Pcp,
        AddressSource.Hostname => null,
        _ => source,
    };
}
