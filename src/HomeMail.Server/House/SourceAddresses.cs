using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Delivery;

namespace HomeMail.Server.House;

/// <summary>Asks the system which way it would go. Nothing is sent for that; of IPv6 it is always the same, stable address of a prefix.</summary>
/// <param name="sending">Knows which addresses are stable.</param>
/// <param name="publicAddress">The public address of a family, as far as it is known.</param>
public sealed class SourceAddresses(SendingAddresses sending, Func<AddressFamily, IPAddress?> publicAddress) : ISourceAddresses
{
    /// <inheritdoc/>
    public IPAddress? For(IPAddress remote)
    {
        ArgumentNullException.ThrowIfNull(remote);
        return sending.From(new IPEndPoint(remote, 25));
    }

    /// <inheritdoc/>
    public IPAddress? SeenAs(IPAddress source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (PublicPicture.IsPublic(source))
            return source;
        // Between IPv6 networks nothing translates: an address that is not of the internet is seen by nobody there.
        return source.AddressFamily == AddressFamily.InterNetwork ? publicAddress(AddressFamily.InterNetwork) : null;
    }
}
