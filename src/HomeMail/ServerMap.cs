using System.Net;
using HomeMail.Config;
using HomeMail.Server;
using HomeMail.Server.ClientSetup;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Server.House;
using HomeMail.Server.Imap;
using HomeMail.Server.Intake;
using HomeMail.Server.Learning;
using HomeMail.Server.Net;
using HomeMail.Server.Policy;
using HomeMail.Server.Queue;
using HomeMail.Server.Smtp;
using HomeMail.Storage.State;

namespace HomeMail;

/// <summary>Turns the settings of the file into the options of each part; the parts do not know the file.</summary>
internal static class ServerMap
{
    private static readonly TimeSpan Never = TimeSpan.FromDays(36500);
    private static readonly QueueOptions QueueDefaults = new();

    public static HostedNames Names(Settings settings, ReadOnlySpan<byte> secret) => Names(
        settings, settings.Rules.ToLookup(static rule => rule.Account, StringComparer.OrdinalIgnoreCase), secret);

    private static HostedNames Names(Settings settings, ILookup<string, RuleSettings> rules, ReadOnlySpan<byte> secret) => new(
        settings.Server.Hostname,
        settings.Domains.Values.Select(d => new HostedDomain(d.Name, d.Tenant, d.CatchAll, d.LocalDelivery == LocalDelivery.Shortcut)),
        [.. settings.Accounts.Values.Select(a => Account(rules, a))],
        settings.Aliases.Values.Select(a => new HostedAlias(a.Address, a.Members)),
        secret)
    {
        Devices = [.. settings.Devices.Select(Device)],
        LocalUsers = settings.Accounts.Values.SelectMany(static a => a.LocalUsers, static (a, user) => (user, a.Name)).ToDictionary(static p => p.user, static p => p.Name),
        IsLocalUser = static name => Privileges.SystemUser.Find(name) is not null,
    };

    private static HostedDevice Device(DeviceSettings device) => new(device.Name, device.From)
    {
        Addresses = device.Addresses,
        Hardware = device.Mac,
        Credential = device.Password,
        Reach = device.Scope switch { DeviceScope.Any => DeviceReach.Anybody, DeviceScope.Local => DeviceReach.House, _ => DeviceReach.Listed },
        Recipients = device.Recipients,
        PerDay = device.PerDay,
    };

    private static HostedAccount Account(ILookup<string, RuleSettings> rules, AccountSettings account) => new(account.Name, account.Addresses, account.Password, account.Quota)
    {
        SendsPerDay = account.SendsPerDay,
        NewRecipientsPerDay = account.NewRecipientsPerDay,
        Vacation = account.Vacation is { } away ? new VacationText(away.Text, away.Subject, away.From, away.Until, away.Days) : null,
        Rules =
        [
            .. rules[account.Name].Select(rule => new MailRule(rule.Name)
            {
                From = rule.From,
                To = rule.To,
                Subject = rule.Subject,
                HeaderName = rule.HeaderName,
                HeaderPattern = rule.HeaderPattern,
                ListId = rule.ListId,
                LargerThan = rule.LargerThan,
                VerifiedDomain = rule.VerifiedDomain,
                Mailbox = rule.Mailbox,
                Forward = rule.Forward,
                Discard = rule.Discard,
            }),
        ],
    };

