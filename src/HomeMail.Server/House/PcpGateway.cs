using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using HomeMail.Protocol.PortMapping;

namespace HomeMail.Server.House;

/// <summary>A gateway that speaks PCP (RFC 6887).</summary>
/// <param name="gateway">Its address.</param>
/// <param name="ports">Where it listens.</param>
/// <param name="clock">Time.</param>
public sealed class PcpGateway(IPAddress gateway, GatewayPorts ports, TimeProvider clock) : IPortMapper
{
    // There is no way to ask for the address alone; a short mapping of the discard port gives it (RFC 6887 11.6).
    private const ushort DiscardPort = 9;
    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(60);

    private readonly IPEndPoint _server = new(gateway, ports.Pcp);
    private readonly ConcurrentDictionary<int, byte[]> _nonces = new();

    /// <inheritdoc/>
    public AddressSource Protocol => AddressSource.Pcp;

    /// <inheritdoc/>
    public async Task<IPAddress?> ExternalAddressAsync(CancellationToken cancel)
    {
        if (await AskAsync(DiscardPort, Glance, cancel).ConfigureAwait(false) is not { Result: PcpResult.Success } mapping)
            return null;
        await AskAsync(DiscardPort, TimeSpan.Zero, cancel).ConfigureAwait(false);
        return mapping.ExternalAddress;
    }

    /// <inheritdoc/>
    public async Task<PortMapping?> MapAsync(int port, TimeSpan lifetime, CancellationToken cancel) =>
        await AskAsync((ushort)port, lifetime, cancel).ConfigureAwait(false) is { Result: PcpResult.Success } mapping
            ? new PortMapping(port, mapping.ExternalPort, TimeSpan.FromSeconds(mapping.Lifetime), Protocol) : null;

    /// <inheritdoc/>
    public async Task UnmapAsync(PortMapping mapping, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        await AskAsync((ushort)mapping.InternalPort, TimeSpan.Zero, cancel).ConfigureAwait(false);
        _nonces.TryRemove(mapping.InternalPort, out _);
    }

    private async Task<PcpMapping?> AskAsync(ushort port, TimeSpan lifetime, CancellationToken cancel)
    {
        var nonce = _nonces.GetOrAdd(port, static _ => RandomNumberGenerator.GetBytes(Pcp.NonceLength));
        var (isAnswered, mapping) = await GatewayExchange.AskAsync(
            _server,
            local =>
            {
                var message = new byte[Pcp.MapLength];
                Pcp.WriteMap(message, local, nonce, port, port, (uint)lifetime.TotalSeconds);
                return message;
            },
            (ReadOnlySpan<byte> message, out PcpMapping answer) => Pcp.TryReadMap(message, nonce, port, out answer),
            ports.FirstWait, clock, cancel).ConfigureAwait(false);
        return isAnswered ? mapping : null;
    }
}

/// <summary>A gateway that speaks NAT-PMP (RFC 6886).</summary>
/// <param name="gateway">Its address.</param>
/// <param name="ports">Where it listens.</param>
/// <param name="clock">Time.</param>
public sealed class NatPmpGateway(IPAddress gateway, GatewayPorts ports, TimeProvider clock) : IPortMapper
{
    private readonly IPEndPoint _server = new(gateway, ports.Pcp);

    /// <inheritdoc/>
    public AddressSource Protocol => AddressSource.NatPmp;

    /// <inheritdoc/>
    public async Task<IPAddress?> ExternalAddressAsync(CancellationToken cancel)
    {
        var (_, address) = await GatewayExchange.AskAsync(
            _server,
            static _ =>
            {
                var message = new byte[NatPmp.AddressRequestLength];
                NatPmp.WriteAddressRequest(message);
                return message;
            },
            static (ReadOnlySpan<byte> message, out IPAddress? answer) => NatPmp.TryReadAddress(message, out answer), ports.FirstWait, clock, cancel).ConfigureAwait(false);
        return address;
    }

    /// <inheritdoc/>
    public async Task<PortMapping?> MapAsync(int port, TimeSpan lifetime, CancellationToken cancel)
    {
        var (_, mapping) = await GatewayExchange.AskAsync(
            _server,
            _ =>
            {
                var message = new byte[NatPmp.MapLength];
                NatPmp.WriteMap(message, (ushort)port, (ushort)port, (uint)lifetime.TotalSeconds);
                return message;
            },
            (ReadOnlySpan<byte> message, out PortMapping? answer) =>
            {
                answer = null;
                if (!NatPmp.TryReadMap(message, (ushort)port, out var external, out var seconds))
                    return false;
                if (external != 0 && seconds != 0)
                    answer = new PortMapping(port, external, TimeSpan.FromSeconds(seconds), AddressSource.NatPmp);
                return true;
            },
            ports.FirstWait, clock, cancel).ConfigureAwait(false);
        return mapping;
    }

    /// <inheritdoc/>
    public Task UnmapAsync(PortMapping mapping, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        return MapAsync(mapping.InternalPort, TimeSpan.Zero, cancel);
    }
}
