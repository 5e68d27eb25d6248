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
public sealed class ImapListener : IDisposable
{
    private const int Backlog = 128;

    private readonly Socket _socket;
    private readonly ImapListenerContext _context;
    private int _running;
    private TaskCompletionSource? _drained;

    /// <summary>Binds the endpoint and listens.</summary>
    /// <param name="endPoint">The endpoint; an IPv6 wildcard takes IPv4 too.</param>
    /// <param name="role">The way in.</param>
    /// <param name="context">What listeners share.</param>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public ImapListener(IPEndPoint endPoint, ImapRole role, ImapListenerContext context)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        Role = role;
        _context = context;
        _socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                _socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
            _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            _socket.Bind(endPoint);
            _socket.Listen(Backlog);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>What it listens for.</summary>
    public ImapRole Role { get; }

    /// <summary>Where it listens; the port is the real one if 0 was asked for.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Accepts until the server stops, and returns when all sessions have ended.</summary>
    /// <param name="stop">The server stops.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await _socket.AcceptAsync(stop).ConfigureAwait(false);
                Interlocked.Increment(ref _running);
                _ = ServeAsync(client, stop);
            }
            catch (SocketException error)
            {
                // Out of descriptors or memory: those who are in go on, and the next one is let in when there is room again.
                _context.Log.Error("accept", ("service", Role.Key()), ("what", error.SocketErrorCode.ToString()));
                await Task.Delay(TimeSpan.FromMilliseconds(200), _context.Clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }
        _socket.Dispose();
        _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Volatile.Read(ref _running) > 0)
            await _drained.Task.ConfigureAwait(false);
    }

    private async Task ServeAsync(Socket client, CancellationToken stop)
    {
        IPAddress? entered = null;
        try
        {
            var peer = (IPEndPoint)client.RemoteEndPoint!;
            client.NoDelay = true;
            var options = _context.Options();
            if (Refusal(peer.Address, options) is { } refusal)
            {
                TurnAway(client, refusal, peer);
                return;
            }
            entered = peer.Address;
            var session = new ImapSession(
                new Transport(new NetworkStream(client, ownsSocket: true)), Role, peer, options, _context.Guard, _context.Clock, _context.Log, stop);
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
        catch (SocketException)
        {
            // Gone before it was greeted.
        }
#pragma warning disable CA1031 // One session's fault must not end the process, and with it everybody's mail.
        catch (Exception error)
#pragma warning restore CA1031
        {
            _context.Log.Error("fault", ("what", error.ToString()));
        }
        finally
        {
            if (entered is not null)
                _context.Gate.Leave(entered);
            client.Dispose();
            if (Interlocked.Decrement(ref _running) == 0)
                _drained?.TrySetResult();
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
        if (Role != ImapRole.Imaps)
            client.Send(System.Text.Encoding.ASCII.GetBytes($"* BYE {reason}\r\n"), SocketFlags.None, out _);
        _context.Log.Info("turned-away", ("peer", peer.Address.ToString()), ("service", Role.Key()), ("reply", reason));
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
