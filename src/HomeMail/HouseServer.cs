using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using HomeMail.Config;
using HomeMail.Server;
using HomeMail.Server.Authentication;
using HomeMail.Server.ClientSetup;
using HomeMail.Server.Control;
using HomeMail.Server.Delivery;
using HomeMail.Server.Delivery.Trust;
using HomeMail.Server.Dns;
using HomeMail.Server.House;
using HomeMail.Server.Imap;
using HomeMail.Server.Intake;
using HomeMail.Server.Learning;
using HomeMail.Server.Net;
using HomeMail.Server.Queue;
using HomeMail.Server.Reports;
using HomeMail.Server.Sendmail;
using HomeMail.Server.Smtp;
using HomeMail.Server.Watching;
using HomeMail.Server.Web;
using HomeMail.Storage;
using HomeMail.Storage.State;
using HomeMail.Supervision;

namespace HomeMail;

/// <summary>The running server: every part, wired by hand, and the order in which they start and stop.</summary>
internal sealed partial class HouseServer : IAsyncDisposable
{
    // What is under way may end; who takes longer than this is cut off.
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(8);

    private readonly TimeProvider _clock;
    private readonly Log _log;
    private readonly DataFolder _data;
    private readonly DeliveryHistory _history;
    private readonly StateStore _state;
    private readonly byte[] _secret;
    private readonly RefusedMail _refused;
    private readonly ConnectionGate _gate;
    private readonly AuthenticationGuard _guard;
    private readonly Heartbeat _heartbeat;
    private readonly MemoryBudget _memory = MemoryBudget.OfThisProcess();
    private readonly List<IListener> _listeners = [];
    private readonly DkimKeys _dkimKeys;
    private readonly DkimRotation _dkimRotation;
    private readonly LiveSessions _sessions = new();
    private readonly AddressWatch _addresses;
    private readonly InterfaceAddresses _own;
    private readonly MaskedAddresses _masked;
    private readonly LanDevices _devices;
    private readonly TlsResults _tlsResults;
    private readonly PortEvidence _ports;
    private readonly FamilyHealth _health;
    private readonly PortMappings _mappings;
    private readonly RemoteDelivery _delivery;
    private readonly QueueRunner _queue;
    private readonly MessageIntake _intake;
    private readonly InProcessRoute _inProcess;
    private readonly ReportTally _tally;
    private readonly ReportReading _reportReading;
    private readonly ReportSender _reportSender;
    private volatile Running _running;
    private volatile bool _serves;

    private sealed record Running(Settings Settings, SmtpServerOptions Smtp, ImapServerOptions Imap, IntakeOptions Intake);

