using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Server.Delivery;
using HomeMail.Server.Reports;

namespace HomeMail.Config;

/// <summary>What stands around the server: devices, relays, routes, smarthosts, SPF rewrite, policy, DNS.</summary>
internal sealed partial class SettingsReader
{
    private List<DeviceSettings> ReadDevices()
    {
        var devices = new List<DeviceSettings>();
        var byAddress = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (reader, raw) in Each("device", _raw.Devices))
        {
            if (!ValueSyntax.IsName(reader.Name))
                reader.SectionError($"'{reader.Name}' is no name for a device", KnownKeys.Sections["device"].NameAllowed);
            var addresses = reader.Addresses("address", raw.Address);
            foreach (var address in addresses)
            {
                // A device is believed by its address alone; one from outside could be anybody's.
                if (!ValueSyntax.IsNotPublic(address))
                    reader.Error("address", $"{address} is not an address of this house's network");
                if (!byAddress.TryAdd(address.ToString(), reader.Name))
                    reader.Error("address", $"{address} belongs to [device:{byAddress[address.ToString()]}] already", "each address once");
            }
            var mac = ReadMac(reader, raw.Mac);
            if (mac is not null && !byAddress.TryAdd(mac.ToString(), reader.Name))
                reader.Error("mac", $"{raw.Mac} belongs to [device:{byAddress[mac.ToString()]}] already", "each address once");
            if (string.IsNullOrEmpty(raw.Address) && string.IsNullOrEmpty(raw.Mac))
                reader.Error("address", "is missing, and so is mac", "an IP address, a mac, or both");
            var password = reader.Credential("password", raw.Password);

            var fromText = reader.Required("from", raw.From);
            var from = fromText.Length > 0 ? reader.Mailbox("from", fromText) : null;
            var domain = from is null ? null : HostedDomain(reader, "from", from);

            var (scope, recipients) = ReadDeviceRecipients(reader, raw, domain);
            if (scope == DeviceScope.Any && string.IsNullOrEmpty(raw.Mac) && string.IsNullOrEmpty(raw.Password))
                reader.Error("recipients", "any needs a mac or a password", "local, addresses, or any together with mac or password");
            devices.Add(new DeviceSettings(
                reader.Name, domain?.Tenant ?? "", addresses, mac, password, from ?? new Address("", "invalid"), scope, recipients,
                reader.NumberOrOff("per-day", raw.PerDay)));
        }
        return devices;
    }

    private (DeviceScope Scope, IReadOnlyList<Address> Recipients) ReadDeviceRecipients(SectionReader reader, RawDevice raw, DomainSettings? from)
    {
        switch (reader.Text("recipients", raw.Recipients).ToLowerInvariant())
        {
            case "local":
                return (DeviceScope.Local, []);
            case "any":
                return (DeviceScope.Any, []);
        }
        var recipients = reader.Mailboxes("recipients", reader.List("recipients", raw.Recipients));
        foreach (var recipient in recipients)
            if (from is not null && _domains.TryGetValue(recipient.Domain, out var domain) && !SameTenant(domain.Tenant, from.Tenant))
                reader.Error("recipients", $"spans tenants: {from.Name} is of {from.Tenant}, {domain.Name} of {domain.Tenant}");
        return (DeviceScope.Listed, recipients);
    }

    private static PhysicalAddress? ReadMac(SectionReader reader, string? raw)
    {
        if (string.IsNullOrEmpty(raw))
            return null;
        var parts = raw.Split(raw.Contains('-', StringComparison.Ordinal) ? '-' : ':');
        if (parts.Length == 6 && parts.All(part => part.Length == 2 && part.All(char.IsAsciiHexDigit)))
            return new PhysicalAddress(Convert.FromHexString(string.Concat(parts)));
        reader.BadValue("mac", raw);
        return null;
    }

    private List<RelaySettings> ReadRelays(List<DeviceSettings> devices)
    {
        var relays = new List<RelaySettings>();
        var byAddress = new Dictionary<IPAddress, string>();
        foreach (var (reader, raw) in Each("relay", _raw.Relays))
        {
            if (!ValueSyntax.IsName(reader.Name))
                reader.SectionError($"'{reader.Name}' is no name for a relay", KnownKeys.Sections["relay"].NameAllowed);
            reader.Required("address", raw.Address);
            var addresses = reader.Addresses("address", raw.Address);
            foreach (var address in addresses)
                if (!byAddress.TryAdd(address, reader.Name))
                    reader.Error("address", $"{address} belongs to [relay:{byAddress[address]}] already", "each address once");
                // What a relay brings is mail of strangers; a device there would be anybody.
                else if (devices.Find(device => device.Addresses.Contains(address)) is { } device)
                    reader.Error("address", $"{address} belongs to [device:{device.Name}], and a relay speaks for strangers", "an address that is no device's");
            var maySend = reader.DomainNames("may-send", raw.MaySend);
            DomainSettings? first = null;
            foreach (var name in maySend)
            {
                if (!_domains.TryGetValue(name, out var domain))
                    reader.Error("may-send", $"'{name}' is not hosted here", OneOf(_domains.Keys, "a domain"));
                else if (!SameTenant(domain.Tenant, (first ??= domain).Tenant))
                    reader.Error("may-send", $"spans tenants: {first.Name} is of {first.Tenant}, {domain.Name} of {domain.Tenant}");
            }
            relays.Add(new RelaySettings(reader.Name, addresses, reader.OnOff("proxy-protocol", raw.ProxyProtocol), maySend));
        }
        return relays;
    }

    private Dictionary<string, SmarthostSettings> ReadSmarthosts()
    {
        var smarthosts = new Dictionary<string, SmarthostSettings>(StringComparer.OrdinalIgnoreCase);
        foreach (var (reader, raw) in Each("smarthost", _raw.Smarthosts))
        {
            if (!ValueSyntax.IsName(reader.Name))
                reader.SectionError($"'{reader.Name}' is no name for a smarthost", KnownKeys.Sections["smarthost"].NameAllowed);
            var tls = reader.Choice("tls", raw.Tls, ("starttls", SmarthostTls.StartTls), ("implicit", SmarthostTls.Implicit), ("off", SmarthostTls.Off));
            var userName = NullIfEmpty(raw.Username);
            var password = NullIfEmpty(raw.Password);
            if (userName is null != password is null)
                reader.Error(userName is null ? "username" : "password", $"is missing where {(userName is null ? "password" : "username")} is set");
            if (tls == SmarthostTls.Off && password is not null)
                reader.Error("tls", "off would send the password in clear", "starttls, implicit");
            var hostText = reader.Required("host", raw.Host);
            var (host, port) = ("", 0);
            if (hostText.Length > 0 && !ValueSyntax.TryParseHost(hostText, tls == SmarthostTls.Implicit ? 465 : 587, out host, out port))
                reader.BadValue("host", hostText);
            smarthosts[reader.Name] = new SmarthostSettings(reader.Name, host, port, userName, password, tls);
        }
        return smarthosts;
    }

    private Dictionary<string, RouteSettings> ReadRoutes(Dictionary<string, SmarthostSettings> smarthosts)
    {
        var routes = new Dictionary<string, RouteSettings>(StringComparer.OrdinalIgnoreCase)
        {
            ["*"] = new RouteSettings("*", [null], FamilyMode.Auto, RouteTls.Opportunistic),
        };
        foreach (var (reader, raw) in Each("route", _raw.Routes))
        {
            var name = reader.Name.ToLowerInvariant();
            if (name != "*" && !ValueSyntax.IsDomain(name.AsSpan(name[0] == '.' ? 1 : 0), needsDot: false))
                reader.SectionError($"'{reader.Name}' is no destination", KnownKeys.Sections["route"].NameAllowed);
            routes[name] = new RouteSettings(
                name,
                ReadVia(reader, raw.Via, smarthosts),
                reader.Choice("family", raw.Family,
                    ("auto", FamilyMode.Auto), ("prefer-ipv6", FamilyMode.PreferIPv6), ("prefer-ipv4", FamilyMode.PreferIPv4),
                    ("ipv6-only", FamilyMode.IPv6Only), ("ipv4-only", FamilyMode.IPv4Only)),
                reader.Choice("tls", raw.Tls, ("opportunistic", RouteTls.Opportunistic), ("required", RouteTls.Required), ("off", RouteTls.Off)));
        }
        return routes;
    }

    private static List<string?> ReadVia(SectionReader reader, string? raw, Dictionary<string, SmarthostSettings> smarthosts)
    {
        const string Prefix = "smarthost:";
        var via = new List<string?>();
        foreach (var part in reader.List("via", raw))
        {
            string? way = null;
            if (part.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            {
                var name = part[Prefix.Length..].Trim();
                if (!smarthosts.TryGetValue(name, out var smarthost))
                {
                    reader.Error("via", $"there is no [smarthost:{name}]", "mx" + string.Concat(smarthosts.Keys.Select(known => $", {Prefix}{known}")));
                    continue;
                }
                way = smarthost.Name;
            }
            else if (!string.Equals(part, "mx", StringComparison.OrdinalIgnoreCase))
            {
                reader.BadValue("via", part);
                continue;
            }
            if (via.Contains(way))
                reader.Error("via", $"'{part}' is there twice", "each way once");
            else
                via.Add(way);
        }
        return via;
    }

    private List<SpfRewriteRule> ReadSpfRewrite()
    {
        var reader = Reader("spf-rewrite");
        var rules = new List<SpfRewriteRule>();
        // In the file's order, so that the second of two rules for one network is the one reported.
        foreach (var key in _document.Find("spf-rewrite")?.KeyLines.Keys.ToArray() ?? [])
        {
            if (!ValueSyntax.TryParseNetwork(key, out var network))
            {
                reader.Error(key, "the key is neither an address nor a network", "192.168.1.254, 192.168.1.0/24, 2001:db8::/32, with no bits set behind the prefix");
                continue;
            }
            var value = _raw.SpfRewrite.GetValueOrDefault(key, "");
            IPAddress? address = null;
            if (!string.Equals(value, "auto", StringComparison.OrdinalIgnoreCase))
            {
                if (!ValueSyntax.TryParseIP(value, out var parsed))
                    reader.Error(key, value.Length == 0 ? "has no value" : $"'{value}' is not allowed");
                else if (ValueSyntax.IsNotPublic(parsed))
                    reader.Error(key, $"{parsed} is not a public address");
                else if (parsed.AddressFamily != network.BaseAddress.AddressFamily)
                    reader.Error(key, $"{parsed} is of the other family");
                address = parsed;
            }
            if (rules.Exists(rule => rule.Network.Equals(network)))
                reader.Error(key, "the network is there twice", "each network once");
            rules.Add(new SpfRewriteRule(network, address));
        }
        return [.. rules.OrderByDescending(rule => rule.Network.PrefixLength)];
    }

    private PolicySettings ReadPolicy()
    {
        var raw = _raw.Policy;
        var reader = Reader("policy");
        var (networks, domains, addresses) = (new List<IPNetwork>(), new List<string>(), new List<Address>());
        foreach (var part in reader.List("allow", raw.Allow))
        {
            if (ValueSyntax.TryParseNetwork(part, out var network))
                networks.Add(network);
            else if (SectionReader.TryParseMailbox(part) is { } address)
                addresses.Add(address);
            else if (ValueSyntax.IsDomain(part))
                domains.Add(part.ToLowerInvariant());
            else
                reader.BadValue("allow", part);
        }
        return new PolicySettings(
            reader.OnOff("greylist", raw.Greylist),
            reader.DomainNames("dnsbl", raw.Dnsbl),
            networks, domains, addresses,
            reader.Choice("dmarc-reject", raw.DmarcReject, ("refuse", DmarcReject.Refuse), ("junk", DmarcReject.Junk), ("off", DmarcReject.Off)),
            reader.DomainNames("trusted-arc-sealers", raw.TrustedArcSealers))
        {
            FirstTimeDelay = reader.DurationOrOff("first-time-delay", raw.FirstTimeDelay, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)),
            DmarcReports = reader.Choice("dmarc-reports", raw.DmarcReports, ("off", ReportScope.Off), ("on", ReportScope.Foreign), ("all", ReportScope.All)),
            ReportFrom = ReadReportFrom(reader, raw.ReportFrom),
        };
    }

    // A report from elsewhere could not be signed, and without that it must not go (RFC 9990 3.5.2).
    private Address? ReadReportFrom(SectionReader reader, string? raw)
    {
        if (string.IsNullOrEmpty(raw))
            return null;
        if (SectionReader.TryParseMailbox(raw) is not { } address)
        {
            reader.BadValue("report-from", raw);
            return null;
        }
        if (!_domains.Keys.Any(domain => DnsName.IsWithin(address.Domain, domain)))
            reader.Error("report-from", $"the domain of '{address}' is not hosted here", HostedDomains());
        return address;
    }

    private DnsUpdateSettings? ReadDnsUpdate()
    {
        var raw = _raw.DnsUpdate;
        var reader = Reader("dns-update");
        (string Key, string? Value)[] keys = [("server", raw.Server), ("tsig-name", raw.TsigName), ("tsig-secret", raw.TsigSecret)];
        if (keys.All(key => string.IsNullOrEmpty(key.Value)))
            return null;
        foreach (var (key, value) in keys)
            if (string.IsNullOrEmpty(value))
                reader.Error(key, "is missing where the others of this section are set");
        var (host, port) = ("", 0);
        if (!string.IsNullOrEmpty(raw.Server) && !ValueSyntax.TryParseHost(raw.Server, 53, out host, out port))
            reader.BadValue("server", raw.Server);
        // Servers generate key names with underscores, and with a trailing dot.
        var name = raw.TsigName?.TrimEnd('.') ?? "";
        if (name.Length > 0 && !AddressSyntax.IsDomain(name))
            reader.BadValue("tsig-name", raw.TsigName!);
        var secret = new byte[raw.TsigSecret?.Length ?? 0];
        if (!Convert.TryFromBase64String(raw.TsigSecret ?? "", secret, out var length) || (length == 0 && secret.Length > 0))
            reader.Error("tsig-secret", "is not in Base64");
        return new DnsUpdateSettings(host, port, name, secret[..length]);
    }
}
