using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.House;

/// <summary>What the IPv4 gateways say of the public address, in every protocol that they have.</summary>
/// <param name="gateways">The gateways now.</param>
/// <param name="ports">Where they listen.</param>
/// <param name="clock">Time.</param>
public sealed class GatewayAddresses(Func<IReadOnlyList<IPAddress>> gateways, GatewayPorts ports, TimeProvider clock) : IPublicAddressSource
{
    /// <summary>The ways to talk to a gateway, the best first.</summary>
    /// <param name="gateway">Its address.</param>
    /// <param name="ports">Where it listens.</param>
    /// <param name="clock">Time.</param>
    public static IReadOnlyList<IPortMapper> Mappers(IPAddress gateway, GatewayPorts ports, TimeProvider clock) =>
        [new PcpGateway(gateway, ports, clock), new NatPmpGateway(gateway, ports, clock), new UpnpGateway(gateway, ports, clock)];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AddressReport>> AskAsync(CancellationToken cancel)
    {
        var asking = gateways().Where(gateway => gateway.AddressFamily == AddressFamily.InterNetwork).SelectMany(gateway => Mappers(gateway, ports, clock))
            .Select(async mapper =>
            {
                // One that hangs until all time is over must not take the others' words with it.
                try
                {
                    return await mapper.ExternalAddressAsync(cancel).ConfigureAwait(false) is { } address ? new AddressReport(address, mapper.Protocol) : null;
                }
                catch (OperationCanceledException)
                {
                    return null;
                }
            });
        return [.. (await Task.WhenAll(asking).ConfigureAwait(false)).OfType<AddressReport>()];
    }
}
