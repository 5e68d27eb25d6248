using Microsoft.Extensions.Configuration;

namespace HomeMail.Config;

/// <summary>
/// The sections as the binder fills them: text only, so that no value is converted behind our back (an enum would take "1"). Null is a key that
/// is not set. Each class has a property for each key of <see cref="KnownKeys"/>; the binder throws where that is not so.
/// </summary>
internal sealed class RawSettings
{
    public RawServer Server { get; private init; } = new();
    public RawListen Listen { get; private init; } = new();
    public RawTls Tls { get; private init; } = new();
    public RawPolicy Policy { get; private init; } = new();
    public RawDnsUpdate DnsUpdate { get; private init; } = new();
    public RawLimits Limits { get; private init; } = new();
    public RawQueue Queue { get; private init; } = new();
    public Dictionary<string, RawDomain> Domains { get; private init; } = [];
    public Dictionary<string, RawAccount> Accounts { get; private init; } = [];
    public Dictionary<string, RawAlias> Aliases { get; private init; } = [];
    public Dictionary<string, RawDevice> Devices { get; private init; } = [];
    public Dictionary<string, RawRelay> Relays { get; private init; } = [];
    public Dictionary<string, RawRoute> Routes { get; private init; } = [];
    public Dictionary<string, RawSmarthost> Smarthosts { get; private init; } = [];
    public Dictionary<string, RawRule> Rules { get; private init; } = [];

    /// <summary>The keys of [spf-rewrite] whole, colons and all.</summary>
    public Dictionary<string, string> SpfRewrite { get; private init; } = [];

    /// <summary>
    /// Binds what the pass over the text has left, each section by itself: in a configuration of all of them, the binder looks through everything for each.
    /// </summary>
    public static RawSettings Bind(IniDocument document)
    {
        var raw = new RawSettings
        {
            Server = One(document, "server").Get<RawServer>(Strict) ?? new(),
            Listen = One(document, "listen").Get<RawListen>(Strict) ?? new(),
            Tls = One(document, "tls").Get<RawTls>(Strict) ?? new(),
            Policy = One(document, "policy").Get<RawPolicy>(Strict) ?? new(),
            DnsUpdate = One(document, "dns-update").Get<RawDnsUpdate>(Strict) ?? new(),
            Limits = One(document, "limits").Get<RawLimits>(Strict) ?? new(),
            Queue = One(document, "queue").Get<RawQueue>(Strict) ?? new(),
            Domains = Each(document, "domain", static section => section.Get<RawDomain>(Strict)),
            Accounts = Each(document, "account", static section => section.Get<RawAccount>(Strict)),
            Aliases = Each(document, "alias", static section => section.Get<RawAlias>(Strict)),
            Devices = Each(document, "device", static section => section.Get<RawDevice>(Strict)),
            Relays = Each(document, "relay", static section => section.Get<RawRelay>(Strict)),
            Routes = Each(document, "route", static section => section.Get<RawRoute>(Strict)),
            Smarthosts = Each(document, "smarthost", static section => section.Get<RawSmarthost>(Strict)),
            Rules = Each(document, "rule", static section => section.Get<RawRule>(Strict)),
            SpfRewrite = One(document, "spf-rewrite").AsEnumerable()
                .Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Value!, StringComparer.OrdinalIgnoreCase),
        };

        static void Strict(BinderOptions options) => options.ErrorOnUnknownConfiguration = true;
        return raw;
    }

    private static IConfigurationRoot One(IniDocument document, string kind) => Open(document.Find(kind));

    // The binder is generated for the types that calls name, so each kind has a call of its own. A section without keys binds to nothing.
    private static Dictionary<string, T> Each<T>(IniDocument document, string kind, Func<IConfiguration, T?> bind)
        where T : class
    {
        var found = new Dictionary<string, T>();
        foreach (var section in document.Sections)
            if (section.Info.Kind == kind && bind(Open(section)) is { } raw)
                found[section.Name!] = raw;
        return found;
    }

    private static IConfigurationRoot Open(IniSection? section)
    {
        var builder = new ConfigurationBuilder();
        if (section is null)
            return builder.Build();
        using var stream = section.ToStream();
        return builder.AddIniStream(stream).Build();
    }
}

