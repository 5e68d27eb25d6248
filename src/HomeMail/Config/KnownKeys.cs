using System.Collections.Frozen;

namespace HomeMail.Config;

/// <summary>One key of a section.</summary>
/// <param name="Name">Its name, in lower case.</param>
/// <param name="Allowed">What its value may be, in words for an error line.</param>
/// <param name="Default">What holds where it is not set; empty for nothing.</param>
internal sealed record KeyInfo(string Name, string Allowed, string Default = "");

/// <summary>One kind of section.</summary>
/// <param name="Kind">What its name begins with: <c>server</c>, <c>account</c>.</param>
/// <param name="NameAllowed">What may follow the colon, or null if the section has no name of its own.</param>
/// <param name="Keys">The keys it may have.</param>
/// <param name="KeysAllowed">For a section whose keys are values themselves: what they may be.</param>
internal sealed record SectionInfo(string Kind, string? NameAllowed, KeyInfo[] Keys, string? KeysAllowed = null)
{
    /// <summary>How it is written.</summary>
    public string Form => NameAllowed is null ? Kind : Kind + ":NAME";

    public KeyInfo? Find(string key) =>
        Array.Find(Keys, info => string.Equals(info.Name, key, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Every section and key there is, with the default that suits a house. <c>homemail.ini</c> shows the same with explanations; a test holds the two together.</summary>
internal static class KnownKeys
{
    private const string OnOff = "on, off";
    private const string Endpoints = "off, or endpoints such as [::]:25, 192.168.1.2:2525";
    private const string File = "an absolute path";
    private const string Name = "letters, digits, '.', '_', '-', at most 64, beginning with a letter or digit";
    private const string Domain = "a domain name with a dot, ASCII (xn-- for others)";
    private const string AddressList = "mail addresses, comma separated";
    private const string IpList = "IP addresses, comma separated";
    private const string Pattern = "text to compare, * for anything";
    private const string CountOrOff = "a number from 1, or off";
    private const string ScramPassword = "the line that `homemail passwd` prints ($scram-sha-256$...)";

    private const int LongestWord = 64;

    private static readonly SectionInfo[] All =
    [
        new("server", null,
        [
            new("hostname", "the full name of this host, such as mail.example.org"),
            new("data", File, "/var/lib/homemail"),
            new("public-ip", "auto, or one public address a family, such as 203.0.113.7, 2001:db8::25", "auto"),
            new("resolver", "address:port such as 127.0.0.1:53 or [::1]:53, comma separated, or nothing for /etc/resolv.conf"),
            new("resolver-trusted", "auto, on, off", "auto"),
            new("max-message-size", "a size such as 25M, from 64k to 1G", "25M"),
            new("user", "the name of a user of this system", "homemail"),
            new("log", "error, info, debug", "info"),
            new("memory", "a size such as 32M, from 16M to 4G", "32M"),
            new("map-ports", OnOff, "off"),
            new("socket", File + " of at most 107 octets, or nothing"),
            new("drop", File + ", or nothing for <data>/drop"),
            new("log-to", "stdout, syslog", "stdout"),
        ]),
        new("listen", null,
        [
            new("smtp", Endpoints, "[::]:25"),
            new("submission", Endpoints, "[::]:587"),
            new("submissions", Endpoints, "[::]:465"),
            new("imap", Endpoints, "off"),
            new("imaps", Endpoints, "[::]:993"),
            new("lan", Endpoints + "; none that another listener has", "off"),
            new("metrics", Endpoints + ", or a port such as 9925 for 127.0.0.1:9925", "off"),
            new("autoconfig", Endpoints, "off"),
        ]),
        new("tls", null,
        [
            new("certificate", File + ", together with key, or acme for what OpenWrt's package acme keeps, or nothing for a self-signed one"),
            new("key", File + ", together with certificate, or nothing for a self-signed one"),
        ]),
        new("domain", Domain,
        [
            new("tenant", Name, "home"),
            new("local-delivery", "shortcut, smtp", "shortcut"),
            new("catch-all", "the name of an account of the same tenant"),
            new("dkim-selector", "a DNS label or several with dots", "hm1"),
            new("route", "the name of a [route:NAME]"),
        ]),
        new("account", Name,
        [
            new("addresses", AddressList + ", in domains of one tenant hosted here"),
            new("password", ScramPassword),
            new("quota", "a size such as 2G, from 1M, or off", "2G"),
            new("local-users", "names of users of this machine, comma separated"),
            new("sends-per-day", CountOrOff, "1000"),
            new("new-recipients-per-day", CountOrOff, "200"),
            new("vacation-text", "a text of at most 4000 characters, \\n for a new line, or nothing for no answers"),
            new("vacation-subject", "a text of at most 200 characters, together with vacation-text"),
            new("vacation-from", "a day such as 2026-07-01, together with vacation-text"),
            new("vacation-until", "a day such as 2026-07-21, not before vacation-from, together with vacation-text"),
            new("vacation-days", "a number from 1 to 90", "7"),
        ]),
        new("alias", "a mail address in a domain hosted here",
        [
            new("members", AddressList),
        ]),
        new("device", Name,
        [
            new("address", IpList + ", of this house's network"),
            new("mac", "a hardware address such as 00:1b:a9:12:34:56"),
            new("password", ScramPassword),
            new("from", "a mail address in a domain hosted here"),
            new("recipients", "local, any (needs mac or password), or " + AddressList, "local"),
            new("per-day", CountOrOff, "100"),
        ]),
        new("relay", Name,
        [
            new("address", IpList),
            new("proxy-protocol", OnOff, "off"),
            new("may-send", "domains of one tenant hosted here, comma separated"),
        ]),
        new("route", "*, a domain name, .domain for all below it, or a name that a [domain:...] route uses",
        [
            new("via", "mx, smarthost:NAME, in order, comma separated", "mx"),
            new("family", "auto, prefer-ipv6, prefer-ipv4, ipv6-only, ipv4-only", "auto"),
            new("tls", "opportunistic, required, off", "opportunistic"),
        ]),
        new("smarthost", Name,
        [
            new("host", "a host name or address, with :port if it is not 587 (465 for implicit TLS)"),
            new("username", "the name to log in with, together with password"),
            new("password", "the password to log in with, together with username"),
            new("tls", "starttls, implicit, off (without a password only)", "starttls"),
        ]),
        new("spf-rewrite", null, [], "auto, or a public address of the same family"),
        new("rule", Name,
        [
            new("account", "the name of an account"),
            new("from", Pattern),
            new("to", Pattern),
            new("subject", Pattern),
            new("header", "Name: " + Pattern),
            new("list-id", Pattern),
            new("larger-than", "a size such as 5M"),
            new("verified-domain", Domain),
            new("mailbox", "a mailbox name, / between levels"),
            new("forward", AddressList),
            new("discard", "on", ""),
        ]),
        new("policy", null,
        [
            new("greylist", OnOff, "on"),
            new("dnsbl", "domain names, comma separated"),
            new("allow", "IP addresses, networks such as 192.0.2.0/24, domains, mail addresses, comma separated"),
            new("dmarc-reject", "refuse, junk, off", "refuse"),
            new("trusted-arc-sealers", "domain names, comma separated"),
            new("first-time-delay", "a time such as 5s, from 1s to 1m, or off", "5s"),
            new("dmarc-reports", "off, on, all (on, and about the domains hosted here too)", "off"),
            new("report-from", "a mail address in a domain hosted here or at hostname, or nothing for postmaster"),
        ]),
        new("dns-update", null,
        [
            new("server", "a host name or address, with :port if it is not 53; server, tsig-name and tsig-secret together"),
            new("tsig-name", "the key's domain name"),
            new("tsig-secret", "the key in Base64"),
        ]),
        new("limits", null,
        [
            new("connections", "a number from 4 to 100000", "1000"),
            new("connections-per-address", "a number from 1 to 100000, not above connections", "20"),
            new("recipients", "a number from 100 to 10000", "100"),
            new("messages-per-session", "a number from 1 to 100000", "100"),
            new("commands", "a number from 50 to 1000000", "12000"),
            new("junk-commands", "a number from 1 to 1000", "10"),
            new("auth-failures", "a number from 1 to 1000", "10"),
            new("auth-block", "a time such as 15m, from 1m to 7d, or off", "15m"),
            new("line-length", "a size from 1k to 64k", "2k"),
            new("hops", "a number from 20 to 1000", "100"),
            new("idle-timeout", "a time such as 5m, from 10s to 1h", "5m"),
            new("session-timeout", "a time such as 1h, from 1m to 1d", "1h"),
            new("data-rate", "octets a second from 1 to 1M, or off", "128"),
            new("hold-at-most", "a time such as 30d, from 1h to 365d, or off", "30d"),
            new("address-messages-per-day", CountOrOff, "1000"),
            new("address-size-per-day", "a size from 1M to 1T, or off", "1G"),
            new("network-messages-per-day", CountOrOff, "3000"),
            new("network-size-per-day", "a size from 1M to 1T, or off", "3G"),
            new("imap-keep-alive", "a time such as 15m, from 1m to 28m, or off", "15m"),
        ]),
        new("queue", null,
        [
            new("retry-first", "a time such as 5m, from 1s to 1d", "5m"),
            new("retry-max", "a time such as 4h, from 1s to 1d, not below retry-first", "4h"),
            new("give-up-after", "a time such as 5d, from 1m to 30d", "5d"),
            new("delay-notice-after", "a time such as 4h, from 1m to 30d, or off", "4h"),
            new("parallel", "a number from 1 to 1000", "20"),
            new("parallel-per-destination", "a number from 1 to 1000, not above parallel", "2"),
            new("history-days", "a number from 0 to 3650", "30"),
            new("history-size", "a size from 64k to 1G", "8M"),
            new("free-space-floor", "a size from 1M to 1T, or off", "64M"),
        ]),
    ];

    /// <summary>The kinds of sections by name.</summary>
    public static FrozenDictionary<string, SectionInfo> Sections { get; } =
        All.ToFrozenDictionary(section => section.Kind, StringComparer.OrdinalIgnoreCase);

    /// <summary>The forms of all sections, for an error line.</summary>
    public static string SectionForms { get; } = string.Join(", ", All.Select(section => section.Form));

    /// <summary>The name among <paramref name="names"/> that a misspelt one is nearest to, if it is near.</summary>
    public static string? Nearest(string misspelt, IEnumerable<string> names)
    {
        if (misspelt.Length > LongestWord)
            return null;
        var (best, distance) = ((string?)null, Math.Max(1, misspelt.Length / 3) + 1);
        foreach (var name in names)
        {
            var d = EditDistance(misspelt.ToLowerInvariant(), name);
            if (d < distance)
                (best, distance) = (name, d);
        }
        return best;
    }

    // Two letters that have changed places count as one slip.
    private static int EditDistance(string a, string b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    table[i, j] = i + j;
                    continue;
                }
                var best = Math.Min(Math.Min(table[i - 1, j], table[i, j - 1]) + 1, table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    best = Math.Min(best, table[i - 2, j - 2] + 1);
                table[i, j] = best;
            }
        }
        return table[a.Length, b.Length];
    }
}
