using Xunit;

namespace HomeMail.Server.Tests.Config;

/// <summary>What is wrong is refused, by file, line, section and key, with what is wrong and what is allowed.</summary>
public class WrongConfigurationTests
{
    /// <summary>What stands behind the house (from line 6 on), where the error is, what it says, and what it allows.</summary>
    public static TheoryData<string, string, string, string> Appended => new()
    {
        // The text
        { "nonsense", "6: [account:alice]", "'nonsense' is neither section, key nor comment", "[SECTION], key = value, ; comment" },
        { "= x", "6: [account:alice]", "'= x' is neither section", "key = value" },
        { "[listen", "6:", "'[listen' is no section header", "[NAME]" },
        { "[listen] smtp = off", "6:", "is no section header", "[NAME]" },
        { "quota = \"2G", "6: [account:alice] quota:", "a quote is opened and not closed", "\"value\"" },
        { "quota = \"2G ; big\" ; \"", "6: [account:alice] quota:", "'2G ; big' is not allowed", "a size" },
        { "quota = \"2G\" or so", "6: [account:alice] quota:", "'\"2G\" or so' is not allowed", "a size" },
        { "quota = 1\u0001G", "6: [account:alice]:", "the line has a control character", "" },
        { "[listn]", "6: [listn]:", "unknown section, [listen] is near", "server, listen, tls, domain:NAME" },
        { "[zoo]\nx = y", "6: [zoo]:", "unknown section", "account:NAME" },
        { "[listen:x]", "6: [listen:x]:", "takes no name", "[listen]" },
        { "[account]", "6: [account]:", "needs a name", "[account:NAME]" },
        { "[account: ]", "6: [account:]:", "needs a name", "letters, digits" },
        { "[device:a:b]", "6: [device:a:b]:", "a name has no colon", "letters, digits" },
        { "[listen]\nsmpt = off", "7: [listen] smpt:", "unknown key, smtp is near", "smtp, submission, submissions" },
        { "[listen]\nhttp = off", "7: [listen] http:", "unknown key", "metrics" },
        { "[server:hostname]", "6: [server:hostname]:", "takes no name", "[server]" },
        { "colour = green", "6: [account:alice] colour:", "unknown key", "addresses, password, quota" },
        { "quota:x = 2G", "6: [account:alice] quota:x:", "unknown key", "quota" },
        { "addresses = x@example.org", "6: [account:alice] addresses:", "the key is there twice, first on line 5", "each key once" },
        { "ADDRESSES = x@example.org", "6: [account:alice] addresses:", "the key is there twice, first on line 5", "each key once" },
        { "[listen]\n[listen]", "7: [listen]:", "the section is there twice, first on line 6", "each section once" },
        { "[domain:EXAMPLE.org]", "6: [domain:EXAMPLE.org]:", "the section is there twice, first on line 3", "each section once" },
        { "[Server]\nlog = info", "6: [server]:", "the section is there twice, first on line 1", "each section once" },

        // [listen]
        { "[listen]\nsmtp = 25", "7: [listen] smtp:", "'25' is not allowed", "[::]:25" },
        { "[listen]\nsmtp =", "7: [listen] smtp:", "has no value", "off" },
        { "[listen]\nsmtp = [::]", "7: [listen] smtp:", "'[::]' is not allowed", "[::]:25" },
        { "[listen]\nsmtp = localhost:25", "7: [listen] smtp:", "'localhost:25' is not allowed", "endpoints" },
        { "[listen]\nsmtp = [::]:65536", "7: [listen] smtp:", "'[::]:65536' is not allowed", "endpoints" },
        { "[listen]\nsmtp = 1:25", "7: [listen] smtp:", "'1:25' is not allowed", "endpoints" },
        { "[listen]\nsmtp = 0x7f.1:25", "7: [listen] smtp:", "is not allowed", "endpoints" },
        { "[listen]\nsmtp = 127.0.0.01:25", "7: [listen] smtp:", "is not allowed", "endpoints" },
        { "[listen]\nsmtp = off, [::]:25", "7: [listen] smtp:", "'off' is not allowed", "endpoints" },
        { "[listen]\nsmtp = 127.0.0.1:25,, 127.0.0.2:25", "7: [listen] smtp:", "empty place in the list", "endpoints" },
        { "[listen]\nlan = 192.168.1.2:25", "7: [listen] lan:", "192.168.1.2:25 is taken by smtp ([::]:25)", "an endpoint of its own" },
        { "[listen]\nsmtp = 192.168.1.2:25\nlan = 192.168.1.2:25", "8: [listen] lan:", "is taken by smtp", "an endpoint of its own" },
        { "[listen]\nsmtp = 0.0.0.0:25\nlan = 192.168.1.2:25", "8: [listen] lan:", "is taken by smtp", "an endpoint of its own" },
        { "[listen]\nimaps = [::]:465", "7: [listen] imaps:", "[::]:465 is taken by submissions", "an endpoint of its own" },
        { "[listen]\nsmtp = 0.0.0.0:25, [::]:25", "7: [listen] smtp:", "[::]:25 is taken by 0.0.0.0:25", "[::] takes the port of IPv4 too" },
        { "[listen]\nsmtp = 127.0.0.1:25, 127.0.0.1:25", "7: [listen] smtp:", "127.0.0.1:25 is there twice", "an endpoint of its own" },

        // [tls]
        { "[tls]\ncertificate = /etc/tls/chain.pem", "6: [tls] key:", "is missing where certificate is set", "together with certificate" },
        { "[tls]\nkey = /etc/tls/key.pem", "6: [tls] certificate:", "is missing where key is set", "together with key" },
        { "[tls]\nkey = key.pem\ncertificate = /a.pem", "7: [tls] key:", "'key.pem' is not allowed", "an absolute path" },

        // [domain:NAME]
        { "[domain:example]", "6: [domain:example]:", "'example' is no domain name", "a domain name with a dot" },
        { "[domain:ex_ample.org]", "6: [domain:ex_ample.org]:", "is no domain name", "a domain name" },
        { "[domain:bücher.example]", "6: [domain:bücher.example]:", "is no domain name", "xn--" },
        { "[domain:example.net]\ntenant = our house", "7: [domain:example.net] tenant:", "'our house' is not allowed", "letters, digits" },
        { "[domain:example.net]\nlocal-delivery = maybe", "7: [domain:example.net] local-delivery:", "'maybe' is not allowed", "shortcut, smtp" },
        { "[domain:example.net]\nlocal-delivery = 1", "7: [domain:example.net] local-delivery:", "'1' is not allowed", "shortcut, smtp" },
        { "[domain:example.net]\nlocal-delivery =", "7: [domain:example.net] local-delivery:", "has no value", "shortcut, smtp" },
        { "[domain:example.net]\ncatch-all = bob", "7: [domain:example.net] catch-all:", "there is no account 'bob'", "alice" },
        { "[domain:example.net]\ntenant = b\ncatch-all = alice", "8: [domain:example.net] catch-all:", "spans tenants: example.net is of b, alice of home", "of the same tenant" },
        { "[domain:example.net]\ndkim-selector = a_b", "7: [domain:example.net] dkim-selector:", "'a_b' is not allowed", "a DNS label" },
        { "[domain:example.net]\nroute = isp", "7: [domain:example.net] route:", "there is no [route:isp]", "*" },

        // [account:NAME]
        { "[account:../x]\naddresses = x@example.org", "6: [account:../x]:", "'../x' is no name for an account", "letters, digits" },
        { "[account:bob]", "6: [account:bob] addresses:", "is missing", "mail addresses" },
        { "[account:bob]\naddresses =", "7: [account:bob] addresses:", "has no value", "mail addresses" },
        { "[account:bob]\naddresses = bob", "7: [account:bob] addresses:", "'bob' is no mail address", "local-part@domain" },
        { "[account:bob]\naddresses = bob@[192.0.2.1]", "7: [account:bob] addresses:", "is no mail address", "local-part@domain" },
        { "[account:bob]\naddresses = bob@example.net", "7: [account:bob] addresses:", "the domain of 'bob@example.net' is not hosted here", "addresses in example.org" },
        { "[account:bob]\naddresses = Alice@Example.org", "7: [account:bob] addresses:", "belongs to [account:alice] already", "each address once" },
        { "[account:bob]\naddresses = bob@example.org, BOB@example.org", "7: [account:bob] addresses:", "'BOB@example.org' is there twice", "each once" },
        { "[domain:example.net]\ntenant = b\n[account:bob]\naddresses = bob@example.org, bob@example.net", "9: [account:bob] addresses:", "spans tenants: example.org is of home, example.net of b", "one tenant" },
        { "password = secret", "6: [account:alice] password:", "is not in its stored form", "homemail passwd" },
        { "password = $scram-sha-256$10000$AAAA", "6: [account:alice] password:", "is damaged", "homemail passwd" },
        { "password = $6$abc$def", "6: [account:alice] password:", "of another kind", "homemail passwd" },
        { "quota = 2 G", "6: [account:alice] quota:", "'2 G' is not allowed", "a size such as 2G" },
        { "quota = 2GB", "6: [account:alice] quota:", "'2GB' is not allowed", "a size such as 2G" },
        { "quota = -1", "6: [account:alice] quota:", "'-1' is not allowed", "a size" },
        { "quota = 99999999999999T", "6: [account:alice] quota:", "is not allowed", "a size" },
        { "quota =", "6: [account:alice] quota:", "has no value", "a size" },
        { "sends-per-day = 0", "6: [account:alice] sends-per-day:", "'0' is not allowed", "a number from 1, or off" },
        { "vacation-text = x\nvacation-days = 0", "7: [account:alice] vacation-days:", "'0' is not allowed", "1 to 90" },
        { "vacation-text = x\nvacation-from = 1.7.2026", "7: [account:alice] vacation-from:", "'1.7.2026' is not allowed", "2026-07-01" },
        { "vacation-text = x\nvacation-from = 2026-07-02\nvacation-until = 2026-07-01", "8: [account:alice] vacation-until:", "is before vacation-from", "not before" },
        { "vacation-until = 2026-07-01", "6: [account:alice] vacation-until:", "has no effect without vacation-text", "together with" },
        { "new-recipients-per-day = many", "6: [account:alice] new-recipients-per-day:", "'many' is not allowed", "or off" },

        // [alias:ADDRESS]
        { "[alias:family]\nmembers = alice@example.org", "6: [alias:family]:", "'family' is no mail address", "hosted here" },
        { "[alias:all@example.net]\nmembers = alice@example.org", "6: [alias:all@example.net]:", "is not hosted here", "addresses in example.org" },
        { "[alias:all@example.org]", "6: [alias:all@example.org] members:", "is missing", "mail addresses" },
        { "[alias:all@example.org]\nmembers = alice", "7: [alias:all@example.org] members:", "'alice' is no mail address", "local-part@domain" },
        { "[alias:alice@example.org]\nmembers = x@example.net", "6: [alias:alice@example.org]:", "belongs to [account:alice] already", "each address once" },
        { "[alias:all@example.org]\nmembers = x@y.example\n[alias:\"all\"@example.org]\nmembers = x@y.example", "8: [alias:\"all\"@example.org]:", "is an alias already", "each address once" },
        { "[alias:all@example.org]\nmembers = alise@example.org", "7: [alias:all@example.org] members:", "is no account's address and no alias", "mail addresses" },
        { "[alias:all@example.org]\nmembers = all@example.org", "7: [alias:all@example.org] members:", "loop: all@example.org -> all@example.org", "do not lead back" },
        { "[alias:a@example.org]\nmembers = b@example.org\n[alias:b@example.org]\nmembers = alice@example.org, a+x@example.org", "7: [alias:a@example.org] members:", "loop: a@example.org -> b@example.org -> a@example.org", "do not lead back" },

        { "[device:a]\naddress = 10.0.0.9\nfrom = s@example.org\n[relay:b]\naddress = 10.0.0.9", "10: [relay:b] address:", "belongs to [device:a]", "no device's" },
        { "local-users = pi:x", "6: [account:alice] local-users:", "'pi:x' is not allowed", "names of users of this machine" },
        { "local-users = pi\n[account:bob]\naddresses = bob@example.org\nlocal-users = pi", "9: [account:bob] local-users:", "'pi' is [account:alice]'s already", "each user once" },
        { "[listen]\nmetrics = 99999", "7: [listen] metrics:", "is not allowed", "9925" },
        { "[tls]\ncertificate = acme\nkey = /etc/x", "8: [tls] key:", "certificate = acme has its own", "nothing" },
        // [device:NAME]
        { "[device:scanner]\nfrom = s@example.org", "6: [device:scanner] address:", "is missing, and so is mac", "an IP address, a mac, or both" },
        { "[device:scanner]\nfrom = s@example.org\naddress = scanner.lan", "8: [device:scanner] address:", "'scanner.lan' is not allowed", "IP addresses" },
        { "[device:scanner]\nfrom = s@example.org\naddress = 203.0.113.9", "8: [device:scanner] address:", "203.0.113.9 is not an address of this house's network", "this house's network" },
        { "[device:scanner]\nfrom = s@example.org\nmac = 00:1b:a9", "8: [device:scanner] mac:", "'00:1b:a9' is not allowed", "00:1b:a9:12:34:56" },
        { "[device:scanner]\naddress = 10.0.0.9", "6: [device:scanner] from:", "is missing", "a mail address" },
        { "[device:scanner]\naddress = 10.0.0.9\nfrom = s@example.net", "8: [device:scanner] from:", "is not hosted here", "addresses in example.org" },
        { "[device:scanner]\naddress = 10.0.0.9\nfrom = s@example.org\nrecipients = any", "9: [device:scanner] recipients:", "any needs a mac or a password", "any together with mac or password" },
        { "[device:scanner]\naddress = 10.0.0.9\nfrom = s@example.org\nrecipients = alice", "9: [device:scanner] recipients:", "'alice' is no mail address", "local-part@domain" },
        { "[domain:example.net]\ntenant = b\n[device:scanner]\naddress = 10.0.0.9\nfrom = s@example.org\nrecipients = x@example.net", "11: [device:scanner] recipients:", "spans tenants", "local" },
        { "[device:a]\naddress = 10.0.0.9\nfrom = s@example.org\n[device:b]\naddress = 10.0.0.9\nfrom = s@example.org", "10: [device:b] address:", "belongs to [device:a] already", "each address once" },

        // [relay:NAME]
        { "[relay:vps]", "6: [relay:vps] address:", "is missing", "IP addresses" },
        { "[relay:vps]\naddress = 10.9.0.0/24", "7: [relay:vps] address:", "'10.9.0.0/24' is not allowed", "IP addresses" },
        { "[relay:vps]\naddress = 10.9.0.1\nproxy-protocol = yes", "8: [relay:vps] proxy-protocol:", "'yes' is not allowed", "on, off" },
        { "[relay:vps]\naddress = 10.9.0.1\nmay-send = example.net", "8: [relay:vps] may-send:", "'example.net' is not hosted here", "example.org" },
        { "[domain:example.net]\ntenant = b\n[relay:vps]\naddress = 10.9.0.1\nmay-send = example.org, example.net", "10: [relay:vps] may-send:", "spans tenants", "one tenant" },
        { "[relay:a]\naddress = 10.9.0.1\n[relay:b]\naddress = ::ffff:10.9.0.1", "9: [relay:b] address:", "belongs to [relay:a] already", "each address once" },

        // [route:NAME], [smarthost:NAME]
        { "[route:a b]", "6: [route:a b]:", "'a b' is no destination", "*, a domain name, .domain" },
        { "[route:*.example.net]", "6: [route:*.example.net]:", "is no destination", ".domain" },
        { "[route:.]", "6: [route:.]:", "is no destination", ".domain" },
        { "[route:*]\nvia = direct", "7: [route:*] via:", "'direct' is not allowed", "mx, smarthost:NAME" },
        { "[route:*]\nvia = smarthost:isp", "7: [route:*] via:", "there is no [smarthost:isp]", "mx" },
        { "[route:*]\nvia = mx, mx", "7: [route:*] via:", "'mx' is there twice", "each way once" },
        { "[route:*]\nvia =", "7: [route:*] via:", "has no value", "mx" },
        { "[route:*]\nfamily = ipv6", "7: [route:*] family:", "'ipv6' is not allowed", "prefer-ipv6" },
        { "[route:*]\ntls = on", "7: [route:*] tls:", "'on' is not allowed", "opportunistic, required, off" },
        { "[smarthost:isp]", "6: [smarthost:isp] host:", "is missing", "a host name or address" },
        { "[smarthost:isp]\nhost = smtp.isp.example:0", "7: [smarthost:isp] host:", "'smtp.isp.example:0' is not allowed", "with :port" },
        { "[smarthost:isp]\nhost = smtp.isp.example:submission", "7: [smarthost:isp] host:", "is not allowed", "with :port" },
        { "[smarthost:isp]\nhost = isp.example\nusername = me", "6: [smarthost:isp] password:", "is missing where username is set", "together with username" },
        { "[smarthost:isp]\nhost = isp.example\npassword = secret", "6: [smarthost:isp] username:", "is missing where password is set", "together with password" },
        { "[smarthost:isp]\nhost = isp.example\nusername = me\npassword = secret\ntls = off", "10: [smarthost:isp] tls:", "off would send the password in clear", "starttls, implicit" },

        // [spf-rewrite]
        { "[spf-rewrite]\nrouter = auto", "7: [spf-rewrite] router:", "neither an address nor a network", "192.168.1.0/24" },
        { "[spf-rewrite]\n192.168.1.254/24 = auto", "7: [spf-rewrite] 192.168.1.254/24:", "neither an address nor a network", "no bits set behind the prefix" },
        { "[spf-rewrite]\n192.168.1.254 = yes", "7: [spf-rewrite] 192.168.1.254:", "'yes' is not allowed", "auto, or a public address" },
        { "[spf-rewrite]\n192.168.1.254 =", "7: [spf-rewrite] 192.168.1.254:", "has no value", "auto, or a public address" },
        { "[spf-rewrite]\n192.168.1.254 = 192.168.1.2", "7: [spf-rewrite] 192.168.1.254:", "192.168.1.2 is not a public address", "a public address" },
        { "[spf-rewrite]\n192.168.1.254 = 2001:db8::1", "7: [spf-rewrite] 192.168.1.254:", "is of the other family", "of the same family" },
        { "[spf-rewrite]\nfd00::/8 = auto\nFD00::/8 = auto", "8: [spf-rewrite] FD00::/8:", "the key is there twice", "each key once" },
        { "[spf-rewrite]\nfd00::1 = auto\nfd00:0::1 = auto", "8: [spf-rewrite] fd00:0::1:", "the network is there twice", "each network once" },

        // [rule:NAME]
        { "[rule:a 1]\naccount = alice\nfrom = x\ndiscard = on", "6: [rule:a 1]:", "is no name for a rule", "letters, digits" },
        { "[rule:a]\nfrom = x\ndiscard = on", "6: [rule:a] account:", "is missing", "the name of an account" },
        { "[rule:a]\naccount = bob\nfrom = x\ndiscard = on", "7: [rule:a] account:", "there is no account 'bob'", "alice" },
        { "[rule:a]\naccount = alice\ndiscard = on", "6: [rule:a]:", "has no condition", "verified-domain" },
        { "[rule:a]\naccount = alice\nfrom = x", "6: [rule:a]:", "has no action", "one of mailbox, forward, discard" },
        { "[rule:a]\naccount = alice\nfrom = x\ndiscard = on\nmailbox = B", "6: [rule:a]:", "has more than one action", "one of mailbox, forward, discard" },
        { "[rule:a]\naccount = alice\nheader = X-Spam\ndiscard = on", "8: [rule:a] header:", "'X-Spam' is not allowed", "Name: text" },
        { "[rule:a]\naccount = alice\nlarger-than = big\ndiscard = on", "8: [rule:a] larger-than:", "'big' is not allowed", "a size" },
        { "[rule:a]\naccount = alice\nverified-domain = bank\ndiscard = on", "8: [rule:a] verified-domain:", "'bank' is not allowed", "a domain name" },
        { "[rule:a]\naccount = alice\nfrom = x\nmailbox = ../bob", "9: [rule:a] mailbox:", "'../bob' is not allowed", "a mailbox name" },
        { "[rule:a]\naccount = alice\nfrom = x\nforward = bob", "9: [rule:a] forward:", "'bob' is no mail address", "local-part@domain" },
        { "[rule:a]\naccount = alice\nfrom = x\ndiscard = off", "9: [rule:a] discard:", "'off' is not allowed", "on" },

        // [policy], [dns-update]
        { "[policy]\ngreylist = true", "7: [policy] greylist:", "'true' is not allowed", "on, off" },
        { "[policy]\ndnsbl = zen", "7: [policy] dnsbl:", "'zen' is not allowed", "domain names" },
        { "[policy]\nallow = everybody", "7: [policy] allow:", "'everybody' is not allowed", "networks such as" },
        { "[policy]\ndmarc-reject = reject", "7: [policy] dmarc-reject:", "'reject' is not allowed", "refuse, junk, off" },
        { "[policy]\ntrusted-arc-sealers = a b", "7: [policy] trusted-arc-sealers:", "'a b' is not allowed", "domain names" },
        { "[dns-update]\nserver = ns.example.org\ntsig-secret = AAAA", "6: [dns-update] tsig-name:", "is missing where the others", "domain name" },
        { "[dns-update]\nserver = ns.example.org\ntsig-name = k\ntsig-secret = ***", "9: [dns-update] tsig-secret:", "is not in Base64", "Base64" },
        { "[dns-update]\nserver = a b\ntsig-name = k\ntsig-secret = AAAA", "7: [dns-update] server:", "'a b' is not allowed", "a host name or address" },

        // [limits], [queue]
        { "[limits]\nrecipients = 99", "7: [limits] recipients:", "'99' is not allowed", "a number from 100 to 10000" },
        { "[limits]\nconnections = 10\nconnections-per-address = 11", "8: [limits] connections-per-address:", "11 is above connections (10)", "not above connections" },
        { "[limits]\nidle-timeout = 300", "7: [limits] idle-timeout:", "'300' is not allowed", "a time such as 5m" },
        { "[limits]\nidle-timeout = 2d", "7: [limits] idle-timeout:", "'2d' is not allowed", "from 10s to 1h" },
        { "[limits]\nline-length = 512", "7: [limits] line-length:", "'512' is not allowed", "from 1k to 64k" },
        { "[limits]\ndata-rate = 0", "7: [limits] data-rate:", "'0' is not allowed", "or off" },
        { "[queue]\nretry-first = 1h\nretry-max = 5m", "8: [queue] retry-max:", "is below retry-first", "not below retry-first" },
        { "[queue]\ngive-up-after = 5 d", "7: [queue] give-up-after:", "'5 d' is not allowed", "a time such as 5d" },
        { "[queue]\ngive-up-after = off", "7: [queue] give-up-after:", "'off' is not allowed", "from 1m to 30d" },
        { "[queue]\nparallel = 1\nparallel-per-destination = 2", "8: [queue] parallel-per-destination:", "2 is above parallel (1)", "not above parallel" },
        { "[queue]\nhistory-days = -1", "7: [queue] history-days:", "'-1' is not allowed", "from 0 to 3650" },
    };