    /// <exception cref="IOException">The certificate or key cannot be read.</exception>
    public static TlsIdentity Identity(Settings settings, TimeProvider clock, Action<string>? complain = null)
    {
        if (settings.Tls is { Certificate: { } certificate, Key: { } key })
            return TlsIdentity.Load(certificate, key);
        if (settings.Tls.FromAcme && AcmeFiles.Find(settings.Server.Hostname) is { } files)
        {
            try
            {
                return TlsIdentity.Load(files.Certificate, files.Key);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
            {
                complain?.Invoke(error is UnauthorizedAccessException ? $"{files.Key} may not be read by this user" : error.Message);
            }
        }
        return TlsIdentity.LoadOrMake(Path.Combine(settings.Server.Data, "tls"), settings.Server.Hostname, clock, clock.GetUtcNow() >= BuildFacts.Date);
    }

    public static AuthenticationLimits Authentication(Settings settings) => new()
    {
        Failures = settings.Limits.AuthFailures,
        Block = settings.Limits.AuthBlock,
    };

    public static SmtpServerOptions Smtp(Settings settings, HostedNames names, TlsIdentity tls, MemoryBudget memory, LanDevices devices) => new()
    {
        Devices = devices,
        Memory = memory,
        Hostname = settings.Server.Hostname,
        Tls = tls,
        Credentials = names,
        Limits = new SmtpLimits
        {
            MessageSize = settings.Server.MaxMessageSize,
            Recipients = settings.Limits.Recipients,
            Transactions = settings.Limits.MessagesPerSession,
            Commands = settings.Limits.Commands,
            Errors = settings.Limits.JunkCommands,
            CommandLine = settings.Limits.LineLength,
            Hops = settings.Limits.Hops,
            Idle = settings.Limits.IdleTimeout,
            IdleBeforeMail = settings.Limits.IdleTimeout,
            Session = settings.Limits.SessionTimeout,
            DataRate = (int)(settings.Limits.DataRate ?? 0),
            FutureRelease = settings.Limits.HoldAtMost ?? TimeSpan.Zero,
        },
    };

    public static ImapServerOptions Imap(Settings settings, HostedNames names, TlsIdentity tls, MemoryBudget memory, Storage.DataFolder data, IJunkLearning junk) => new()
    {
        Hostname = settings.Server.Hostname,
        Tls = tls,
        Credentials = names,
        Mail = data.Mail,
        Spool = data.Spool,
        Quota = account => names.Account(account)?.Quota,
        MessageSize = settings.Server.MaxMessageSize,
        KeepAlive = settings.Limits.ImapKeepAlive,
        Junk = junk,
        Memory = memory,
    };

    // Those of [server] resolver, else the system's own.
    public static NameServerSettings NameServers(ServerSettings server) => server.Resolvers.Count > 0
        ? NameServerSettings.For(server.Resolvers, server.ResolverTrusted)
        : new ResolvConf("/etc/resolv.conf", TimeProvider.System, server.ResolverTrusted).Current;

    public static IMailResolver Resolver(ServerSettings? server) => server is { Resolvers.Count: > 0 }
        ? new DnsMailResolver(NameServerSettings.For(server.Resolvers, server.ResolverTrusted), TimeProvider.System)
        : new DnsMailResolver(new ResolvConf("/etc/resolv.conf", TimeProvider.System, server?.ResolverTrusted), TimeProvider.System);

    public static DnsUpdateTarget? DnsUpdate(Settings settings) =>
        settings.DnsUpdate is { } update ? new DnsUpdateTarget(update.Host, update.Port, update.TsigName, update.TsigSecret) : null;

    public static IReadOnlyList<RewriteRule> SpfRewrite(Settings settings) => [.. settings.SpfRewrite.Select(rule => new RewriteRule(rule.Network, rule.PublicAddress))];

    public static IReadOnlyList<DeclaredRelay> Relays(Settings settings) =>
        [.. settings.Relays.Select(relay => new DeclaredRelay(relay.Name, relay.Addresses, relay.ProxyProtocol, relay.MaySend))];

    // Who is asked for the public addresses, as far as they are not written down.
    public static PublicAddresses PublicAddresses(Func<Settings> settings, Gateways gateways, IMailResolver resolver, TimeProvider clock) => new(
        () => settings().Server.PublicAddresses,
        [
            new SendingAddresses(), new GatewayAddresses(() => gateways.Addresses, new GatewayPorts(), clock),
            new HostnameAddresses(resolver, () => settings().Server.Hostname),
        ],
        clock);

    // What others reach us at: the listeners of the house's own network, and those of this machine, stay where they are.
    public static IReadOnlyList<int> PortsToMap(Settings settings) => settings.Server.MapPorts ? PortsFromOutside(settings.Listen) : [];

    public static IReadOnlyList<int> PortsFromOutside(ListenSettings listen) =>
    [
        .. listen.Smtp.Concat(listen.Submission).Concat(listen.Submissions).Concat(listen.Imap).Concat(listen.Imaps)
            .Where(endPoint => !IPAddress.IsLoopback(endPoint.Address) && endPoint.Port > 0).Select(endPoint => endPoint.Port).Distinct(),
    ];

    // As mail programs are told. The first endpoint of a kind stands for all of it; a house has one.
    public static MailServices MailServices(Settings settings) => Server.ClientSetup.MailServices.At(
        settings.Server.Hostname, Port(settings.Listen.Imaps), Port(settings.Listen.Imap), Port(settings.Listen.Submissions), Port(settings.Listen.Submission));

    public static int Port(IReadOnlyList<IPEndPoint> endPoints) => endPoints.Count == 0 ? 0 : endPoints[0].Port;

    /// <summary>What decides about messages, with its memory in the state.</summary>
    public static Judgement Judgement(Func<Settings> settings, IMailResolver resolver, StateStore state, AccountLearning learning, TimeProvider clock, Log log) => new(
        new BlockLists(resolver, () => settings().Policy.Dnsbl, clock, log),
        new Greylist(state.Collection("greylist"), clock),
        new Patience(state.Collection("trouble", 2000), clock),
        new InboundLimits(state.Collection("inbound", 5000), () => Inbound(settings().Limits.Inbound), clock),
        learning,
        () => Judgement(settings().Policy));

    private static InboundRates Inbound(InboundSettings inbound) => new(inbound.AddressMessages, inbound.AddressSize, inbound.NetworkMessages, inbound.NetworkSize);

    private static JudgementOptions Judgement(PolicySettings policy) => new(
        new PolicyRules
        {
            DmarcReject = policy.DmarcReject switch { DmarcReject.Refuse => DmarcRejectAction.Refuse, DmarcReject.Junk => DmarcRejectAction.Junk, _ => DmarcRejectAction.Off },
            FirstTimeDelay = policy.FirstTimeDelay ?? TimeSpan.Zero,
        },
        policy.Greylist, policy.AllowNetworks, policy.AllowDomains, policy.AllowAddresses);

    public static DeliveryOptions Delivery(Settings settings) => new() { Hostname = settings.Server.Hostname };

    public static Routes Routes(Settings settings) => new(
        settings.Routes.Values.Select(route => new Route(
            route.Name,
            [.. route.Via.Select(name => name is null ? null : Smarthost(settings.Smarthosts[name]))],
            route.Family, route.Tls)),
        settings.Domains.Values.Where(d => d.Route is not null).ToDictionary(d => d.Name, d => d.Route!, StringComparer.OrdinalIgnoreCase));

    public static QueueOptions Queue(Settings settings) => new()
    {
        FirstRetry = settings.Queue.RetryFirst,
        LongestRetry = settings.Queue.RetryMax,
        // A destination that could not be reached is not left alone for longer than its messages are.
        FirstBackOff = Lesser(QueueDefaults.FirstBackOff, settings.Queue.RetryFirst),
        LongestBackOff = Lesser(QueueDefaults.LongestBackOff, settings.Queue.RetryMax),
        Lifetime = settings.Queue.GiveUpAfter,
        DelayNotice = settings.Queue.DelayNoticeAfter ?? Never,
        MaxSending = settings.Queue.Parallel,
        MaxPerDestination = settings.Queue.ParallelPerDestination,
        EarliestTime = BuildFacts.Date,
    };

    private static TimeSpan Lesser(TimeSpan a, TimeSpan b) => a < b ? a : b;

    public static Smarthost Smarthost(SmarthostSettings smarthost) => new(
        smarthost.Name, smarthost.Host, smarthost.Port,
        smarthost.UserName is null ? null : new LogIn(smarthost.UserName, smarthost.Password ?? ""),
        smarthost.Tls);
}