internal sealed class RawServer
{
    [ConfigurationKeyName("hostname")] public string? Hostname { get; set; }
    [ConfigurationKeyName("data")] public string? Data { get; set; }
    [ConfigurationKeyName("public-ip")] public string? PublicIp { get; set; }
    [ConfigurationKeyName("resolver")] public string? Resolver { get; set; }
    [ConfigurationKeyName("resolver-trusted")] public string? ResolverTrusted { get; set; }
    [ConfigurationKeyName("max-message-size")] public string? MaxMessageSize { get; set; }
    [ConfigurationKeyName("user")] public string? User { get; set; }
    [ConfigurationKeyName("log")] public string? Log { get; set; }
    [ConfigurationKeyName("memory")] public string? Memory { get; set; }
    [ConfigurationKeyName("map-ports")] public string? MapPorts { get; set; }
    [ConfigurationKeyName("socket")] public string? Socket { get; set; }
    [ConfigurationKeyName("drop")] public string? Drop { get; set; }
    [ConfigurationKeyName("log-to")] public string? LogTo { get; set; }
}

internal sealed class RawListen
{
    [ConfigurationKeyName("smtp")] public string? Smtp { get; set; }
    [ConfigurationKeyName("submission")] public string? Submission { get; set; }
    [ConfigurationKeyName("submissions")] public string? Submissions { get; set; }
    [ConfigurationKeyName("imap")] public string? Imap { get; set; }
    [ConfigurationKeyName("imaps")] public string? Imaps { get; set; }
    [ConfigurationKeyName("lan")] public string? Lan { get; set; }
    [ConfigurationKeyName("metrics")] public string? Metrics { get; set; }
    [ConfigurationKeyName("autoconfig")] public string? Autoconfig { get; set; }
}

internal sealed class RawTls
{
    [ConfigurationKeyName("certificate")] public string? Certificate { get; set; }
    [ConfigurationKeyName("key")] public string? Key { get; set; }
}

internal sealed class RawDomain
{
    [ConfigurationKeyName("tenant")] public string? Tenant { get; set; }
    [ConfigurationKeyName("local-delivery")] public string? LocalDelivery { get; set; }
    [ConfigurationKeyName("catch-all")] public string? CatchAll { get; set; }
    [ConfigurationKeyName("dkim-selector")] public string? DkimSelector { get; set; }
    [ConfigurationKeyName("route")] public string? Route { get; set; }
}

internal sealed class RawAccount
{
    [ConfigurationKeyName("addresses")] public string? Addresses { get; set; }
    [ConfigurationKeyName("password")] public string? Password { get; set; }
    [ConfigurationKeyName("quota")] public string? Quota { get; set; }
    [ConfigurationKeyName("local-users")] public string? LocalUsers { get; set; }
    [ConfigurationKeyName("sends-per-day")] public string? SendsPerDay { get; set; }
    [ConfigurationKeyName("new-recipients-per-day")] public string? NewRecipientsPerDay { get; set; }
    [ConfigurationKeyName("vacation-text")] public string? VacationText { get; set; }
    [ConfigurationKeyName("vacation-subject")] public string? VacationSubject { get; set; }
    [ConfigurationKeyName("vacation-from")] public string? VacationFrom { get; set; }
    [ConfigurationKeyName("vacation-until")] public string? VacationUntil { get; set; }
    [ConfigurationKeyName("vacation-days")] public string? VacationDays { get; set; }
}

internal sealed class RawAlias
{
    [ConfigurationKeyName("members")] public string? Members { get; set; }
}

internal sealed class RawDevice
{
    [ConfigurationKeyName("address")] public string? Address { get; set; }
    [ConfigurationKeyName("mac")] public string? Mac { get; set; }
    [ConfigurationKeyName("password")] public string? Password { get; set; }
    [ConfigurationKeyName("from")] public string? From { get; set; }
    [ConfigurationKeyName("recipients")] public string? Recipients { get; set; }
    [ConfigurationKeyName("per-day")] public string? PerDay { get; set; }
}

internal sealed class RawRelay
{
    [ConfigurationKeyName("address")] public string? Address { get; set; }
    [ConfigurationKeyName("proxy-protocol")] public string? ProxyProtocol { get; set; }
    [ConfigurationKeyName("may-send")] public string? MaySend { get; set; }
}

internal sealed class RawRoute
{
    [ConfigurationKeyName("via")] public string? Via { get; set; }
    [ConfigurationKeyName("family")] public string? Family { get; set; }
    [ConfigurationKeyName("tls")] public string? Tls { get; set; }
}

internal sealed class RawSmarthost
{
    [ConfigurationKeyName("host")] public string? Host { get; set; }
    [ConfigurationKeyName("username")] public string? Username { get; set; }
    [ConfigurationKeyName("password")] public string? Password { get; set; }
    [ConfigurationKeyName("tls")] public string? Tls { get; set; }
}

