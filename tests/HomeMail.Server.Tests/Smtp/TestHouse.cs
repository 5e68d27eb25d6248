using System.Net;
using System.Net.NetworkInformation;
using System.Net.Security;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Sasl;
using HomeMail.Server.Authentication;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Server.House;
using HomeMail.Server.Intake;
using HomeMail.Server.Learning;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>A whole server without sockets: real sessions, intake and store, over a data folder of its own. Accounts alice and bob, password <c>secret</c>.</summary>
public sealed class TestHouse : IAsyncDisposable
{
    public const string Password = "secret";

    // Deriving keys takes its time on purpose; one set serves all tests.
    private static readonly ScramCredential Credential = ScramCredential.Create(Password, ScramCredential.MinimumIterations);
    private static readonly Lazy<TlsIdentity> Identity = new(() =>
        TlsIdentity.LoadOrMake(Path.Combine(Path.GetTempPath(), $"homemail-tls-{Environment.ProcessId}"), "mail.example.org", TimeProvider.System));

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _sessions = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("homemail-test-").FullName;
    private readonly StringWriter _log = new();
    private readonly TextWriter _logWriter;

    public TestHouse(SmtpLimits? limits = null, TimeProvider? clock = null, TimeProvider? guardClock = null, JudgementOptions? policy = null, IFileSystem? files = null)
    {
        Clock = clock ?? TimeProvider.System;
        _logWriter = TextWriter.Synchronized(_log);
        Log = new Log(_logWriter, Clock, LogLevel.Debug);
        Data = DataFolder.Open(_folder, Clock, files: files);
        State = new StateStore(Path.Combine(_folder, "state.db"), Clock);
        Data.Spool.Recover();
        Names = new HostedNames(
            "mail.example.org",
            [new HostedDomain("example.org", "home"), new HostedDomain("xn--bcher-kva.example", "home")],
            [
                new HostedAccount("alice", [A("alice@example.org"), A("a.smith@example.org")], Credential),
                new HostedAccount("bob", [A("bob@example.org")], Credential),
            ],
            [
                new HostedAlias(A("family@example.org"), [A("alice@example.org"), A("bob@example.org"), A("aunt@example.net")]),
                new HostedAlias(A("loop@example.org"), [A("loop@example.org"), A("bob@example.org")]),
            ],
            "a secret of this server"u8)
        {
            Devices =
            [
                new HostedDevice("scanner", A("scanner@example.org"))
                {
                    Addresses = [IPAddress.Parse("127.78.0.1")], Reach = DeviceReach.Listed, Recipients = [A("alice@example.org"), A("aunt@example.net"), A("family@example.org")],
                },
                new HostedDevice("camera", A("camera@example.org")) { Addresses = [IPAddress.Parse("127.78.0.2")] },
                new HostedDevice("nas", A("nas@example.org")) { Addresses = [IPAddress.Parse("127.78.0.3")], Credential = Credential, Reach = DeviceReach.Anybody },
                new HostedDevice("plug", A("plug@example.org")) { Addresses = [IPAddress.Parse("127.78.0.4")], PerDay = 2 },
            ],
        };
        Options = new SmtpServerOptions
        {
            Devices = new LanDevices(
                () => Names.Devices, address => Masks!.Contains(address) || Relays.Exists(relay => relay.Addresses.Contains(address)), address => Masks!.IsSuspect(address),
                () => [.. Shared], address => Hardware.GetValueOrDefault(address)),
            Hostname = "mail.example.org",
            Limits = limits ?? new SmtpLimits { GreetingDelay = TimeSpan.Zero },
            Tls = Identity.Value,
            Credentials = Names,
        };
        Guard = new AuthenticationGuard(guardClock ?? Clock, Shared.Contains);
        Heartbeat = new Heartbeat(Clock);
        var router = new RouterAddresses(Shared.Contains, Own, () => new PublicPicture(Public.Select(a => new AddressReport(a, AddressSource.Configuration))));
        Masks = new MaskedAddresses(router.Contains, null, Clock, Log);
        var origin = new OriginChecks(Zone, domain => Names.Domain(domain) is not null || domain == "mail.example.org", Clock, static () => true)
        {
            Subjects = new SpfSubjects(
                Own, Masks.Contains, family => Public.Find(a => a.AddressFamily == family))
            {
                Rules = () => Rewrite,
                Relays = () => Relays,
            },
            Masks = Masks,
        };
        Learning = new AccountLearning(Path.Combine(_folder, "learning"), new Reputation(State.Collection("reputation"), Clock), static () => "mail.example.org", Log);
        var judgement = policy is null ? null : new Judgement(
            new BlockLists(Zone, () => BlockLists, Clock, Log), new Greylist(State.Collection("greylist"), Clock), new Patience(State.Collection("trouble"), Clock),
            new InboundLimits(State.Collection("inbound"), () => Rates, Clock), Learning, () => policy);
        Intake = new MessageIntake(Data.Spool, origin, account => UsedBytes(account), () => new IntakeOptions("mail.example.org", Names, DkimKeys.For), Queued.Add, Clock, Log) { Judgement = judgement, Refused = new RefusedMail(Data.Mail, static _ => null, Clock, static () => true, Log), History = History = new DeliveryHistory(Data.Path + "/history", Clock), OpenDeliveries = OpenDeliveries, Observer = new Relay(this), Rewriting = Rewriting = new SenderRewriting("a secret of this server"u8, Clock, static () => true, State.Collection("srs")), Limits = new AccountLimits(State.Collection("sent"), State.Collection("written"), Clock), Vacations = new VacationReplies(State.Collection("vacation"), Clock) };
    }