    [Theory]
    [MemberData(nameof(Appended))]
    public void Is_refused(string appended, string place, string what, string allowed) => Refused(Configurations.House + appended, place, what, allowed);

    /// <summary>A whole file, and the error as above.</summary>
    public static TheoryData<string, string, string, string> Whole => new()
    {
        { "", "1: [server] hostname:", "is missing", "mail.example.org" },
        { "; nothing\n[server]", "2: [server] hostname:", "is missing", "the full name of this host" },
        { "[server]\nhostname =", "2: [server] hostname:", "has no value", "the full name" },
        { "[server]\nhostname = mail", "2: [server] hostname:", "'mail' is not allowed", "the full name" },
        { "[server]\nhostname = 192.0.2.1", "2: [server] hostname:", "'192.0.2.1' is not allowed", "the full name" },
        { "[server]\nhostname = -mail.example.org", "2: [server] hostname:", "is not allowed", "the full name" },
        { "x = y\nz\n[server]\nhostname = mail.example.org", "1:", "stands before the first section", "[server] first" },
        { "[server]\nhostname = a.example.org\ndata = mail", "3: [server] data:", "'mail' is not allowed", "an absolute path" },
        { "[server]\nhostname = a.example.org\npublic-ip = 192.168.1.2", "3: [server] public-ip:", "192.168.1.2 is not a public address", "auto" },
        { "[server]\nhostname = a.example.org\npublic-ip = 203.0.113.1, 203.0.113.2", "3: [server] public-ip:", "two addresses of one family", "one public address a family" },
        { "[server]\nhostname = a.example.org\npublic-ip = auto, 203.0.113.1", "3: [server] public-ip:", "'auto' is not allowed", "auto, or one" },
        { "[server]\nhostname = a.example.org\nmap-ports = on\n[listen]\nsmtp = 192.168.1.2:25\nlan = 192.168.1.3:25", "6: [listen] lan:", "port 25 is forwarded from outside", "a port that no other listener has" },
        { "[server]\nhostname = a.example.org\nresolver = dns.example:53", "3: [server] resolver:", "'dns.example:53' is not allowed", "127.0.0.1:53" },
        { "[server]\nhostname = a.example.org\nmax-message-size = 1k", "3: [server] max-message-size:", "'1k' is not allowed", "from 64k to 1G" },
        { "[server]\nhostname = a.example.org\nuser = Home Mail", "3: [server] user:", "'Home Mail' is not allowed", "the name of a user" },
        { "[server]\nhostname = a.example.org\nlog = verbose", "3: [server] log:", "'verbose' is not allowed", "error, info, debug" },
        { "[server]\nhostname = a.example.org\nlog = 1", "3: [server] log:", "'1' is not allowed", "error, info, debug" },
        { "[server]\nhostname = a.example.org\nmemory = 1M", "3: [server] memory:", "'1M' is not allowed", "from 16M to 4G" },
        { "[server]\nhostname = a.example.org\nmap-ports = 1", "3: [server] map-ports:", "'1' is not allowed", "on, off" },
        { "[server]\nhostname = a.example.org\nsocket = control", "3: [server] socket:", "'control' is not allowed", "an absolute path" },
        { "[server]\nhostname = a.example.org\nsocket = /" + new string('x', 107), "3: [server] socket:", "is too long", "at most 107 octets" },
    };

