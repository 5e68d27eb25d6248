using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.House;

/// <summary>Sends a datagram to a gateway until an answer comes that fits. The socket is connected: the kernel drops what comes from any other address or port.</summary>
internal static class GatewayExchange
{
    // RFC 6886 3.1 doubles the wait for minutes; whoever has not answered after the fourth has no such service.
    private const int Tries = 4;

    /// <summary>Reads an answer.</summary>
    /// <typeparam name="T">What it says.</typeparam>
    /// <param name="message">The datagram.</param>
    /// <param name="answer">What it says.</param>
    /// <returns>False if it is no answer: the wait goes on.</returns>
    public delegate bool Read<T>(ReadOnlySpan<byte> message, out T answer);

    /// <summary>Asks.</summary>
    /// <typeparam name="T">What the answer says.</typeparam>
    /// <param name="gateway">Whom.</param>
    /// <param name="request">Makes the request, given the address that we are seen under.</param>
    /// <param name="read">Reads an answer.</param>
    /// <param name="firstWait">How long to wait for the first answer.</param>
    /// <param name="clock">Time.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Whether there was an answer, and what it said.</returns>
    public static async Task<(bool IsAnswered, T? Answer)> AskAsync<T>(
        IPEndPoint gateway, Func<IPAddress, byte[]> request, Read<T> read, TimeSpan firstWait, TimeProvider clock, CancellationToken cancel)
    {
        try
        {
            using var socket = new Socket(gateway.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(gateway, cancel).ConfigureAwait(false);
            var message = request(((IPEndPoint)socket.LocalEndPoint!).Address);
            var buffer = new byte[2048];
            for (var attempt = 0; attempt < Tries; attempt++)
            {
                using var timer = new CancellationTokenSource(firstWait * (1 << attempt), clock);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
                try
                {
                    await socket.SendAsync(message, both.Token).ConfigureAwait(false);
                    // A flood of what is no answer must not outlast the wait either.
                    while (!both.IsCancellationRequested)
                    {
                        var length = await socket.ReceiveAsync(buffer, both.Token).ConfigureAwait(false);
                        if (read(buffer.AsSpan(0, length), out var answer))
                            return (true, answer);
                    }
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    // Once more, with more patience.
                }
            }
        }
        catch (SocketException)
        {
            // Nobody listens there (ICMP), or there is no way to it.
        }
        cancel.ThrowIfCancellationRequested();
        return default;
    }
}
