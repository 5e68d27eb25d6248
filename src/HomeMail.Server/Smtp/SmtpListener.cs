using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Proxy;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.House;
using HomeMail.Server.Net;

namespace HomeMail.Server.Smtp;

/// <summary>What all SMTP listeners share.</summary>
/// <param name="Options">What sessions are run with; asked for anew for each session, so that a reload takes hold.</param>
/// <param name="Intake">Where messages go.</param>
/// <param name="Gate">Who is let in.</param>
/// <param name="Guard">What wrong passwords cost.</param>
/// <param name="Heartbeat">Time limits.</param>
/// <param name="Sessions">The sessions that run.</param>
/// <param name="Clock">Time.</param>
/// <param name="Log">The log.</param>
public sealed record SmtpListenerContext(
    Func<SmtpServerOptions> Options, IMessageIntake Intake, ConnectionGate Gate, AuthenticationGuard Guard, Heartbeat Heartbeat,
    LiveSessions Sessions, TimeProvider Clock, Log Log)
{
    /// <summary>Is told the address of each client of port 25.</summary>
    public Action<IPAddress> Connected { get; init; } = static _ => { };

    /// <summary>Whether a host is a relay that says by the PROXY protocol whom it speaks for.</summary>
    public Func<IPAddress, bool> SpeaksProxy { get; init; } = static _ => false;
}

/// <summary>Accepts connections at one endpoint and runs a session on each.</summary>
public sealed class SmtpListener : IListener
{
    // A relay says whom it speaks for at once.
    private static readonly TimeSpan ProxyTime = TimeSpan.FromSeconds(10);

    private readonly Acceptor _acceptor;
    private readonly SmtpRole _service;
    private readonly SmtpListenerContext _context;

    /// <summary>Binds the endpoint and listens.</summary>
    /// <param name="endPoint">The endpoint; an IPv6 wildcard takes IPv4 too.</param>
    /// <param name="service">The way in.</param>
    /// <param name="context">What listeners share.</param>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public SmtpListener(IPEndPoint endPoint, SmtpRole service, SmtpListenerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _service = service;
        _context = context;
        _acceptor = new Acceptor(endPoint, service.Key(), context.Clock, context.Log);
    }

    /// <inheritdoc/>
    public string Service => _service.Key();

    /// <inheritdoc/>
    public IPEndPoint EndPoint => _acceptor.EndPoint;

    /// <inheritdoc/>
    public long Accepted => _acceptor.Accepted;

    /// <inheritdoc/>
    public Task RunAsync(CancellationToken stop) => _acceptor.RunAsync(ServeAsync, stop);

    private async Task ServeAsync(Socket client, CancellationToken stop)
    {
        var peer = (IPEndPoint)client.RemoteEndPoint!;
        client.NoDelay = true;
        if (_context.SpeaksProxy(peer.Address) && await ConveyedAsync(client, peer, stop).ConfigureAwait(false) is var conveyed)
        {
            if (conveyed is null)
                return;
            peer = conveyed;
        }
        var options = _context.Options();
        var device = _service == SmtpRole.Lan ? options.Devices?.At(peer.Address) ?? new DeviceAnswer(null, "no [device] is declared") : default;
        if (_service == SmtpRole.Lan && device.Device is null)
        {
            _context.Log.Info("no-device", ("peer", peer.Address.ToString()), ("what", device.Why));
            TurnAway(client, SmtpReplies.NoDevice, peer);
            return;
        }
        if (Refusal(peer.Address, options) is { } refusal)
        {
            TurnAway(client, refusal, peer);
            return;
        }
        try
        {
            if (_service == SmtpRole.Mta)
                _context.Connected(peer.Address);
            var transport = new Transport(new NetworkStream(client, ownsSocket: true));
            var session = new SmtpSession(
                transport, _service, peer, options, _context.Intake, _context.Guard, _context.Clock, _context.Log, stop)
            {
                Device = device.Device,
            };
            _context.Heartbeat.Add(session);
            _context.Sessions.Add(session.Id, peer.Address);
            try
            {
                await session.RunAsync().ConfigureAwait(false);
            }
            finally
            {
                _context.Heartbeat.Remove(session);
                _context.Sessions.Remove(session.Id);
            }
        }
        finally
        {
            _context.Gate.Leave(peer.Address);
        }
    }

    /// <summary>The client that a relay speaks for; the relay itself if it speaks for nobody; null if it does not say.</summary>
    private async ValueTask<IPEndPoint?> ConveyedAsync(Socket relay, IPEndPoint peer, CancellationToken stop)
    {
        using var timer = new CancellationTokenSource(ProxyTime, _context.Clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, stop);
        var header = new byte[ProxyHeader.FixedLength];
        try
        {
            // Not an octet more than the header: the rest is for the session, or for TLS.
            if (await ReadAsync(relay, header, both.Token).ConfigureAwait(false) && ProxyHeader.TryReadLength(header, out var rest))
            {
                Array.Resize(ref header, ProxyHeader.FixedLength + rest);
                if (await ReadAsync(relay, header.AsMemory(ProxyHeader.FixedLength), both.Token).ConfigureAwait(false) && ProxyHeader.TryRead(header, out var client))
                    return client ?? peer;
            }
        }
        catch (OperationCanceledException)
        {
            // Said below.
        }
        _context.Log.Info("no-proxy-header", ("peer", peer.Address.ToString()), ("service", Service), ("what", "[relay] says proxy-protocol = on, and this host did not begin with a header of version 2"));
        return null;
    }

    private static async ValueTask<bool> ReadAsync(Socket socket, Memory<byte> buffer, CancellationToken cancel)
    {
        while (buffer.Length > 0)
        {
            var read = await socket.ReceiveAsync(buffer, cancel).ConfigureAwait(false);
            if (read == 0)
                return false;
            buffer = buffer[read..];
        }
        return true;
    }

    /// <summary>Null if the client is let in, and then it has a place at the gate.</summary>
    private SmtpReply? Refusal(IPAddress address, SmtpServerOptions options)
    {
        if (options.Memory is { IsCritical: true })
            return SmtpReplies.Busy;
        if (_service is SmtpRole.Submission or SmtpRole.Submissions && _context.Guard.IsBlocked(address))
            return SmtpReplies.AuthBlocked;
        return _context.Gate.Enter(address) switch
        {
            ConnectionGate.Answer.Welcome => null,
            ConnectionGate.Answer.Full => SmtpReplies.TooManyConnections,
            _ => SmtpReplies.TooManyFromAddress,
        };
    }

    // Said without waiting: who floods us must not hold what it is refused.
    private void TurnAway(Socket client, SmtpReply reply, IPEndPoint peer)
    {
        client.Blocking = false;
        if (_service != SmtpRole.Submissions)
            client.Send(reply.Octets, SocketFlags.None, out _);
        _context.Log.Info("turned-away", ("peer", peer.Address.ToString()), ("service", Service), ("reply", reply.ToString()));
    }

    /// <inheritdoc/>
    public void Dispose() => _acceptor.Dispose();
}
