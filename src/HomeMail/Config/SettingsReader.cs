using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Message;
using HomeMail.Server;

namespace HomeMail.Config;

/// <summary>
/// From text to <see cref="Settings"/>: first the sections by themselves, then what they say of each other. Everything that is wrong is reported,
/// not just the first.
/// </summary>
internal sealed partial class SettingsReader
{
    private const long Kilo = 1 << 10;
    private const long Mega = 1 << 20;
    private const long Giga = 1 << 30;

    // sockaddr_un has 108 octets, one of them the closing NUL.
    private const int LongestSocketPath = 107;

    private readonly IniDocument _document;
    private readonly RawSettings _raw;
    private readonly Findings _findings;

    private SettingsReader(IniDocument document, Findings findings)
    {
        _document = document;
        _raw = RawSettings.Bind(document);
        _findings = findings;
    }

    /// <summary>Reads and checks. If <paramref name="findings"/> has errors afterwards, the result is of no use.</summary>
    public static Settings Read(IniDocument document, Findings findings) => new SettingsReader(document, findings).Read();

    private Settings Read()
    {
        var server = ReadServer();
        var listen = ReadListen(server.MapPorts);
        var tls = ReadTls();
        ReadDomains();
        ReadAccounts();
        ReadAliases();
        var smarthosts = ReadSmarthosts();
        var routes = ReadRoutes(smarthosts);
        CheckDomains(routes);
        CheckAliases();
        var devices = ReadDevices();
        var relays = ReadRelays(devices);
        return new Settings
        {
            Path = _findings.File,
            Server = server,
            Listen = listen,
            Tls = tls,
            Domains = _domains,
            Accounts = _accounts,
            AccountsByAddress = _accountsByAddress,
            Aliases = _aliases,
            Devices = devices,
            Relays = relays,
            Routes = routes,
            Smarthosts = smarthosts,
            SpfRewrite = ReadSpfRewrite(),
            Rules = ReadRules(),
            Policy = ReadPolicy(),
            DnsUpdate = ReadDnsUpdate(),
            Limits = ReadLimits(),
            Queue = ReadQueue(),
        };
    }

    private SectionReader Reader(string kind) => new(_findings, KnownKeys.Sections[kind], _document.Find(kind));

    /// <summary>Each section of a kind with a reader and its raw values; one without any key is not known to the binder.</summary>
    private IEnumerable<(SectionReader Reader, T Raw)> Each<T>(string kind, Dictionary<string, T> raw)
        where T : new()
    {
        foreach (var section in _document.Sections)
            if (section.Info.Kind == kind)
                yield return (new SectionReader(_findings, section.Info, section), raw.GetValueOrDefault(section.Name!) ?? new T());
    }