    /// <summary>Takes the data folder and makes all parts; nothing listens yet.</summary>
    /// <exception cref="IOException">The data folder or the certificate cannot be used.</exception>
    public HouseServer(Settings settings, TimeProvider clock, Log log)
    {
        _clock = clock;
        _log = log;
        _data = DataFolder.Open(
            settings.Server.Data, clock, notice => Notice("store", notice),
            options: new StorageOptions { FreeBytesFloor = settings.Queue.FreeSpaceFloor ?? 0 });
        _history = new DeliveryHistory(Path.Combine(settings.Server.Data, DataCommands.HistoryFolder), clock, settings.Queue.HistoryDays, settings.Queue.HistorySize)
        {
            Happened = _events.Count,
        };
        _state = new StateStore(
            Path.Combine(settings.Server.Data, DataCommands.StateFile), clock, notice => Notice("state", notice))
        {
            MayExpire = IsClockSane(),
        };
        _flash = new FlashWritten(_state.Collection("flash", 4), clock);
        _secret = PrivateFile.LoadOrMakeSecret(Path.Combine(settings.Server.Data, "secret"), 32);
        _dkimKeys = new DkimKeys(Path.Combine(settings.Server.Data, "dkim"));
        var gateways = new Gateways(clock);
        _devices = new LanDevices(() => _running!.Intake.Names.Devices, IsShared, address => _masked!.IsSuspect(address), () => gateways.Addresses, new Neighbours(log).Find);
        _running = Prepare(settings);
        _certificateStamp = CertificateStamp(settings);
        _gate = new ConnectionGate(settings.Limits.Connections, settings.Limits.ConnectionsPerAddress, IsShared);
        _guard = new AuthenticationGuard(clock, IsShared) { Limits = ServerMap.Authentication(settings) };
        _heartbeat = new Heartbeat(clock);
        _heartbeat.Add(_memory);
        _heartbeat.Add(new QuietMemory());
        var resolver = new CachingResolver(ServerMap.Resolver(settings.Server), clock);
        _dkimRotation = new DkimRotation(_dkimKeys, resolver, clock, IsClockSane, log);
        _addresses = new AddressWatch(
            ServerMap.PublicAddresses(() => _running.Settings, gateways, resolver, clock), new DnsUpdateClient(resolver, clock), () => ServerMap.DnsUpdate(_running.Settings),
            () => _running.Settings.Server.Hostname, clock, log);
        _mappings = new PortMappings(() => gateways.Addresses, () => ServerMap.PortsToMap(_running.Settings), new GatewayPorts(), clock, log, _state.Collection("forwarded", 64));
        var former = new FormerAddresses(_state.Collection("addresses", 100), clock);
        _addresses.Changed += former.Note;
        _own = new InterfaceAddresses(address => _addresses.Current.Addresses.Contains(address) || gateways.Contains(address) || former.Contains(address), clock);
        _masked = new MaskedAddresses(new RouterAddresses(gateways.Contains, _own.Is, () => _addresses.Current).Contains, _state.Collection("masked"), clock, log);
        var open = new OpenDeliveries();
        var origin = new OriginChecks(resolver, IsHosted, clock, IsClockSane)
        {
            Subjects = new SpfSubjects(_own.Is, _masked.Contains, family => _addresses.Current.Of(family))
            {
                Rules = () => ServerMap.SpfRewrite(_running.Settings),
                Relays = () => ServerMap.Relays(_running.Settings),
            },
            Masks = _masked,
            TrustedArcSealers = () => _running.Settings.Policy.TrustedArcSealers,
            WantsReports = () => _running.Settings.Policy.DmarcReports != ReportScope.Off,
        };
        _tally = new ReportTally(_state, clock);
        _reportReading = new ReportReading(
            new ReceivedReports(_state, clock), place => _data.Mail.Account(place.Account).Find(place.Mailbox)?.OpenMessage(place.Uid),
            () => [.. _running.Settings.Domains.Keys], resolver, clock, log);
        Learning = new AccountLearning(
            Path.Combine(settings.Server.Data, "learning"), new Reputation(_state.Collection("reputation"), clock), () => _running.Settings.Server.Hostname, log);
        _refused = new RefusedMail(_data.Mail, account => _running.Intake.Names.Account(account)?.Quota, clock, IsClockSane, log);
        _intake = new MessageIntake(_data.Spool, origin, _data.Mail.UsedBytes, () => _running.Intake, Enqueue, clock, log)
        {
            History = _history,
            OpenDeliveries = open,
            Judgement = ServerMap.Judgement(() => _running.Settings, resolver, _state, Learning, clock, log),
            Refused = _refused,
            Rewriting = new SenderRewriting(_secret, clock, IsClockSane, _state.Collection("srs", 5_000)),
            Limits = new AccountLimits(_state.Collection("sent", 2_000), _state.Collection("written", 50_000), clock),
            Vacations = new VacationReplies(_state.Collection("vacation", 5_000), clock),
            Observer = new AggregateReporting(_tally, _reportReading, () => _running.Settings.Policy.DmarcReports, IsHosted, IsClockSane, log),
        };
        _reportSender = new ReportSender(
            _tally, new ReportDestinations(resolver), _intake, ReportsAs, $"HomeMail {BuildFacts.Version}", clock, IsClockSane, log);
        var options = ServerMap.Delivery(settings) with { IsOwnGreeting = _sessions.IsGreeting, ClockIsSane = IsClockSane, RecognisedAt = address => IsOursNow(address) ? open : null, RecognisedInProcess = open, ComesBackBySmtp = IsDomain };
        _inProcess = new InProcessRoute(IsDomain, () => _addresses.Current.Of(AddressFamily.InterNetwork) ?? _addresses.Current.Of(AddressFamily.InterNetworkV6));
        _ports = new PortEvidence(_state.Collection("port25", 4), clock, log);
        _health = new FamilyHealth(resolver, settings.Server.Hostname, clock);
        _health.Changed += (family, report) => log.Info(
            "family", ("family", family == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4"), ("healthy", report.IsHealthy ? "yes" : "no"), ("why", report.Why));
        var sources = new SourceAddresses(new SendingAddresses(), family => _addresses.Current.Of(family));
        var dialer = new SocketDialer(remote => remote.AddressFamily == AddressFamily.InterNetworkV6 ? sources.For(remote) : null);
        _tlsResults = new TlsResults(_state, clock);
        var sts = new StsPolicies(resolver, new PolicyFetch(resolver, dialer, options, clock), _state, _tlsResults, clock, log);
        _delivery = new RemoteDelivery(
            new HostFinder(resolver, _own, options, Random.Shared),
            dialer,
            new MeasuredFamilyPreference(_health, sources, _ports.IsBlocked, _state.Collection("family", 2_000), clock), new PublishedTlsPolicy(new DaneLookup(resolver), sts), options, clock, log)
        {
            Routes = ServerMap.Routes(settings),
            TlsResults = _tlsResults,
            Ports = _ports,
            InProcess = _inProcess,
        };
        var forwarding = new SealedForwarding(_delivery, SealingKeys, () => _running.Settings.Server.Hostname, resolver, clock, IsClockSane, log);
        var store = new SpoolQueueStore(_data.Spool);
        var dsn = new DsnSender(_intake, store, new DsnComposer(settings.Server.Hostname, clock), clock, log) { History = _history };
        _queue = new QueueRunner(
            store, new HeldMail(forwarding, _data.Spool, () => _running.Intake.Names, log), _delivery.Routes, dsn, ServerMap.Queue(settings) with { ClockIsSane = IsClockSane }, Random.Shared, clock, log)
        {
            History = _history,
        };
        _addresses.Changed += _ => PublicAddressChanged();
    }

    // Another address has another name and is another sender: what was measured is void, and what could not reach a host may go at once.
    private void NetworkChanged()
    {
        _log.Debug("network", ("what", "addresses or routes have changed"));
        _own.Forget();
        _addresses.Look();
        PublicAddressChanged();
    }

    private void PublicAddressChanged()
    {
        _health.Forget();
        _queue.NetworkChanged();
    }

    /// <summary>What accounts learn from the marks of their users.</summary>
    internal AccountLearning Learning { get; }

    /// <summary>Who is told how this server does; null if nobody wants to know.</summary>
    internal NotifySocket? Supervisor { get; init; }

    /// <summary>Tells the supervisor that this server serves, if it does.</summary>
    internal void TellReady()
    {
        if (_serves)
            Supervisor?.Ready($"serving {_running.Smtp.Hostname}, {_queue.Count} in the queue");
    }

    /// <summary>Recovers what was left, listens, and serves until told to stop.</summary>
    /// <exception cref="SocketException">An endpoint cannot be bound.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var keys = Task.Run(() => UseDkimKeys(_running.Settings), CancellationToken.None);
        _queue.Recover();
        var context = new SmtpListenerContext(() => _running.Smtp, _intake, _gate, _guard, _heartbeat, _sessions, _clock, _log)
        {
            Connected = NoteClient,
            SpeaksProxy = SpeaksProxy,
        };
        _inProcess.Begin(context, stop);
        var listen = _running.Settings.Listen;
        if (listen.Lan.FirstOrDefault(endPoint => _mappings.WasForwarded(endPoint.Port)) is { } open)
            throw new IOException($"[listen] lan: {open} may be reached from outside: the router was asked to forward port {open.Port} not long ago. Give lan another port");
        foreach (var (endPoints, role) in ((IReadOnlyList<IPEndPoint>, SmtpRole)[])[(listen.Smtp, SmtpRole.Mta), (listen.Submission, SmtpRole.Submission), (listen.Submissions, SmtpRole.Submissions), (listen.Lan, SmtpRole.Lan)])
            Listen(endPoints, role.Key(), endPoint => new SmtpListener(endPoint, role, context));
        var imap = new ImapListenerContext(() => _running.Imap, _gate, _guard, _heartbeat, _clock, _log);
        foreach (var (endPoints, role) in ((IReadOnlyList<IPEndPoint>, ImapRole)[])[(listen.Imap, ImapRole.Imap), (listen.Imaps, ImapRole.Imaps)])
            Listen(endPoints, role.Key(), endPoint => new ImapListener(endPoint, role, imap));
        var setup = new ClientSetupSite(
            () => _running.Intake.Names, () => ServerMap.MailServices(_running.Settings),
            () => HouseRecords.MtaStsPolicy(_running.Settings.Server.Hostname, _running.Settings.Tls.Certificate is not null), _clock);
        var web = new WebListenerContext(setup.Answer, () => _running.Imap.Tls, _gate, _clock, _log);
        Listen(listen.Autoconfig, "autoconfig", endPoint => new WebListener(endPoint, "autoconfig", web));
        var metrics = new WebListenerContext(new MetricsPage(Metrics).Answer, static () => null, new ConnectionGate(8, 8), _clock, _log) { IsByClock = true };
        Listen(listen.Metrics, "metrics", endPoint => new WebListener(endPoint, "metrics", metrics));
        var local = new LocalSessions(context);
        _control = await OpenControlAsync(_running.Settings.Server, local);
        _log.Info("ready", ("host", _running.Smtp.Hostname), ("queued", _queue.Count));
        if (Supervisor is not null)
            _heartbeat.Add(Supervisor);
        _serves = true;
        TellReady();

        var serving = Task.WhenAll(
        [
            .. _listeners.Select(listener => listener.RunAsync(stop)), _queue.RunAsync(stop), RotateKeysAsync(keys, stop), _control?.RunAsync(stop) ?? Task.CompletedTask,
            TakeDroppedAsync(_running.Settings.Server, local, stop), KeepHouseAsync(stop), _reportSender.RunAsync(stop), _reportReading.RunAsync(stop),
            WatchCertificateAsync(stop), _addresses.RunAsync(stop), new NetworkEvents(NetworkChanged, _clock, _log).RunAsync(stop),
            new GatewayAnnouncements(_addresses.Look, _clock).RunAsync(stop), _mappings.RunAsync(stop),
        ]);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (stop.Register(stopped.SetResult))
            await Task.WhenAny(serving, stopped.Task);
        _serves = false;
        Supervisor?.Stopping();
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

    // What is forwarded is sealed in the name of the domain that this host is of.
    private IReadOnlyList<DkimKey> SealingKeys() =>
        _running.Intake.Names.DomainOf(_running.Settings.Server.Hostname) is { } domain ? _dkimKeys.For(domain.Name) : [];

    // Only behind the first making of keys: two may not make the same one.
    private async Task RotateKeysAsync(Task made, CancellationToken stop)
    {
        await made;
        await _dkimRotation.RunAsync(() => _running.Settings.Domains.Values.Select(d => (d.Name, d.DkimSelector)), stop);
    }

    /// <summary>Takes new settings into force; endpoints and the data folder stay as they are until the next start.</summary>
    /// <exception cref="IOException">The certificate cannot be read; the old settings stay in force.</exception>
    public void Reload(Settings settings)
    {
        _running = Prepare(settings);
        _certificateStamp = CertificateStamp(settings);
        var routes = ServerMap.Routes(settings);
        _delivery.Routes = routes;
        _queue.UseRoutes(routes);
        _gate.Limit = settings.Limits.Connections;
        _gate.LimitPerAddress = settings.Limits.ConnectionsPerAddress;
        _guard.Limits = ServerMap.Authentication(settings);
        _log.Level = settings.Server.Log;
        _addresses.Look();
        _ = Task.Run(() => UseDkimKeys(settings));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
            listener.Dispose();
        _control?.Dispose();
        await _queue.DisposeAsync();
        await _delivery.DisposeAsync();
        _heartbeat.Dispose();
        _addresses.Dispose();
        _dkimKeys.Dispose();
        _history.Flush();
        _tally.Save();
        _flash.Save();
        _state.Dispose();
        await _data.DisposeAsync();
    }

    private void Listen(IReadOnlyList<IPEndPoint> endPoints, string key, Func<IPEndPoint, IListener> bind)
    {
        foreach (var endPoint in endPoints)
        {
            IListener listener;
            try
            {
                listener = bind(endPoint);
            }
            catch (SocketException error)
            {
                throw new IOException($"[listen] {key}: cannot listen at {endPoint}: {Words(error.SocketErrorCode)}", error);
            }
            _listeners.Add(listener);
            _log.Info("listen", ("service", listener.Service), ("at", listener.EndPoint.ToString()));
        }
    }

    // The binary has no texts of the system's errors; these are the ones that people meet.
    private static string Words(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "another program listens there",
        SocketError.AccessDenied => "not allowed: ports below 1024 need root or the capability to bind them",
        SocketError.AddressNotAvailable => "this machine does not have that address",
        SocketError.AddressFamilyNotSupported => "this machine does not have that address family",
        _ => error.ToString(),
    };

    // A router without a clock battery starts in 1970 or at its firmware's date: then nothing is given up, bounced or released.
    private bool IsClockSane() => _clock.GetUtcNow() >= BuildFacts.Date;

    // A router that masks its clients, or a relay that does not tell of them, stands for many.
    private bool IsShared(IPAddress address) => _masked.Contains(address) || RelayAt(address) is not null;

    // What the router turns around may keep our own public address: that is nobody from the internet.
    private void NoteClient(IPAddress address)
    {
        if (!IsOursNow(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address))
            _masked.Connected(address);
    }

    private bool SpeaksProxy(IPAddress address) => RelayAt(address) is { ProxyProtocol: true };

    private RelaySettings? RelayAt(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _running.Settings.Relays.FirstOrDefault(relay => relay.Addresses.Contains(plain));
    }

    // An address that was ours may be another house's by now: what is sent there is not expected to come back.
    private bool IsOursNow(IPAddress address) => _own.Is(address) == OwnAddress.Interface || _addresses.Current.Addresses.Contains(address);

    private bool IsHosted(string domain) =>
        _running.Intake.Names.Domain(domain) is not null || domain.Equals(_running.Intake.Hostname, StringComparison.OrdinalIgnoreCase);

    private bool IsDomain(string domain) => _running.Intake.Names.Domain(domain) is not null;

    private void Enqueue(Envelope envelope) => _queue.Add(envelope);

    private Running Prepare(Settings settings)
    {
        var names = ServerMap.Names(settings, _secret);
        var identity = ServerMap.Identity(settings, _clock, what => _log.Error("certificate", ("what", what), ("then", "a self-signed certificate is shown")));
        return new Running(
            settings, ServerMap.Smtp(settings, names, identity, _memory, _devices), ServerMap.Imap(settings, names, identity, _memory, _data, new LearnedMarks(() => Learning, _log)), new IntakeOptions(settings.Server.Hostname, names, _dkimKeys.For));
    }
}
