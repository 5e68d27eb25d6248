using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using HomeMail.Config;
using HomeMail.Privileges;
using HomeMail.Server.Control;
using HomeMail.Server.Imap;
using HomeMail.Server.Queue;
using HomeMail.Server.Sendmail;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail;

/// <summary>What the server tells and does for whoever asks at the control socket.</summary>
internal sealed partial class HouseServer
{
    private readonly DateTimeOffset _started = TimeProvider.System.GetUtcNow();
    private readonly ConcurrentQueue<string> _notices = new();
    private ControlListener? _control;

    /// <summary>Opens the control socket. Where it is not told where, mail goes on without one.</summary>
    private async Task<ControlListener?> OpenControlAsync(ServerSettings settings, LocalSessions sessions)
    {
        var submit = new SubmitCommand(sessions, UserName);
        ControlCommand[] commands =
        [
            .. DataCommands.Table(_data, _history, _state, () => _running.Intake.Names, () => ServerMap.MailServices(_running.Settings), _clock),
            .. new QueueCommands(_queue, new SpoolQueueStore(_data.Spool)).Table,
            .. new StatusCommand(Facts, _clock).Table,
            .. new HouseCommands(() => _addresses.Current, _masked, _ports, () => _mappings.Held, _sessions, () => [.. _notices]).Table,
        ];
        try
        {
            var others = new ControlSession(submit.Table, settings.Data, _clock, _log)
            {
                Unknown = static _ => new ControlResult(ControlResult.DeniedWord, "only root and the server's own user may ask for that"),
            };
            var listener = await ControlListener.OpenAsync(
                settings.Socket, settings.Data, new ControlSession([.. commands, .. submit.Table], settings.Data, _clock, _log), _log, others);
            DropLink.Point(listener.Path, settings.DropFolder);
            _log.Info("listen", ("service", "control"), ("at", listener.Path));
            return listener;
        }
        catch (IOException error) when (settings.Socket is null)
        {
            _log.Error("no-control", ("what", error.Message), ("then", "homemail queue, status and their like do not reach this server"));
            return null;
        }
    }

    // What the store has found, in the log and for the doctor.
    private void Notice(string about, StorageNotice notice)
    {
        const int most = 5;
        _log.Error(about, ("kind", notice.Kind), ("path", notice.Path), ("what", notice.Detail));
        _notices.Enqueue($"{notice.Kind}: {notice.Path}: {notice.Detail}");
        while (_notices.Count > most)
            _notices.TryDequeue(out _);
    }

    private static string? UserName(uint user) => SystemUser.Find(user)?.Name;

    /// <summary>Takes what was left for us. Where nobody can leave anything, that is said, and all else goes on.</summary>
    private Task TakeDroppedAsync(ServerSettings settings, LocalSessions sessions, CancellationToken stop)
    {
        try
        {
            DropLink.Open(settings);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _log.Error("drop", ("folder", settings.DropFolder), ("what", error.Message), ("then", "sendmail fails while this server is down"));
            return Task.CompletedTask;
        }
        return new DropFolder(settings.DropFolder, sessions, UserName, Environment.MachineName, _intake, () => _running.Settings.Server.Hostname, _clock, _log).RunAsync(stop);
    }

    private ServerFacts Facts() => new(
        BuildFacts.Version,
        _running.Settings.Server.Hostname,
        _running.Settings.Server.Data,
        _started,
        [
            .. _listeners.Select(listener => new ListeningAt(listener.Service, listener.EndPoint.ToString())),
        ],
        _gate.Count,
        _queue.Count,
        _queue.HeldCount,
        _history.CountToday())
    {
        Addresses = [.. _addresses.Current.Addresses.Select(static address => address.ToString())],
        Problems = [.. Problems()],
        WrittenToday = _flash.Today(),
        TlsToday = _tlsResults.Today(),
        WaysOut = [.. WaysOut()],
    };

    private IEnumerable<string> WaysOut()
    {
        foreach (var (family, name) in ((AddressFamily, string)[])[(AddressFamily.InterNetworkV6, "IPv6"), (AddressFamily.InterNetwork, "IPv4")])
        {
            if (_ports.BlockedSince(family) is { } since)
                yield return string.Create(CultureInfo.InvariantCulture, $"{name}: port 25 seems to be blocked since {since.UtcDateTime:yyyy-MM-dd HH:mm}Z; it is tried now and then");
            if (_health.Latest(family) is { } report)
                yield return $"{name}: {(report.IsHealthy ? "healthy" : "second choice")}, {report.Why}";
        }
    }
}
