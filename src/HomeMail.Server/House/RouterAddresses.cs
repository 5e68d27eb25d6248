using System.Net;
using HomeMail.Server.Delivery;

namespace HomeMail.Server.House;

/// <summary>
/// The addresses of the router on both of its sides. From the inner one, the default gateway's, comes whatever a router turns around or masks; a router may
/// use its outer one for that just as well, and then a client bears our own public address though this machine does not have it. Either stands for anybody,
/// of the house or of the internet. Where an interface of this machine has the public address there is no such router, and who comes from it is this machine.
/// </summary>
/// <param name="isGateway">Whether an address is a default gateway's.</param>
/// <param name="own">In which way an address is ours.</param>
/// <param name="publicAddresses">Our public addresses now. A former one is somebody else's by now.</param>
public sealed class RouterAddresses(Func<IPAddress, bool> isGateway, Func<IPAddress, OwnAddress> own, Func<PublicPicture> publicAddresses)
{
    /// <summary>Whether an address is the router's.</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return isGateway(address) || (address.Equals(publicAddresses().Of(address.AddressFamily)) && own(address) != OwnAddress.Interface);
    }
}
