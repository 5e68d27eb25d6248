using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.PortMapping;

namespace HomeMail.Server.House;

/// <summary>
/// Hears the announcements of gateways that have started anew or have another address (RFC 6886 3.2.1, RFC 6887 14.1). Anybody in the house can send one,
/// so what it says is not read: it is a reason to ask the gateway itself.
/// </summary>
/// <param name="heard">Is called for each.</param>
/// <param name="clock">Time.</param>
public sealed class GatewayAnnouncements(Action heard, TimeProvider clock)
{
    // A storm of them is worth one question now and then.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);

    private static readonly IPAddress AllHosts = new([224, 0, 0, 1]);

    /// <summary>Listens until the server stops; where it cannot, the questions that are asked every few minutes have to do.</summary>
    /// <param name="stop">The server stops.</param>
    /// <param name="at">Where to listen; null is the group and port of the standards.</param>
    public async Task RunAsync(CancellationToken stop, IPEndPoint? at = null)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(at ?? new IPEndPoint(AllHosts, Pcp.AnnouncementPort));
            var buffer = new byte[64];
            while (!stop.IsCancellationRequested)
            {
                await socket.ReceiveAsync(buffer, stop).ConfigureAwait(false);
                heard();
                await Task.Delay(Rest, clock, stop).ConfigureAwait(false);
                while (socket.Available > 0)
                    await socket.ReceiveAsync(buffer, stop).ConfigureAwait(false);
            }
        }
        catch (SocketException)
        {
            // Another program has the port, or the system forbids it.
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
