using System.Buffers;
using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Net;

namespace HomeMail.Server.Web;

/// <summary>Answers requests.</summary>
/// <param name="request">The request; its content is whole.</param>
public delegate WebReply WebSite(WebRequest request);

/// <summary>What web listeners are run with.</summary>
/// <param name="Site">Answers.</param>
/// <param name="Tls">Certificate and key, asked for anew for each connection; null for plain text only.</param>
/// <param name="Gate">Who is let in.</param>
/// <param name="Clock">Time.</param>
/// <param name="Log">The log.</param>
public sealed record WebListenerContext(WebSite Site, Func<TlsIdentity?> Tls, ConnectionGate Gate, TimeProvider Clock, Log Log)
{
    /// <summary>Whether requests are nothing for the log: a program asks by the clock.</summary>
    public bool IsByClock { get; init; }
}

/// <summary>
/// A small web server for small sites: one request a connection (RFC 9112), plain or over TLS at the same endpoint, bounded in time and size.
/// </summary>
public sealed class WebListener : IListener
{
    /// <summary>Octets of a request's head.</summary>
    public const int MaxHead = 8 * 1024;

    /// <summary>Octets of a request's content.</summary>
    public const int MaxBody = 16 * 1024;

    // The first octet of a TLS record with a handshake (RFC 8446 5.1); no method begins with it.
    private const byte TlsHandshake = 22;

    // From the first octet to the last, both ways: nothing here takes longer over the worst of lines.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Lingering = TimeSpan.FromSeconds(2);

    private readonly Acceptor _acceptor;
    private readonly WebListenerContext _context;

