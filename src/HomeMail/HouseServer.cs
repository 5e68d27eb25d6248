using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using HomeMail.Config;
using HomeMail.Server;
using HomeMail.Server.Authentication;
using HomeMail.Server.Intake;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail;

/// <summary>The running server: every part, wired by hand, and the order in which they start and stop.</summary>
internal sealed class HouseServer : IAsyncDisposable
{
    // What is under way may end; who takes longer than this is cut off.
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(8);

    private readonly TimeProvider _clock;
    private readonly Log _log;
    private readonly DataFolder _data;
    private readonly byte[] _secret;
    private readonly ConnectionGate _gate;
    private readonly AuthenticationGuard _guard;
    private readonly Heartbeat _heartbeat;
    private readonly List<SmtpListener> _listeners = [];
    private readonly DkimKeys _dkimKeys;
    private volatile Running _running;

    private sealed record Running(Settings Settings, SmtpServerOptions Smtp, IntakeOptions Intake);

    /// <summary>Takes the data folder and makes all parts; nothing listens yet.</summary>
    /// <exception cref="IOException">The data folder or the certificate cannot be used.</exception>
    public HouseServer(Settings settings, TimeProvider clock, Log log)
    {
        _clock = clock;
        _log = log;
        _data = DataFolder.Open(
            settings.Server.Data, clock, notice => log.Error("store", ("kind", notice.Kind), ("path", notice.Path), ("what", notice.Detail)),
            options: new StorageOptions { FreeBytesFloor = settings.Queue.FreeSpaceFloor ?? 0 });
        _secret = PrivateFile.LoadOrMakeSecret(Path.Combine(settings.Server.Data, "secret"), 32);
        _dkimKeys = new DkimKeys(Path.Combine(settings.Server.Data, "dkim"));
        _running = Prepare(settings);
        _gate = new ConnectionGate(settings.Limits.Connections, settings.Limits.ConnectionsPerAddress);
        _guard = new AuthenticationGuard(clock);
        _heartbeat = new Heartbeat(clock);
    }

    /// <summary>Recovers what was left, listens, and serves until told to stop.</summary>
    /// <exception cref="SocketException">An endpoint cannot be bound.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var keys = Task.Run(() => UseDkimKeys(_running.Settings), CancellationToken.None);
        var queued = _data.Spool.Recover();
        var intake = new MessageIntake(_data.Spool, _data.Mail.UsedBytes, () => _running.Intake, static _ => { }, _clock, _log);
        var context = new SmtpListenerContext(() => _running.Smtp, intake, _gate, _guard, _heartbeat, _clock, _log);
        var listen = _running.Settings.Listen;
        Listen(listen.Smtp, SmtpRole.Mta, context);
        Listen(listen.Submission, SmtpRole.Submission, context);
        Listen(listen.Submissions, SmtpRole.Submissions, context);
        _log.Info("ready", ("host", _running.Smtp.Hostname), ("queued", queued.Count));

        var serving = Task.WhenAll(_listeners.Select(listener => listener.RunAsync(stop)));
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (stop.Register(stopped.SetResult))
            await Task.WhenAny(serving, stopped.Task);
        _log.Info("stopping", ("connections", _gate.Count));
        await Task.WhenAny(serving, Task.Delay(DrainTime, _clock, CancellationToken.None));
        await keys;
    }

    // Making an RSA key takes a router seconds; until it is there mail goes out unsigned rather than not at all.
    private void UseDkimKeys(Settings settings)
    {
        foreach (var domain in settings.Domains.Values)
        {
            try
            {
                foreach (var key in _dkimKeys.Use(domain.Name, domain.DkimSelector))
                    _log.Debug("dkim", ("domain", domain.Name), ("selector", key.Selector), ("record", key.RecordText));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                _log.Error("dkim", ("domain", domain.Name), ("what", error.Message), ("then", "mail from this domain is not signed"));
            }
        }
    }

    /// <summary>Takes new settings into force; endpoints and the data folder stay as they are until the next start.</summary>
    /// <exception cref="IOException">The certificate cannot be read; the old settings stay in force.</exception>
    public void Reload(Settings settings)
    {
        _running = Prepare(settings);
        _gate.Limit = settings.Limits.Connections;
        _gate.LimitPerAddress = settings.Limits.ConnectionsPerAddress;
        _log.Level = settings.Server.Log;
        _ = Task.Run(() => UseDkimKeys(settings));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
            listener.Dispose();
        _heartbeat.Dispose();
        _dkimKeys.Dispose();
        await _data.DisposeAsync();
    }

    private void Listen(IReadOnlyList<IPEndPoint> endPoints, SmtpRole role, SmtpListenerContext context)
    {
        foreach (var endPoint in endPoints)
        {
            SmtpListener listener;
            try
            {
                listener = new SmtpListener(endPoint, role, context);
            }
            catch (SocketException error)
            {
                throw new IOException($"[listen] {RoleKey(role)}: cannot listen at {endPoint}: {Words(error.SocketErrorCode)}", error);
            }
            _listeners.Add(listener);
            _log.Info("listen", ("service", RoleKey(role)), ("at", listener.EndPoint.ToString()));
        }
    }

    private static string RoleKey(SmtpRole role) => role switch
    {
        SmtpRole.Mta => "smtp",
        SmtpRole.Submission => "submission",
        SmtpRole.Submissions => "submissions",
        _ => "lan",
    };

    // The binary has no texts of the system's errors; these are the ones that people meet.
    private static string Words(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "another program listens there",
        SocketError.AccessDenied => "not allowed: ports below 1024 need root or the capability to bind them",
        SocketError.AddressNotAvailable => "this machine does not have that address",
        SocketError.AddressFamilyNotSupported => "this machine does not have that address family",
        _ => error.ToString(),
    };

    private Running Prepare(Settings settings)
    {
        var hostname = settings.Server.Hostname;
        var names = new HostedNames(
            hostname,
            settings.Domains.Values.Select(d => new HostedDomain(d.Name, d.Tenant, d.CatchAll, d.LocalDelivery == Config.LocalDelivery.Shortcut)),
            [.. settings.Accounts.Values.Select(a => new HostedAccount(a.Name, a.Addresses, a.Password, a.Quota))],
            settings.Aliases.Values.Select(a => new HostedAlias(a.Address, a.Members)),
            _secret);
        var tls = settings.Tls is { Certificate: { } certificate, Key: { } key }
            ? TlsIdentity.Load(certificate, key)
            : TlsIdentity.LoadOrMake(Path.Combine(settings.Server.Data, "tls"), hostname, _clock);
        var limits = settings.Limits;
        var smtp = new SmtpServerOptions
        {
            Hostname = hostname,
            Tls = tls,
            Credentials = names,
            Limits = new SmtpLimits
            {
                MessageSize = settings.Server.MaxMessageSize,
                Recipients = limits.Recipients,
                Transactions = limits.MessagesPerSession,
                Commands = limits.Commands,
                Errors = limits.JunkCommands,
                CommandLine = limits.LineLength,
                Hops = limits.Hops,
                Idle = limits.IdleTimeout,
                IdleBeforeMail = limits.IdleTimeout,
                Session = limits.SessionTimeout,
                DataRate = (int)(limits.DataRate ?? 0),
                FutureRelease = limits.HoldAtMost ?? TimeSpan.Zero,
            },
        };
        return new Running(settings, smtp, new IntakeOptions(hostname, names, _dkimKeys.For));
    }
}