    /// <summary>The certificate that sessions show unless told otherwise.</summary>
    public static TlsIdentity SelfSigned => Identity.Value;

    public TimeProvider Clock { get; }

    public StateStore State { get; }

    public AccountLearning Learning { get; }

    public List<string> BlockLists { get; } = [];

    public InboundRates Rates { get; set; } = new(null, null, null, null);

    public Log Log { get; }

    public DataFolder Data { get; }

    public DeliveryHistory History { get; }

    public HostedNames Names { get; private set; }

    /// <summary>What mailboxes hold.</summary>
    public Func<string, long> UsedBytes { get; set; } = static _ => 0;

    public SenderRewriting Rewriting { get; }

    public SmtpServerOptions Options { get; set; }

    public AuthenticationGuard Guard { get; }

    /// <summary>Addresses that stand for many.</summary>
    public HashSet<IPAddress> Shared { get; } = [];

    /// <summary>The neighbour table.</summary>
    public Dictionary<IPAddress, PhysicalAddress> Hardware { get; } = [];

    /// <summary>The house's public addresses.</summary>
    public List<IPAddress> Public { get; } = [];

    /// <summary>Those of them that an interface of this machine has.</summary>
    public HashSet<IPAddress> Interfaces { get; } = [];

    private OwnAddress Own(IPAddress address) =>
        Interfaces.Contains(address) ? OwnAddress.Interface : Public.Contains(address) ? OwnAddress.Public : OwnAddress.No;

    /// <summary>The rules of <c>[spf-rewrite]</c>.</summary>
    public List<RewriteRule> Rewrite { get; } = [];

    public List<DeclaredRelay> Relays { get; } = [];

    /// <summary>Addresses that stand for anybody; those of <see cref="Shared"/> are the gateways.</summary>
    public MaskedAddresses Masks { get; }

    public OpenDeliveries OpenDeliveries { get; } = new();

    public Heartbeat Heartbeat { get; }

    public MessageIntake Intake { get; }

    /// <summary>What DNS says.</summary>
    public ZoneResolver Zone { get; } = new();

    /// <summary>No keys until a test makes some.</summary>
    public DkimKeys DkimKeys => field ??= new DkimKeys(Path.Combine(_folder, "dkim"));

    public List<Envelope> Queued { get; } = [];

    /// <summary>Is told of messages from the internet.</summary>
    public IReceptionObserver? Observer { get; set; }

    public string LogText
    {
        get
        {
            // Its methods are synchronized on itself.
            lock (_logWriter)
                return _log.ToString();
        }
    }

