using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Delivery;

/// <summary>Opens TCP connections.</summary>
/// <param name="source">The one stable address to start from to reach another; null leaves the choice to the kernel.</param>
public sealed class SocketDialer(Func<IPAddress, IPAddress?>? source = null) : IDialer
{
    /// <inheritdoc/>
    public async ValueTask<Stream> DialAsync(IPEndPoint remote, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(remote);
        var socket = new Socket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (source?.Invoke(remote.Address) is { } from)
                socket.Bind(new IPEndPoint(from, 0));
            await socket.ConnectAsync(remote, cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new DialException(Words(e.SocketErrorCode));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Words(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.TimedOut => StaggeredDial.TimedOut,
        SocketError.HostUnreachable or SocketError.HostDown => "host unreachable",
        SocketError.NetworkUnreachable or SocketError.NetworkDown => "network unreachable",
        SocketError.ConnectionReset => "connection reset",
        SocketError.AddressNotAvailable => "no source address for it",
        SocketError.AddressFamilyNotSupported => "address family not supported",
        SocketError.AccessDenied => "not permitted by this machine's firewall",
        _ => "no connection (" + error + ")",
    };
}
