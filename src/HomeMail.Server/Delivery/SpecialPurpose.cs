using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Addresses that no stranger's DNS may send us to (RFC 6890 and the registries it made): what is inside a house, this machine, or nowhere.
/// The documentation ranges (RFC 5737, RFC 3849) are not among them: they lead nowhere on the internet, and are the internet of every lab.
/// </summary>
public static class SpecialPurpose
{
    private static readonly IPNetwork[] Networks4 =
    [
        IPNetwork.Parse("0.0.0.0/8"),
        IPNetwork.Parse("10.0.0.0/8"),
        IPNetwork.Parse("100.64.0.0/10"),
        IPNetwork.Parse("127.0.0.0/8"),
        IPNetwork.Parse("169.254.0.0/16"),
        IPNetwork.Parse("172.16.0.0/12"),
        IPNetwork.Parse("192.0.0.0/24"),
        IPNetwork.Parse("192.88.99.0/24"),
        IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("198.18.0.0/15"),
        IPNetwork.Parse("224.0.0.0/4"),
        IPNetwork.Parse("240.0.0.0/4"),
    ];

    // Global unicast is 2000::/3; everything outside of it is special, but for the two forms that hold an IPv4 address.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] Networks6 =
    [
        IPNetwork.Parse("2001::/23"), // protocol assignments, Teredo, ORCHID, benchmarking
    ];

    private static readonly IPNetwork Translated = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    /// <summary>Whether an address is special-purpose, or holds an IPv4 address that is.</summary>
    /// <param name="address">The address.</param>
    public static bool Is(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return IsIn(Networks4, address);
        // A scope makes an address one of a link, whatever its bits.
        if (address.ScopeId != 0)
            return true;
        if (address.IsIPv4MappedToIPv6)
            return IsIn(Networks4, address.MapToIPv4());
        if (Translated.Contains(address))
            return IsIn(Networks4, Embedded(address, 12));
        if (SixToFour.Contains(address))
            return IsIn(Networks4, Embedded(address, 2));
        return !GlobalUnicast.Contains(address) || IsIn(Networks6, address);
    }

    /// <summary>Whether an address is of a form that holds an IPv4 address: mapped, translated (RFC 6052) or 6to4. Such are made on the way, and are nobody's own.</summary>
    /// <param name="address">The address.</param>
    public static bool HoldsIPv4(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.IsIPv4MappedToIPv6 || Translated.Contains(address) || SixToFour.Contains(address);
    }

    private static IPAddress Embedded(IPAddress address, int at) => new(address.GetAddressBytes().AsSpan(at, 4));

    private static bool IsIn(IPNetwork[] networks, IPAddress address)
    {
        foreach (var network in networks)
            if (network.Contains(address))
                return true;
        return false;
    }
}