internal sealed class RawRule
{
    [ConfigurationKeyName("account")] public string? Account { get; set; }
    [ConfigurationKeyName("from")] public string? From { get; set; }
    [ConfigurationKeyName("to")] public string? To { get; set; }
    [ConfigurationKeyName("subject")] public string? Subject { get; set; }
    [ConfigurationKeyName("header")] public string? Header { get; set; }
    [ConfigurationKeyName("list-id")] public string? ListId { get; set; }
    [ConfigurationKeyName("larger-than")] public string? LargerThan { get; set; }
    [ConfigurationKeyName("verified-domain")] public string? VerifiedDomain { get; set; }
    [ConfigurationKeyName("mailbox")] public string? Mailbox { get; set; }
    [ConfigurationKeyName("forward")] public string? Forward { get; set; }
    [ConfigurationKeyName("discard")] public string? Discard { get; set; }
}

internal sealed class RawPolicy
{
    [ConfigurationKeyName("greylist")] public string? Greylist { get; set; }
    [ConfigurationKeyName("dnsbl")] public string? Dnsbl { get; set; }
    [ConfigurationKeyName("allow")] public string? Allow { get; set; }
    [ConfigurationKeyName("dmarc-reject")] public string? DmarcReject { get; set; }
    [ConfigurationKeyName("trusted-arc-sealers")] public string? TrustedArcSealers { get; set; }
    [ConfigurationKeyName("first-time-delay")] public string? FirstTimeDelay { get; set; }
    [ConfigurationKeyName("dmarc-reports")] public string? DmarcReports { get; set; }
    [ConfigurationKeyName("report-from")] public string? ReportFrom { get; set; }
}

internal sealed class RawDnsUpdate
{
    [ConfigurationKeyName("server")] public string? Server { get; set; }
    [ConfigurationKeyName("tsig-name")] public string? TsigName { get; set; }
    [ConfigurationKeyName("tsig-secret")] public string? TsigSecret { get; set; }
}

internal sealed class RawLimits
{
    [ConfigurationKeyName("connections")] public string? Connections { get; set; }
    [ConfigurationKeyName("connections-per-address")] public string? ConnectionsPerAddress { get; set; }
    [ConfigurationKeyName("recipients")] public string? Recipients { get; set; }
    [ConfigurationKeyName("messages-per-session")] public string? MessagesPerSession { get; set; }
    [ConfigurationKeyName("commands")] public string? Commands { get; set; }
    [ConfigurationKeyName("junk-commands")] public string? JunkCommands { get; set; }
    [ConfigurationKeyName("auth-failures")] public string? AuthFailures { get; set; }
    [ConfigurationKeyName("auth-block")] public string? AuthBlock { get; set; }
    [ConfigurationKeyName("line-length")] public string? LineLength { get; set; }
    [ConfigurationKeyName("hops")] public string? Hops { get; set; }
    [ConfigurationKeyName("idle-timeout")] public string? IdleTimeout { get; set; }
    [ConfigurationKeyName("session-timeout")] public string? SessionTimeout { get; set; }
    [ConfigurationKeyName("data-rate")] public string? DataRate { get; set; }
    [ConfigurationKeyName("hold-at-most")] public string? HoldAtMost { get; set; }
    [ConfigurationKeyName("address-messages-per-day")] public string? AddressMessagesPerDay { get; set; }
    [ConfigurationKeyName("address-size-per-day")] public string? AddressSizePerDay { get; set; }
    [ConfigurationKeyName("network-messages-per-day")] public string? NetworkMessagesPerDay { get; set; }
    [ConfigurationKeyName("network-size-per-day")] public string? NetworkSizePerDay { get; set; }
    [ConfigurationKeyName("imap-keep-alive")] public string? ImapKeepAlive { get; set; }
}

internal sealed class RawQueue
{
    [ConfigurationKeyName("retry-first")] public string? RetryFirst { get; set; }
    [ConfigurationKeyName("retry-max")] public string? RetryMax { get; set; }
    [ConfigurationKeyName("give-up-after")] public string? GiveUpAfter { get; set; }
    [ConfigurationKeyName("delay-notice-after")] public string? DelayNoticeAfter { get; set; }
    [ConfigurationKeyName("parallel")] public string? Parallel { get; set; }
    [ConfigurationKeyName("parallel-per-destination")] public string? ParallelPerDestination { get; set; }
    [ConfigurationKeyName("history-days")] public string? HistoryDays { get; set; }
    [ConfigurationKeyName("history-size")] public string? HistorySize { get; set; }
    [ConfigurationKeyName("free-space-floor")] public string? FreeSpaceFloor { get; set; }
}
