using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Protocol.PortMapping;

namespace HomeMail.Server.House;

/// <summary>
/// A gateway that speaks UPnP-IGD. Search, description and calls all stay with the gateway's own address; there are no redirects, and nothing is read
/// beyond a bound or for longer than a few seconds.
/// </summary>
/// <param name="gateway">Its address, IPv4.</param>
/// <param name="ports">Where it listens.</param>
/// <param name="clock">Time.</param>
public sealed class UpnpGateway(IPAddress gateway, GatewayPorts ports, TimeProvider clock) : IPortMapper
{
    // Of the first wait: two seconds for a search, four for a call.
    private const int SearchWaits = 8;
    private const int CallWaits = 16;
    private const int MostAnswers = 32;

    private (Uri Control, string Service, IPAddress Local)? _found;

    /// <inheritdoc/>
    public AddressSource Protocol => AddressSource.Upnp;

    /// <inheritdoc/>
    public async Task<IPAddress?> ExternalAddressAsync(CancellationToken cancel) =>
        await CallAsync("GetExternalIPAddress", static _ => [], cancel).ConfigureAwait(false) is { Status: 200 } answer
            && Igd.TryReadAddress(answer.Body, out var address) ? address : null;

    /// <inheritdoc/>
    public async Task<PortMapping?> MapAsync(int port, TimeSpan lifetime, CancellationToken cancel)
    {
        var answer = await CallAsync("AddPortMapping", local => Mapping(port, local, lifetime), cancel).ConfigureAwait(false);
        if (answer is { Status: not 200 } refused && Igd.ReadError(refused.Body) == Igd.OnlyPermanentLeases)
        {
            lifetime = TimeSpan.Zero;
            answer = await CallAsync("AddPortMapping", local => Mapping(port, local, TimeSpan.Zero), cancel).ConfigureAwait(false);
        }
        return answer is { Status: 200 } ? new PortMapping(port, port, lifetime, Protocol) : null;
    }

    /// <inheritdoc/>
    public async Task UnmapAsync(PortMapping mapping, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mapping);
        await CallAsync(
            "DeletePortMapping",
            _ => [("NewRemoteHost", ""), ("NewExternalPort", Number(mapping.ExternalPort)), ("NewProtocol", "TCP")], cancel).ConfigureAwait(false);
    }

    private static (string, string)[] Mapping(int port, IPAddress local, TimeSpan lifetime) =>
    [
        ("NewRemoteHost", ""), ("NewExternalPort", Number(port)), ("NewProtocol", "TCP"), ("NewInternalPort", Number(port)),
        ("NewInternalClient", local.ToString()), ("NewEnabled", "1"), ("NewPortMappingDescription", "HomeMail"), ("NewLeaseDuration", Number((int)lifetime.TotalSeconds)),
    ];

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<(int Status, byte[] Body)?> CallAsync(string action, Func<IPAddress, (string, string)[]> arguments, CancellationToken cancel)
    {
        if (_found is not { } found)
        {
            if (await FindAsync(cancel).ConfigureAwait(false) is not { } fresh)
                return null;
            _found = found = fresh;
        }
        var body = Igd.Call(found.Service, action, arguments(found.Local));
        var answer = await HttpAsync(found.Control, $"POST {found.Control.PathAndQuery} HTTP/1.1", $"SOAPAction: \"{found.Service}#{action}\"\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n", body, cancel).ConfigureAwait(false);
        // A router that has started anew listens at another port.
        if (answer is null)
            _found = null;
        return answer is { } whole ? (whole.Status, whole.Body) : null;
    }

    private async Task<(Uri Control, string Service, IPAddress Local)?> FindAsync(CancellationToken cancel)
    {
        foreach (var location in await SearchAsync(cancel).ConfigureAwait(false))
        {
            if (await HttpAsync(location, $"GET {location.PathAndQuery} HTTP/1.1", "", "", cancel).ConfigureAwait(false) is not { Status: 200 } description)
                continue;
            foreach (var service in Igd.ReadServices(description.Body))
                if (Ssdp.TryResolve(location, service.ControlUrl, gateway, out var control))
                    return (control, service.Type, description.Local);
        }
        return null;
    }

    // Some gateways answer only what goes to the group, and from a port of their own; so here the sender's address is compared, not the kernel's doing.
    private async Task<IReadOnlyList<Uri>> SearchAsync(CancellationToken cancel)
    {
        var found = new List<Uri>();
        using var timer = new CancellationTokenSource(ports.FirstWait * SearchWaits, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            await probe.ConnectAsync(new IPEndPoint(gateway, ports.Ssdp), cancel).ConfigureAwait(false);
            var local = ((IPEndPoint)probe.LocalEndPoint!).Address;
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(local, 0));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 1);
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, local.GetAddressBytes());
            var search = Ssdp.Search.ToArray();
            await socket.SendToAsync(search, new IPEndPoint(gateway, ports.Ssdp), both.Token).ConfigureAwait(false);
            if (!IPAddress.IsLoopback(local))
                await socket.SendToAsync(search, new IPEndPoint(Ssdp.Group, ports.Ssdp), both.Token).ConfigureAwait(false);
            var buffer = new byte[Ssdp.MaxAnswer + 1];
            for (var answers = 0; answers < MostAnswers && found.Count == 0; answers++)
            {
                var received = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), both.Token).ConfigureAwait(false);
                if (((IPEndPoint)received.RemoteEndPoint).Address.Equals(gateway)
                    && Ssdp.TryReadLocation(buffer.AsSpan(0, received.ReceivedBytes), gateway, out var location) && !found.Contains(location))
                    found.Add(location);
            }
        }
        catch (SocketException)
        {
            // No way to it.
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Who has not answered by now does not.
        }
        return found;
    }

    private async Task<(int Status, byte[] Body, IPAddress Local)?> HttpAsync(Uri to, string requestLine, string fields, string body, CancellationToken cancel)
    {
        using var timer = new CancellationTokenSource(ports.FirstWait * CallWaits, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(new IPEndPoint(gateway, to.Port), both.Token).ConfigureAwait(false);
            var content = Encoding.UTF8.GetBytes(body);
            var length = content.Length > 0 ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {content.Length}\r\n") : "";
            var head = Encoding.ASCII.GetBytes($"{requestLine}\r\nHost: {to.Authority}\r\nConnection: close\r\nUser-Agent: HomeMail UPnP/1.1\r\n{fields}{length}\r\n");
            await socket.SendAsync((byte[])[.. head, .. content], both.Token).ConfigureAwait(false);
            var answer = new byte[Igd.MaxText];
            var read = 0;
            while (read < answer.Length)
            {
                var got = await socket.ReceiveAsync(answer.AsMemory(read), both.Token).ConfigureAwait(false);
                if (got == 0)
                    break;
                read += got;
                if (HttpAnswer.IsWhole(answer.AsSpan(0, read)))
                    break;
            }
            return HttpAnswer.TryRead(answer.AsSpan(0, read), out var status, out var told) ? (status, told, ((IPEndPoint)socket.LocalEndPoint!).Address) : null;
        }
        catch (SocketException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }
}