    [Theory]
    [MemberData(nameof(Whole))]
    public void File_is_refused(string text, string place, string what, string allowed) => Refused(text, place, what, allowed);

    // Exactly one error: what follows from another would send the reader to the wrong line.
    private static void Refused(string text, string place, string what, string allowed)
    {
        var load = Configurations.Parse(text);
        Assert.Null(load.Settings);
        var error = Assert.Single(load.Errors).ToString();
        Assert.StartsWith("t.ini:" + place, error, StringComparison.Ordinal);
        Assert.Contains(what, error, StringComparison.Ordinal);
        if (allowed.Length > 0)
            Assert.Contains(allowed, error[error.IndexOf("; allowed: ", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public void All_errors_are_told_at_once_in_the_order_of_lines()
    {
        var load = Configurations.Parse("""
            [server]
            hostname = mail
            log = loud
            nonsense
            [listn]
            [account:alice]
            addresses = alice@example.org
            password = hunter2
            [queue]
            parallel = none
            """);
        Assert.Equal([2, 3, 4, 5, 7, 8, 10], load.Errors.Select(error => error.Line));
    }

    [Fact]
    public void A_password_in_the_wrong_place_is_not_repeated()
    {
        var load = Configurations.Parse(Configurations.House + "password = hunter2");
        Assert.DoesNotContain("hunter2", load.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_refused_by_line()
    {
        var load = HomeMail.Config.SettingsFile.Parse("t.ini", "[server]\nhostname = m\xe9l.example.org\n"u8.ToArray().Select(octet => octet == 0xc3 ? (byte)0xff : octet).ToArray());
        Assert.Equal("t.ini:2: the line is not UTF-8; allowed: UTF-8 text", Assert.Single(load.Errors).ToString());
    }
}
