using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Net;

namespace HomeMail.Server.Imap;

/// <summary>What all IMAP listeners share.</summary>
/// <param name="Options">What sessions are run with; asked for anew for each session, so that a reload takes hold.</param>
/// <param name="Gate">Who is let in.</param>
/// <param name="Guard">What wrong passwords cost.</param>
/// <param name="Heartbeat">Time limits.</param>
/// <param name="Clock">Time.</param>
/// <param name="Log">The log.</param>
public sealed record ImapListenerContext(
    Func<ImapServerOptions> Options, ConnectionGate Gate, AuthenticationGuard Guard, Heartbeat Heartbeat, TimeProvider Clock, Log Log);

/// <summary>Accepts connections at one endpoint and runs a session on each.</summary>
public sealed class ImapListener : IListener
{
    private readonly Acceptor _acceptor;
    private readonly ImapRole _role;
    private readonly ImapListenerContext _context;

    /// <summary>Binds the endpoint and listens.</summary>
    /// <param name="endPoint">The endpoint; an IPv6 wildcard takes IPv4 too.</param>
    /// <param name="role">The way in.</param>
    /// <param name="context">What listeners share.</param>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public ImapListener(IPEndPoint endPoint, ImapRole role, ImapListenerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _role = role;
        _context = context;
        _acceptor = new Acceptor(endPoint, role.Key(), context.Clock, context.Log);
    }

    /// <inheritdoc/>
    public string Service => _role.Key();

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
        var options = _context.Options();
        if (Refusal(peer.Address, options) is { } refusal)
        {
            TurnAway(client, refusal, peer);
            return;
        }
        try
        {
            var session = new ImapSession(
                new Transport(new NetworkStream(client, ownsSocket: true)), _role, peer, options, _context.Guard, _context.Clock, _context.Log, stop);
            _context.Heartbeat.Add(session);
            try
            {
                await session.RunAsync().ConfigureAwait(false);
            }
            finally
            {
                _context.Heartbeat.Remove(session);
            }
        }
        finally
        {
            _context.Gate.Leave(peer.Address);
        }
    }

    /// <summary>Null if the client is let in, and then it has a place at the gate.</summary>
    private string? Refusal(IPAddress address, ImapServerOptions options)
    {
        if (options.Memory is { IsCritical: true })
            return "Too busy; try again later";
        if (_context.Guard.IsBlocked(address))
            return "Too many failed log-ins; try again later";
        return _context.Gate.Enter(address) switch
        {
            ConnectionGate.Answer.Welcome => null,
            ConnectionGate.Answer.Full => "Too many connections; try again later",
            _ => "Too many connections from your address",
        };
    }

    // Said without waiting: who floods us must not hold what it is refused.
    private void TurnAway(Socket client, string reason, IPEndPoint peer)
    {
        client.Blocking = false;
        if (_role != ImapRole.Imaps)
            client.Send(System.Text.Encoding.ASCII.GetBytes($"* BYE {reason}\r\n"), SocketFlags.None, out _);
        _context.Log.Info("turned-away", ("peer", peer.Address.ToString()), ("service", Service), ("reply", reason));
    }

    /// <inheritdoc/>
    public void Dispose() => _acceptor.Dispose();
}