    /// <summary>Binds the endpoint and listens.</summary>
    /// <param name="endPoint">The endpoint; an IPv6 wildcard takes IPv4 too.</param>
    /// <param name="service">The way in by name: its key in <c>[listen]</c>.</param>
    /// <param name="context">What it is run with.</param>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public WebListener(IPEndPoint endPoint, string service, WebListenerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Service = service;
        _context = context;
        _acceptor = new Acceptor(endPoint, service, context.Clock, context.Log);
    }

    /// <inheritdoc/>
    public string Service { get; }

    /// <inheritdoc/>
    public IPEndPoint EndPoint => _acceptor.EndPoint;

    /// <inheritdoc/>
    public long Accepted => _acceptor.Accepted;

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken stop) => _acceptor.RunAsync(ServeAsync, stop);

    /// <inheritdoc/>
    public void Dispose() => _acceptor.Dispose();

    private async Task ServeAsync(Socket client, CancellationToken stop)
    {
        var peer = ((IPEndPoint)client.RemoteEndPoint!).Address;
        if (_context.Gate.Enter(peer) != ConnectionGate.Answer.Welcome)
        {
            _context.Log.Info("turned-away", ("peer", peer.ToString()), ("service", Service));
            return;
        }
        using var limit = new CancellationTokenSource(Limit, _context.Clock);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            var first = new byte[1];
            if (await client.ReceiveAsync(first, SocketFlags.Peek, ends.Token).ConfigureAwait(false) == 0)
                return;
            var transport = new Transport(new NetworkStream(client, ownsSocket: true));
            await using (transport.ConfigureAwait(false))
            await using (ends.Token.Register(transport.Abort).ConfigureAwait(false))
            {
                if (first[0] == TlsHandshake)
                {
                    var problem = _context.Tls() is { } identity ? await transport.StartTlsAsync(identity, Limit).ConfigureAwait(false) : "no certificate";
                    if (problem is not null)
                    {
                        _context.Log.Debug("web", ("service", Service), ("peer", peer.ToString()), ("tls", problem));
                        return;
                    }
                }
                await AnswerAsync(transport, client, peer).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            _context.Log.Debug("web", ("service", Service), ("peer", peer.ToString()), ("ended", limit.IsCancellationRequested ? "time-out" : error.Message));
        }
        finally
        {
            _context.Gate.Leave(peer);
        }
    }

    private async ValueTask AnswerAsync(Transport transport, Socket client, IPAddress peer)
    {
        var (request, status) = await ReadAsync(transport).ConfigureAwait(false);
        if (request is null && status == 0)
            return;
        var reply = request is null ? WebReply.Plain(status, "This request is not understood here.") : _context.Site(request);
        _context.Log.Write(
            _context.IsByClock ? LogLevel.Debug : LogLevel.Info, "web", ("service", Service), ("peer", peer.ToString()), ("host", request?.Host), ("path", request?.Path), ("tls", transport.Tls is null ? "no" : "yes"),
            ("status", reply.Status));
        transport.Write(reply.Encode(withContent: request?.Method != "HEAD"));
        await transport.FlushAsync().ConfigureAwait(false);
        // What is still on its way would turn the closing into a reset, and the answer would be lost.
        if (transport.Tls is null && request is null)
        {
            client.Shutdown(SocketShutdown.Send);
            using var lingering = new CancellationTokenSource(Lingering, _context.Clock);
            for (var left = 4 * MaxBody; left > 0;)
            {
                var read = await transport.Reader.ReadAsync(lingering.Token).ConfigureAwait(false);
                left -= (int)Math.Min(read.Buffer.Length, left);
                transport.Reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
        }
    }

    /// <summary>Reads a request. Null with a status says what to answer; null with 0, that the client went away.</summary>
    private static async ValueTask<(WebRequest? Request, int Status)> ReadAsync(Transport transport)
    {
        RequestHead? head;
        while (true)
        {
            var read = await transport.Reader.ReadAsync().ConfigureAwait(false);
            var length = HeadLength(read.Buffer);
            if (length == 0)
            {
                transport.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (read.IsCompleted)
                    return (null, 0);
                if (read.Buffer.Length > MaxHead)
                    return (null, 431);
                continue;
            }
            head = RequestHead.Parse(read.Buffer.Slice(0, length).ToArray(), out var status);
            transport.Reader.AdvanceTo(read.Buffer.GetPosition(length));
            if (head is null)
                return (null, status);
            break;
        }
        if (head.ContentLength > MaxBody)
            return (null, 413);
        if (head is { ContentLength: > 0, ExpectsContinue: true })
        {
            transport.Write("HTTP/1.1 100 Continue\r\n\r\n"u8);
            await transport.FlushAsync().ConfigureAwait(false);
        }
        var body = await ReadBodyAsync(transport, head.ContentLength).ConfigureAwait(false);
        if (body is null)
            return (null, 0);
        var question = head.Target.IndexOf('?', StringComparison.Ordinal);
        var path = Uri.UnescapeDataString(question < 0 ? head.Target : head.Target[..question]);
        return (new WebRequest(head.Method, path, question < 0 ? "" : head.Target[(question + 1)..], head.Host, transport.Tls is not null, body), 200);
    }

    private static async ValueTask<byte[]?> ReadBodyAsync(Transport transport, int length)
    {
        if (length == 0)
            return [];
        while (true)
        {
            var read = await transport.Reader.ReadAsync().ConfigureAwait(false);
            if (read.Buffer.Length >= length)
            {
                var body = read.Buffer.Slice(0, length).ToArray();
                transport.Reader.AdvanceTo(read.Buffer.GetPosition(length));
                return body;
            }
            transport.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
                return null;
        }
    }

    // With the empty line that ends it; 0 if that has not come.
    private static int HeadLength(in ReadOnlySequence<byte> buffer)
    {
        var reader = new SequenceReader<byte>(buffer.Length > MaxHead ? buffer.Slice(0, MaxHead) : buffer);
        return reader.TryReadTo(out ReadOnlySequence<byte> _, "\r\n\r\n"u8) ? (int)reader.Consumed : 0;
    }
}
