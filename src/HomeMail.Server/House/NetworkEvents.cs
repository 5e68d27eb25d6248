using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace HomeMail.Server.House;

/// <summary>
/// Hears from the kernel (rtnetlink(7)) that an address, a route or a link has come or gone. What it was is not taken from the message: whoever needs to know
/// reads the tables anew, which are the truth also where messages were lost.
/// </summary>
/// <param name="changed">Is called after a change, once for changes that come together.</param>
/// <param name="clock">Time.</param>
/// <param name="log">Is told where the kernel tells nothing.</param>
public sealed partial class NetworkEvents(Action changed, TimeProvider clock, Log log)
{
    private const int Netlink = 16;
    private const int Raw = 3;
    private const int CloseOnExec = 0x80000;
    private const int Route = 0;

    // RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE (linux/rtnetlink.h)
    private const uint Groups = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

    // A new prefix comes in many messages, and its addresses are tentative for a second (RFC 4862 5.4).
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    /// <summary>Listens until the server stops. Without netlink it ends at once, and changes are seen when somebody looks.</summary>
    /// <param name="stop">The server stops.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            using var socket = Open(Groups);
            var message = new byte[4096];
            while (true)
            {
                await ReceiveAsync(socket, message, stop).ConfigureAwait(false);
                while (await IsMoreAsync(socket, message, stop).ConfigureAwait(false))
                {
                    // They come together.
                }
                changed();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
        catch (SocketException error)
        {
            log.Info("network", ("what", $"the kernel does not tell of changed addresses ({error.SocketErrorCode}); they are looked at every few minutes"));
        }
    }

    private async ValueTask<bool> IsMoreAsync(Socket socket, byte[] message, CancellationToken stop)
    {
        using var quiet = new CancellationTokenSource(Quiet, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(quiet.Token, stop);
        try
        {
            await ReceiveAsync(socket, message, both.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async ValueTask ReceiveAsync(Socket socket, byte[] message, CancellationToken cancel)
    {
        try
        {
            await socket.ReceiveAsync(message, SocketFlags.None, cancel).ConfigureAwait(false);
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.NoBufferSpaceAvailable)
        {
            // Messages were lost (netlink(7)): that, too, says that something has changed.
        }
    }

    /// <summary>A socket to ask the kernel at (rtnetlink(7)).</summary>
    /// <exception cref="SocketException">There is none to be had.</exception>
    internal static Socket OpenRoute() => Open(groups: 0);

    private static Socket Open(uint groups)
    {
        var descriptor = OpenSocket(Netlink, Raw | CloseOnExec, Route);
        if (descriptor < 0)
            throw new SocketException((int)SocketError.ProtocolNotSupported);
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        var address = new KernelAddress { Family = Netlink, Groups = groups };
        if (Bind(descriptor, address, Marshal.SizeOf<KernelAddress>()) == 0)
            return socket;
        socket.Dispose();
        throw new SocketException((int)SocketError.AccessDenied);
    }

    // struct sockaddr_nl of netlink(7).
    [StructLayout(LayoutKind.Sequential)]
    private struct KernelAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint Port;
        public uint Groups;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int OpenSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int descriptor, in KernelAddress address, int length);
}