    /// <summary>An account that logs in with <see cref="Password"/>.</summary>
    public static HostedAccount Account(string name, params string[] addresses) => new(name, [.. addresses.Select(A)], Credential);

    /// <summary>Other people live here from now on.</summary>
    public TestHouse With(HostedDomain[] domains, HostedAccount[] accounts, params (string Address, string[] Members)[] aliases)
    {
        Names = new HostedNames(
            "mail.example.org", domains, accounts, aliases.Select(a => new HostedAlias(A(a.Address), [.. a.Members.Select(A)])), "a secret of this server"u8)
        {
            Devices = Names.Devices,
        };
        Options = Options with { Credentials = Names };
        return this;
    }

    /// <summary>Users of this machine, and whose account each is.</summary>
    public TestHouse WithLocalUsers(Dictionary<string, string> accounts, Func<string, bool> exists)
    {
        Names = new HostedNames("mail.example.org", Names.Domains, Names.Accounts, [], "a secret of this server"u8) { LocalUsers = accounts, IsLocalUser = exists };
        return this;
    }

    public static Address A(string text) => AddressSyntax.TryParseMailbox(text, true, out var address) ? address! : throw new ArgumentException(text);

    /// <summary>Opens a session and gives the client's end of it.</summary>
    public Stream Connect(SmtpRole service = SmtpRole.Mta, string peer = "192.0.2.10")
    {
        var (client, server) = StreamPair.Create();
        Serve(server, service, peer);
        return client;
    }

    /// <summary>Listens on loopback.</summary>
    public SmtpListener Listen(ConnectionGate gate, SmtpRole service = SmtpRole.Mta)
    {
        var listener = new SmtpListener(
            new IPEndPoint(IPAddress.Loopback, 0), service, new SmtpListenerContext(() => Options, Intake, gate, Guard, Heartbeat, new LiveSessions(), Clock, Log)
            {
                SpeaksProxy = address => Relays.Exists(relay => relay.SpeaksProxy && relay.Addresses.Contains(address)),
            });
        _sessions.Add(listener.RunAsync(_stop.Token));
        return listener;
    }

    /// <summary>Ends when all sessions have ended that were begun so far.</summary>
    public Task SessionsEnded() => Task.WhenAll(_sessions);

    /// <summary>Runs a session on the server's end of a connection.</summary>
    public void Serve(Stream server, SmtpRole service, string peer)
    {
        var session = new SmtpSession(new Transport(server), service, new IPEndPoint(IPAddress.Parse(peer), 40000), Options, Intake, Guard, Clock, Log, _stop.Token)
        {
            Device = service == SmtpRole.Lan ? Options.Devices!.At(IPAddress.Parse(peer)).Device : null,
        };
        Heartbeat.Add(session);
        _sessions.Add(RunAsync(session));
    }

    /// <summary>The client's side of a TLS handshake over an open session.</summary>
    public static async Task<SslStream> SecureAsync(Stream stream)
    {
        var tls = new SslStream(stream, false);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "mail.example.org",
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        });
        return tls;
    }

    /// <summary>The messages in an account's mailbox, by UID.</summary>
    public IReadOnlyList<string> Mailbox(string account, string mailbox = "INBOX")
    {
        var folder = Path.Combine(_folder, "mail", account, mailbox);
        if (!Directory.Exists(folder))
            return [];
        return [.. Directory.GetFiles(folder, "*.eml").OrderBy(f => int.Parse(Path.GetFileNameWithoutExtension(f))).Select(f => File.ReadAllText(f, Encoding.Latin1))];
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Heartbeat.Beat();
        await Task.WhenAll(_sessions).WaitAsync(TimeSpan.FromSeconds(20));
        Heartbeat.Dispose();
        State.Dispose();
        await Data.DisposeAsync();
        Directory.Delete(_folder, true);
        _stop.Dispose();
    }

    private sealed class Relay(TestHouse house) : IReceptionObserver
    {
        public void Received(in Reception reception) => house.Observer?.Received(reception);
    }

    private async Task RunAsync(SmtpSession session)
    {
        await session.RunAsync();
        Heartbeat.Remove(session);
    }
}
