using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Net;

/// <summary>Something that accepts connections at one endpoint.</summary>
public interface IListener : IDisposable
{
    /// <summary>The way in by name: its key in <c>[listen]</c>.</summary>
    string Service { get; }

    /// <summary>Where it listens; the port is the real one if 0 was asked for.</summary>
    IPEndPoint EndPoint { get; }

    /// <summary>Connections that were accepted so far.</summary>
    long Accepted { get; }

    /// <summary>Accepts until the server stops, and returns when all sessions have ended.</summary>
    /// <param name="stop">The server stops.</param>
    Task RunAsync(CancellationToken stop);
}

/// <summary>The part of a listener that is the same for every protocol: the socket, the loop, and the end of what runs.</summary>
public sealed class Acceptor : IDisposable
{
    private const int Backlog = 128;

    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(200);

    private readonly Socket _socket;
    private readonly string _service;
    private readonly TimeProvider _clock;
    private readonly Log _log;
    private int _running;
    private long _accepted;
    private TaskCompletionSource? _drained;

    /// <summary>Binds the endpoint and listens.</summary>
    /// <param name="endPoint">The endpoint; an IPv6 wildcard takes IPv4 too.</param>
    /// <param name="service">The way in by name, for the log.</param>
    /// <param name="clock">Time.</param>
    /// <param name="log">The log.</param>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public Acceptor(IPEndPoint endPoint, string service, TimeProvider clock, Log log)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        _service = service;
        _clock = clock;
        _log = log;
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

    /// <summary>Where it listens; the port is the real one if 0 was asked for.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Connections that were accepted so far.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Accepts until the server stops, and returns when all that was served has ended.</summary>
    /// <param name="serve">Serves a client. The socket is closed afterwards; a fault is logged, and one of the socket is nobody's error.</param>
    /// <param name="stop">The server stops.</param>
    public async Task RunAsync(Func<Socket, CancellationToken, Task> serve, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(serve);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await _socket.AcceptAsync(stop).ConfigureAwait(false);
                Interlocked.Increment(ref _running);
                Interlocked.Increment(ref _accepted);
                _ = ServeAsync(client, serve, stop);
            }
            catch (SocketException error)
            {
                // Out of descriptors or memory: those who are in go on, and the next one is let in when there is room again.
                _log.Error("accept", ("service", _service), ("what", error.SocketErrorCode.ToString()));
                await Task.Delay(Breath, _clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private async Task ServeAsync(Socket client, Func<Socket, CancellationToken, Task> serve, CancellationToken stop)
    {
        try
        {
            await serve(client, stop).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // Gone before it was greeted.
        }
#pragma warning disable CA1031 // One session's fault must not end the process, and with it everybody's mail.
        catch (Exception error)
#pragma warning restore CA1031
        {
            _log.Error("fault", ("what", error.ToString()));
        }
        finally
        {
            client.Dispose();
            if (Interlocked.Decrement(ref _running) == 0)
                _drained?.TrySetResult();
        }
    }
}
