using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Server.Delivery;

namespace HomeMail.Server.House;

/// <summary>The addresses of this machine's interfaces, read anew when they are older than a few seconds, and those of the house.</summary>
/// <param name="isOfHouse">Whether the router has an address, or the public side has it or had it.</param>
/// <param name="clock">Time.</param>
public sealed class InterfaceAddresses(Func<IPAddress, bool> isOfHouse, TimeProvider clock) : IOwnAddresses
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private HashSet<IPAddress> _addresses = [];
    private long _read;
    private bool _known;

    /// <inheritdoc/>
    public OwnAddress Is(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (IPAddress.IsLoopback(address) || Interfaces().Contains(address))
            return OwnAddress.Interface;
        return isOfHouse(address) ? OwnAddress.Public : OwnAddress.No;
    }

    /// <summary>Something has changed: the next question reads anew.</summary>
    public void Forget()
    {
        lock (_gate)
            _known = false;
    }

    private HashSet<IPAddress> Interfaces()
    {
        lock (_gate)
        {
            if (_known && clock.GetElapsedTime(_read) < Age)
                return _addresses;
            try
            {
                _addresses = [.. NetworkInterface.GetAllNetworkInterfaces()
                    .SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => WithoutScope(a.Address))];
                _known = true;
            }
            catch (NetworkInformationException)
            {
                // The interfaces that were there a moment ago are the better answer.
            }
            _read = clock.GetTimestamp();
            return _addresses;
        }
    }

    // An address of a link has a scope on an interface and none in DNS.
    private static IPAddress WithoutScope(IPAddress address) => new(address.GetAddressBytes());
}
