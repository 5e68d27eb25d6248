using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using HomeMail.Server.Net;

namespace HomeMail.Supervision;

/// <summary>
/// Tells whoever started this process how it does: sd_notify(3), the datagrams of systemd's <c>Type=notify</c> and <c>WatchdogSec=</c>. The names in the
/// environment outlive the program's executing itself, and a socket that is connected to by name asks for no right that is given up there. Telling
/// never fails and never waits: a server does not stop for a supervisor that does not listen.
/// </summary>
internal sealed class NotifySocket : ITimed, IDisposable
{
    private static readonly byte[] Alive = "WATCHDOG=1"u8.ToArray();

    private readonly Socket _socket;
    private readonly UnixDomainSocketEndPoint _supervisor;
    private readonly TimeProvider _clock;
    private readonly TimeSpan? _interval;
    private long _lastAlive;

    private NotifySocket(UnixDomainSocketEndPoint supervisor, TimeSpan? interval, TimeProvider clock)
    {
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        _supervisor = supervisor;
        _interval = interval;
        _clock = clock;
    }

    /// <summary>How long the supervisor waits for a sign of life; null if it wants none.</summary>
    public TimeSpan? Watchdog { get; private init; }

    /// <summary>Reads who wants to be told.</summary>
    /// <param name="variable">The environment: <c>NOTIFY_SOCKET</c>, <c>WATCHDOG_USEC</c>, <c>WATCHDOG_PID</c>.</param>
    /// <param name="process">The id of this process.</param>
    /// <param name="clock">Time.</param>
    /// <returns>Null if nobody wants to, or at an address of a kind that is not known here.</returns>
    public static NotifySocket? Open(Func<string, string?> variable, int process, TimeProvider clock)
    {
        // A path, or '@' and a name that is in no file system (unix(7)).
        if (variable("NOTIFY_SOCKET") is not { Length: > 1 and <= 107 } address || address[0] is not ('/' or '@'))
            return null;
        // Somebody else's watchdog is not ours to feed.
        var isOurs = variable("WATCHDOG_PID") is not { Length: > 0 } wanted || wanted == process.ToString(CultureInfo.InvariantCulture);
        var watchdog = isOurs && long.TryParse(variable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds)
            : (TimeSpan?)null;
        var supervisor = new UnixDomainSocketEndPoint(address[0] == '@' ? "\0" + address[1..] : address);
        return new NotifySocket(supervisor, watchdog / 2, clock) { Watchdog = watchdog };
    }

    /// <summary>It serves: the start, or a reload, is done.</summary>
    /// <param name="status">One line for <c>systemctl status</c>.</param>
    public void Ready(string status)
    {
        Send($"READY=1\nSTATUS={status}");
        SendAlive(_clock.GetTimestamp());
    }

    /// <summary>The configuration is being read anew; <see cref="Ready"/> follows, also when the old one stays in force.</summary>
    public void Reloading() =>
        // The supervisor compares this time with its own: CLOCK_MONOTONIC in microseconds, which is what Stopwatch counts on Linux.
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={(long)(Stopwatch.GetTimestamp() * (1e6 / Stopwatch.Frequency))}"));

    /// <summary>It ends.</summary>
    public void Stopping() => Send("STOPPING=1\nSTATUS=finishing what is under way");

    /// <inheritdoc/>
    public void CheckTime(long now)
    {
        if (_interval is { } interval && _clock.GetElapsedTime(_lastAlive, now) >= interval)
            SendAlive(now);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void SendAlive(long now)
    {
        if (_interval is null)
            return;
        _lastAlive = now;
        Send(Alive);
    }

    private void Send(string state) => Send(Encoding.UTF8.GetBytes(state));

    private void Send(byte[] state)
    {
        try
        {
            _socket.SendTo(state, _supervisor);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Nobody there, nobody reading, or the end: said nowhere, since nothing depends on it here.
        }
    }
}
