using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.House;

/// <summary>
/// Keeps our ports forwarded while <c>[server] map-ports</c> is on: asks the gateway by PCP, NAT-PMP or UPnP, whichever it speaks, renews at half the
/// lifetime, and takes the mappings back at the end.
/// </summary>
/// <param name="gateways">The gateways now.</param>
/// <param name="ports">The ports to forward now; none while it is off.</param>
/// <param name="listening">Where gateways listen.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
/// <param name="memory">Remembers what was forwarded over a restart, or null.</param>
public sealed class PortMappings(
    Func<IReadOnlyList<IPAddress>> gateways, Func<IReadOnlyList<int>> ports, GatewayPorts listening, TimeProvider clock, Log log, StateCollection? memory = null)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ForEver = TimeSpan.FromDays(3650);
    private static readonly TimeSpan PartingTime = TimeSpan.FromSeconds(4);

    private readonly Dictionary<IPAddress, IReadOnlyList<IPortMapper>> _mappers = [];
    private readonly Dictionary<(IPAddress Gateway, int Port), (PortMapping Mapping, IPortMapper Mapper)> _held = [];

    /// <summary>The mappings that are held now.</summary>
    public IReadOnlyList<PortMapping> Held
    {
        get
        {
            lock (_held)
                return [.. _held.Values.Select(held => held.Mapping)];
        }
    }

    /// <summary>Whether a port of this machine is forwarded from outside, or may still be from an earlier run that was broken off.</summary>
    /// <param name="port">The port.</param>
    public bool WasForwarded(int port)
    {
        lock (_held)
            if (_held.Keys.Any(held => held.Port == port))
                return true;
        return port > 0 && memory?.Find(Key(port)) is not null;
    }

    private static string Key(int port) => port.ToString(CultureInfo.InvariantCulture);

    /// <summary>Keeps the mappings until the server stops.</summary>
    /// <param name="stop">The server stops.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
                await Task.Delay(await RenewAsync(stop).ConfigureAwait(false), clock, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            using var parting = new CancellationTokenSource(PartingTime, clock);
            await ReleaseAsync(static _ => true, parting.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Makes or renews each mapping once, and lets go of those that are no longer wanted.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <returns>When to come again.</returns>
    public async Task<TimeSpan> RenewAsync(CancellationToken cancel)
    {
        var wanted = ports();
        var present = gateways().Where(gateway => gateway.AddressFamily == AddressFamily.InterNetwork).ToList();
        await ReleaseAsync(key => !wanted.Contains(key.Port) || !present.Contains(key.Gateway), cancel).ConfigureAwait(false);
        var next = Retry;
        foreach (var gateway in present)
        {
            if (!_mappers.TryGetValue(gateway, out var mappers))
                _mappers[gateway] = mappers = GatewayAddresses.Mappers(gateway, listening, clock);
            foreach (var port in wanted)
            {
                var mapping = await MapAsync(gateway, port, mappers, cancel).ConfigureAwait(false);
                if (mapping is { Lifetime.Ticks: > 0 } && mapping.Lifetime / 2 < next)
                    next = mapping.Lifetime / 2 < Soonest ? Soonest : mapping.Lifetime / 2;
            }
        }
        return next;
    }

    private async Task<PortMapping?> MapAsync(IPAddress gateway, int port, IReadOnlyList<IPortMapper> mappers, CancellationToken cancel)
    {
        (PortMapping Mapping, IPortMapper Mapper) before;
        bool isHeld;
        List<IPortMapper> inOrder;
        lock (_held)
        {
            isHeld = _held.TryGetValue((gateway, port), out before);
            // The one that has worked is the one that renews, since another would make a second mapping; and what has worked for one port comes first for the next.
            inOrder = [.. mappers.OrderByDescending(m => m == before.Mapper).ThenByDescending(m => _held.Values.Any(held => held.Mapper == m))];
        }
        foreach (var mapper in inOrder)
        {
            if (await mapper.MapAsync(port, Lifetime, cancel).ConfigureAwait(false) is not { } mapping)
                continue;
            lock (_held)
                _held[(gateway, port)] = (mapping, mapper);
            memory?.Upsert(Key(port), new BsonDocument { ["gateway"] = gateway.ToString() }, clock.GetUtcNow() + (mapping.Lifetime > TimeSpan.Zero ? mapping.Lifetime : ForEver));
            if (!isHeld || mapping.ExternalPort != before.Mapping.ExternalPort)
                log.Info("port-mapped", ("port", port), ("outside", mapping.ExternalPort), ("gateway", gateway.ToString()), ("by", mapping.By.ToString()),
                    ("what", mapping.ExternalPort == port ? null : "the gateway gave another port than was asked for: others will not find it"));
            return mapping;
        }
        lock (_held)
            _held.Remove((gateway, port));
        log.Info("port-not-mapped", ("port", port), ("gateway", gateway.ToString()), ("what", "the gateway forwards no port by PCP, NAT-PMP or UPnP"));
        return null;
    }

    private async Task ReleaseAsync(Func<(IPAddress Gateway, int Port), bool> which, CancellationToken cancel)
    {
        List<KeyValuePair<(IPAddress Gateway, int Port), (PortMapping Mapping, IPortMapper Mapper)>> released;
        lock (_held)
        {
            released = [.. _held.Where(held => which(held.Key))];
            foreach (var held in released)
                _held.Remove(held.Key);
        }
        try
        {
            await Task.WhenAll(released.Select(held => held.Value.Mapper.UnmapAsync(held.Value.Mapping, cancel))).ConfigureAwait(false);
            foreach (var held in released)
                memory?.Remove(Key(held.Key.Port));
        }
        catch (OperationCanceledException)
        {
            // They end by themselves when their time is over.
        }
    }
}
