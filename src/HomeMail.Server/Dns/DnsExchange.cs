using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>One query to one server: the sockets of the resolver.</summary>
/// <remarks>
/// Each UDP query has a connected socket of its own: the kernel picks an unpredictable port and drops what does not come from the server,
/// and an answer with a wrong id or question does not end the wait (RFC 5452 9). All of mail's trust in SPF, DKIM and MX hangs on this.
/// </remarks>
internal static class DnsExchange
{
    private const int UdpBuffer = 4096;

    /// <summary>Asks over UDP, and over TCP when the answer was cut.</summary>
    /// <param name="server">Whom.</param>
    /// <param name="name">The name in wire form.</param>
    /// <param name="type">The type.</param>
    /// <param name="edns">Whether to say EDNS.</param>
    /// <param name="cancel">The end of this try.</param>
    /// <returns>The response, or null if what came was broken.</returns>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    /// <exception cref="IOException">The TCP connection broke.</exception>
    /// <exception cref="OperationCanceledException">No answer in time.</exception>
    public static async ValueTask<DnsResponse?> QueryAsync(
        IPEndPoint server, ReadOnlyMemory<byte> name, DnsType type, bool edns, CancellationToken cancel)
    {
        var response = await OverUdpAsync(server, name, type, edns, cancel).ConfigureAwait(false);
        return response is { Truncated: true } ? await OverTcpAsync(server, name, type, edns, cancel).ConfigureAwait(false) : response;
    }

    /// <summary>Asks over UDP, and takes an answer that was cut as it is.</summary>
    /// <param name="server">Whom.</param>
    /// <param name="name">The name in wire form.</param>
    /// <param name="type">The type.</param>
    /// <param name="edns">Whether to say EDNS.</param>
    /// <param name="cancel">The end of this try.</param>
    /// <param name="signatures">Whether signatures are to come along.</param>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">No answer in time.</exception>
    public static async ValueTask<DnsResponse?> OverUdpAsync(
        IPEndPoint server, ReadOnlyMemory<byte> name, DnsType type, bool edns, CancellationToken cancel, bool signatures = false)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(UdpBuffer);
        try
        {
            using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(server, cancel).ConfigureAwait(false);
            var id = NewId();
            var length = DnsQuery.Write(buffer, id, name.Span, type, edns, signatures);
            await socket.SendAsync(buffer.AsMemory(0, length), cancel).ConfigureAwait(false);
            while (true)
            {
                var received = await socket.ReceiveAsync(buffer.AsMemory(0, UdpBuffer), cancel).ConfigureAwait(false);
                var match = DnsResponse.Read(buffer.AsSpan(0, received), id, name.Span, type, out var response);
                if (match != DnsMatch.Foreign)
                    return response;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Asks over TCP.</summary>
    /// <param name="server">Whom.</param>
    /// <param name="name">The name in wire form.</param>
    /// <param name="type">The type.</param>
    /// <param name="edns">Whether to say EDNS.</param>
    /// <param name="cancel">The end of this try.</param>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">No answer in time.</exception>
    public static async ValueTask<DnsResponse?> OverTcpAsync(
        IPEndPoint server, ReadOnlyMemory<byte> name, DnsType type, bool edns, CancellationToken cancel)
    {
        var query = ArrayPool<byte>.Shared.Rent(DnsQuery.MaxLength);
        try
        {
            var id = NewId();
            var length = DnsQuery.Write(query, id, name.Span, type, edns);
            var answer = await OverTcpAsync(server, query.AsMemory(0, length), cancel).ConfigureAwait(false);
            return DnsResponse.Read(answer, id, name.Span, type, out var response) == DnsMatch.Answer
                && response is { Truncated: false } ? response : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(query);
        }
    }

    /// <summary>Sends a whole message over TCP and waits for one.</summary>
    /// <param name="server">Whom to.</param>
    /// <param name="message">The message, without its length.</param>
    /// <param name="cancel">The end of this try.</param>
    /// <param name="source">The address to send from; null leaves it to the system.</param>
    /// <returns>The message that came back.</returns>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">No answer in time.</exception>
    public static async ValueTask<byte[]> OverTcpAsync(IPEndPoint server, ReadOnlyMemory<byte> message, CancellationToken cancel, IPAddress? source = null)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (source is not null)
            socket.Bind(new IPEndPoint(source, 0));
        await socket.ConnectAsync(server, cancel).ConfigureAwait(false);
        var framed = new byte[message.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)message.Length); // RFC 7766 8: length and message in one segment
        message.CopyTo(framed.AsMemory(2));
        await socket.SendAsync(framed, cancel).ConfigureAwait(false);
        var size = new byte[2];
        await ReadFullyAsync(socket, size, cancel).ConfigureAwait(false);
        var answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(size)];
        await ReadFullyAsync(socket, answer, cancel).ConfigureAwait(false);
        return answer;
    }

    private static async ValueTask ReadFullyAsync(Socket socket, Memory<byte> buffer, CancellationToken cancel)
    {
        while (buffer.Length > 0)
        {
            var read = await socket.ReceiveAsync(buffer, cancel).ConfigureAwait(false);
            if (read == 0)
                throw new IOException("connection closed");
            buffer = buffer[read..];
        }
    }

    /// <summary>An unpredictable message id (RFC 5452 9.2).</summary>
    public static ushort NewId() => (ushort)RandomNumberGenerator.GetInt32(0x10000);
}
