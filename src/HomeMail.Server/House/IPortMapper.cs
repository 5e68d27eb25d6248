using System.Net;

namespace HomeMail.Server.House;

/// <summary>Where gateways listen. Only tests and labs have other ports than the standards'.</summary>
/// <param name="Pcp">PCP and NAT-PMP.</param>
/// <param name="Ssdp">UPnP's search.</param>
public sealed record GatewayPorts(int Pcp = Protocol.PortMapping.Pcp.Port, int Ssdp = Protocol.PortMapping.Ssdp.Port)
{
    /// <summary>The wait for the first answer to a datagram; later ones are longer, and all other patience is a multiple of it (RFC 6886 3.1).</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromMilliseconds(250);
}

/// <summary>A port of ours that a gateway forwards.</summary>
/// <param name="InternalPort">Our port.</param>
/// <param name="ExternalPort">The port outside; what the gateway had to give may be another than was wanted.</param>
/// <param name="Lifetime">How long it lasts; zero for ever.</param>
/// <param name="By">The protocol.</param>
public sealed record PortMapping(int InternalPort, int ExternalPort, TimeSpan Lifetime, AddressSource By);

/// <summary>A way to talk to a gateway: PCP, NAT-PMP or UPnP-IGD. Whatever the gateway does, the answer is a value; what comes from anybody else is no answer.</summary>
public interface IPortMapper
{
    /// <summary>The protocol.</summary>
    AddressSource Protocol { get; }

    /// <summary>Asks for the public address.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The address as the gateway says it, or null.</returns>
    Task<IPAddress?> ExternalAddressAsync(CancellationToken cancel);

    /// <summary>Asks for a TCP port to be forwarded to the same port here, or for that to go on.</summary>
    /// <param name="port">The port.</param>
    /// <param name="lifetime">How long.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The mapping, or null.</returns>
    Task<PortMapping?> MapAsync(int port, TimeSpan lifetime, CancellationToken cancel);

    /// <summary>Takes a mapping back.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="cancel">Gives up.</param>
    Task UnmapAsync(PortMapping mapping, CancellationToken cancel);
}