    private ServerSettings ReadServer()
    {
        var raw = _raw.Server;
        var reader = Reader("server");
        var hostname = reader.Required("hostname", raw.Hostname);
        if (hostname.Length > 0 && !ValueSyntax.IsDomain(hostname))
            reader.BadValue("hostname", hostname);
        var user = reader.Text("user", raw.User);
        if (user.Length > 32 || !(char.IsAsciiLetterLower(user[0]) || user[0] == '_') || user.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789_-."))
            reader.BadValue("user", user);
        var socket = reader.Path("socket", raw.Socket);
        if (socket is not null && System.Text.Encoding.UTF8.GetByteCount(socket) > LongestSocketPath)
            reader.Error("socket", "is too long");
        return new ServerSettings(
            hostname.ToLowerInvariant(),
            reader.Path("data", raw.Data) ?? "",
            ReadPublicAddresses(reader, raw.PublicIp),
            ReadResolvers(reader, raw.Resolver),
            reader.Choice<bool?>("resolver-trusted", raw.ResolverTrusted, ("auto", null), ("on", true), ("off", false)),
            reader.Size("max-message-size", raw.MaxMessageSize, 64 * Kilo, Giga),
            user,
            reader.Choice("log", raw.Log, ("info", LogLevel.Info), ("error", LogLevel.Error), ("debug", LogLevel.Debug)),
            reader.Size("memory", raw.Memory, 16 * Mega, 4 * Giga),
            reader.OnOff("map-ports", raw.MapPorts),
            socket)
        {
            Drop = reader.Path("drop", raw.Drop),
            LogsToSystem = reader.Choice("log-to", raw.LogTo, ("stdout", false), ("syslog", true)),
        };
    }

    private static IReadOnlyList<IPAddress> ReadPublicAddresses(SectionReader reader, string? raw)
    {
        if (string.Equals(reader.Text("public-ip", raw), "auto", StringComparison.OrdinalIgnoreCase))
            return [];
        var addresses = reader.Addresses("public-ip", raw);
        foreach (var address in addresses.Where(ValueSyntax.IsNotPublic))
            reader.Error("public-ip", $"{address} is not a public address");
        if (addresses.Count(address => address.AddressFamily == AddressFamily.InterNetwork) > 1
            || addresses.Count(address => address.AddressFamily == AddressFamily.InterNetworkV6) > 1)
            reader.Error("public-ip", "has two addresses of one family");
        return addresses;
    }

    private static List<IPEndPoint> ReadResolvers(SectionReader reader, string? raw)
    {
        var resolvers = new List<IPEndPoint>();
        foreach (var part in reader.List("resolver", raw))
        {
            if (ValueSyntax.TryParseEndpoint(part, 53, out var endpoint) && endpoint.Port > 0)
                resolvers.Add(endpoint);
            else
                reader.BadValue("resolver", part);
        }
        return resolvers;
    }

    private ListenSettings ReadListen(bool mapPorts)
    {
        var raw = _raw.Listen;
        var reader = Reader("listen");
        var taken = new List<(string Key, IPEndPoint Endpoint)>();
        var listen = new ListenSettings(
            Read("smtp", raw.Smtp), Read("submission", raw.Submission), Read("submissions", raw.Submissions), Read("imap", raw.Imap),
            Read("imaps", raw.Imaps), Read("lan", raw.Lan), Read("metrics", OnLoopback(raw.Metrics)), Read("autoconfig", raw.Autoconfig));
        // The router forwards a port of this machine, and need not ask which of its addresses was meant.
        foreach (var endpoint in mapPorts ? listen.Lan : [])
            if (ServerMap.PortsFromOutside(listen).Contains(endpoint.Port))
                reader.Error("lan", $"port {endpoint.Port} is forwarded from outside ([server] map-ports)", "a port that no other listener has");
        return listen;

        IReadOnlyList<IPEndPoint> Read(string key, string? text)
        {
            var endpoints = reader.Endpoints(key, text);
            foreach (var endpoint in endpoints)
            {
                var other = taken.Find(other => Overlap(other.Endpoint, endpoint));
                if (other.Key is not null)
                    reader.Error(
                        key,
                        other.Key != key ? $"{endpoint} is taken by {other.Key} ({other.Endpoint})"
                        : endpoint.Equals(other.Endpoint) ? $"{endpoint} is there twice"
                        : $"{endpoint} is taken by {other.Endpoint}",
                        "an endpoint of its own, where [::] takes the port of IPv4 too");
                taken.Add((key, endpoint));
            }
            return endpoints;
        }
    }

    // What is counted here is nobody's business: a port alone is one of this machine.
    private static string? OnLoopback(string? metrics) =>
        metrics is { Length: > 0 and <= 5 } && metrics.All(char.IsAsciiDigit) ? "127.0.0.1:" + metrics : metrics;

    // An IPv6 wildcard is bound dual-stack and so takes the port of every address.
    private static bool Overlap(IPEndPoint a, IPEndPoint b) =>
        a.Port != 0 && a.Port == b.Port
        && (a.Address.Equals(b.Address) || a.Address.Equals(IPAddress.IPv6Any) || b.Address.Equals(IPAddress.IPv6Any)
            || (a.AddressFamily == b.AddressFamily && (a.Address.Equals(IPAddress.Any) || b.Address.Equals(IPAddress.Any))));

    private TlsSettings ReadTls()
    {
        var raw = _raw.Tls;
        var reader = Reader("tls");
        if (string.Equals(raw.Certificate, "acme", StringComparison.OrdinalIgnoreCase))
        {
            if (!string.IsNullOrEmpty(raw.Key))
                reader.Error("key", "is set where certificate = acme has its own", "nothing");
            return new TlsSettings(null, null) { FromAcme = true };
        }
        var certificate = reader.Path("certificate", raw.Certificate);
        var key = reader.Path("key", raw.Key);
        if (certificate is not null && string.IsNullOrEmpty(raw.Key))
            reader.Error("key", "is missing where certificate is set");
        if (key is not null && string.IsNullOrEmpty(raw.Certificate))
            reader.Error("certificate", "is missing where key is set");
        return new TlsSettings(certificate, key);
    }

    /// <summary>The domain hosted here that an address is in, or null after an error.</summary>
    private DomainSettings? HostedDomain(SectionReader reader, string key, Address address)
    {
        if (_domains.TryGetValue(address.Domain, out var domain))
            return domain;
        reader.Error(key, $"the domain of '{address}' is not hosted here", HostedDomains());
        return null;
    }

    private string HostedDomains() =>
        _domains.Count == 0 ? "a domain that has a [domain:NAME] section" : "addresses in " + string.Join(", ", _domains.Keys);
}
