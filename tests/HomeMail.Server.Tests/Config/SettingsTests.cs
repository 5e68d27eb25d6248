using System.Net;
using HomeMail.Config;
using HomeMail.Server;
using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Config;

/// <summary>What is right is read as it is meant.</summary>
public class SettingsTests
{
    [Fact]
    public void Three_lines_are_enough_and_have_all_defaults()
    {
        var settings = Configurations.Fine("[server]\nhostname = Mail.Example.org\n[domain:example.org]\n");
        Assert.Equal("mail.example.org", settings.Server.Hostname);
        Assert.Equal("/var/lib/homemail", settings.Server.Data);
        Assert.Empty(settings.Server.PublicAddresses);
        Assert.Empty(settings.Server.Resolvers);
        Assert.Equal(25 << 20, settings.Server.MaxMessageSize);
        Assert.Equal(LogLevel.Info, settings.Server.Log);
        Assert.False(settings.Server.MapPorts);
        Assert.Null(settings.Server.Socket);
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Any, 25), Assert.Single(settings.Listen.Smtp));
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Any, 587), Assert.Single(settings.Listen.Submission));
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Any, 465), Assert.Single(settings.Listen.Submissions));
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Any, 993), Assert.Single(settings.Listen.Imaps));
        Assert.Empty(settings.Listen.Imap);
        Assert.Empty(settings.Listen.Lan);
        Assert.Equal(new TlsSettings(null, null), settings.Tls);
        Assert.Equal(new DomainSettings("example.org", "home", LocalDelivery.Shortcut, null, "hm1", null), settings.Domains["EXAMPLE.ORG"]);
        var route = settings.Routes["*"];
        Assert.Equal([null], route.Via);
        Assert.Equal(FamilyMode.Auto, route.Family);
        Assert.Equal(RouteTls.Opportunistic, route.Tls);
        Assert.True(settings.Policy.Greylist);
        Assert.Equal(DmarcReject.Refuse, settings.Policy.DmarcReject);
        Assert.Null(settings.DnsUpdate);
        Assert.Equal(100, settings.Limits.Recipients);
        Assert.Equal(100, settings.Limits.Hops);
        Assert.Equal(2048, settings.Limits.LineLength);
        Assert.Equal(TimeSpan.FromDays(5), settings.Queue.GiveUpAfter);
        Assert.Equal(TimeSpan.FromHours(4), settings.Queue.DelayNoticeAfter);
        Assert.Empty(settings.SpfRewrite);
    }

    [Fact]
    public void Comments_quotes_and_odd_layout_are_read()
    {
        var settings = Configurations.Fine(
            "\ufeff# first\r\n ; second\r\n\t[ Server ] ; third\r\n  HOSTNAME=mail.example.org ; fourth\r\ndata = \"/srv/a ; b\" ; fifth\r\n" +
            "socket = /run/a;b\r\n[smarthost:isp]\r\nhost = isp.example\r\nusername = \"\"quoted\"\"\r\npassword = a=b;c#d\"e\r\n[domain:example.org];end\r\n");
        Assert.Equal("mail.example.org", settings.Server.Hostname);
        Assert.Equal("/srv/a ; b", settings.Server.Data);
        Assert.Equal("/run/a;b", settings.Server.Socket);
        Assert.Equal("\"quoted\"", settings.Smarthosts["ISP"].UserName);
        Assert.Equal("a=b;c#d\"e", settings.Smarthosts["isp"].Password);
        Assert.Single(settings.Domains);
    }

    [Fact]
    public void Sections_without_keys_count()
    {
        var settings = Configurations.HouseWith("[domain:example.net]\n[domain:EXAMPLE.com]\n[route:.example.net]");
        Assert.Equal(["example.org", "example.net", "example.com"], settings.Domains.Values.Select(domain => domain.Name));
        Assert.Contains(".example.net", settings.Routes.Keys);
    }

    [Fact]
    public void The_house_is_read()
    {
        var credential = Protocol.Sasl.ScramCredential.Create("pencil", 4096);
        var settings = Configurations.HouseWith($"""
            password = {credential}
            quota = off
            sends-per-day = 7
            [alias:all@example.org]
            members = Alice+list@example.org, out@example.net, more@example.org, postmaster@example.org
            [alias:more@example.org]
            members = "john doe"@example.net
            [domain:example.net]
            tenant = HOME
            catch-all = ALICE
            local-delivery = SMTP
            [rule:b]
            account = Alice
            header = X-Spam: yes*
            larger-than = 1M
            mailbox = Lists/Work
            [rule:a]
            account = alice
            list-id = *
            forward = x@example.com, y@example.com
            """);
        var alice = settings.AccountsByAddress["alice@example.org"];
        Assert.Same(settings.Accounts["ALICE"], alice);
        Assert.True(alice.Password!.Verify("pencil"u8));
        Assert.Null(alice.Quota);
        Assert.Equal(7, alice.SendsPerDay);
        Assert.Equal(200, alice.NewRecipientsPerDay);
        Assert.Equal("home", alice.Tenant);
        Assert.Equal(4, settings.Aliases["all@example.org"].Members.Count);
        Assert.Equal("john doe", settings.Aliases["more@example.org"].Members[0].LocalPart);
        Assert.Equal("alice", settings.Domains["example.net"].CatchAll);
        Assert.Equal(LocalDelivery.Smtp, settings.Domains["example.net"].LocalDelivery);
        Assert.Equal(["a", "b"], settings.Rules.Select(rule => rule.Name));
        Assert.Equal(("X-Spam", "yes*", 1L << 20, "Lists/Work", "alice"), (settings.Rules[1].HeaderName, settings.Rules[1].HeaderPattern, settings.Rules[1].LargerThan, settings.Rules[1].Mailbox, settings.Rules[1].Account));
        Assert.Equal(2, settings.Rules[0].Forward.Count);
    }

    [Fact]
    public void The_network_is_read()
    {
        var settings = Configurations.HouseWith("""
            [listen]
            smtp = 127.0.0.1:2525, [::1]:0
            submission = OFF
            [device:scanner]
            address = 192.168.1.50, fd00::50
            mac = 00-1B-a9-12-34-56
            from = scanner@example.org
            recipients = any
            [relay:vps]
            address = ::ffff:10.9.0.1
            proxy-protocol = on
            may-send = Example.org
            [smarthost:isp]
            host = smtp.isp.example
            tls = implicit
            [smarthost:six]
            host = [2001:db8::1]:2525
            tls = off
            [route:Example.net]
            via = smarthost:ISP, mx
            family = prefer-ipv4
            tls = required
            [route:.example.net]
            [route:work]
            via = smarthost:six
            [domain:example.com]
            route = Work
            [policy]
            allow = 192.0.2.1, 2001:db8::/32, Example.net, bob@example.com
            dnsbl = bl.example.net
            [dns-update]
            server = 192.0.2.53
            tsig-name = home_key.
            tsig-secret = c2VjcmV0
            """);
        Assert.Equal(["127.0.0.1:2525", "[::1]:0"], settings.Listen.Smtp.Select(endpoint => endpoint.ToString()));
        Assert.Empty(settings.Listen.Submission);
        var device = Assert.Single(settings.Devices);
        Assert.Equal(2, device.Addresses.Count);
        Assert.Equal("001BA9123456", device.Mac!.ToString());
        Assert.Equal((DeviceScope.Any, 100, "home"), (device.Scope, device.PerDay, device.Tenant));
        var relay = Assert.Single(settings.Relays);
        Assert.Equal(IPAddress.Parse("10.9.0.1"), Assert.Single(relay.Addresses));
        Assert.True(relay.ProxyProtocol);
        Assert.Equal(["example.org"], relay.MaySend);
        Assert.Equal(("smtp.isp.example", 465), (settings.Smarthosts["isp"].Host, settings.Smarthosts["isp"].Port));
        Assert.Equal(("2001:db8::1", 2525), (settings.Smarthosts["six"].Host, settings.Smarthosts["six"].Port));
        Assert.Equal(["isp", null], settings.Routes["example.net"].Via);
        Assert.Equal((FamilyMode.PreferIPv4, RouteTls.Required), (settings.Routes["example.net"].Family, settings.Routes["example.net"].Tls));
        Assert.Equal("work", settings.Domains["example.com"].Route);
        Assert.Equal(2, settings.Policy.AllowNetworks.Count);
        Assert.Equal(["example.net"], settings.Policy.AllowDomains);
        Assert.Equal("bob@example.com", Assert.Single(settings.Policy.AllowAddresses).ToString());
        Assert.Equal(("192.0.2.53", 53, "home_key"), (settings.DnsUpdate!.Host, settings.DnsUpdate.Port, settings.DnsUpdate.TsigName));
        Assert.Equal("secret"u8.ToArray(), settings.DnsUpdate.TsigSecret);
    }

    [Fact]
    public void Spf_rewrite_takes_keys_with_colons_and_tries_the_longest_prefix_first()
    {
        var rules = Configurations.HouseWith("""
            [spf-rewrite]
            192.168.0.0/16 = 203.0.113.7
            2001:db8:0:1::/64 = auto
            ::ffff:192.168.1.254 = auto ; the router
            fd00::1 = 2001:db8::25
            """).SpfRewrite;
        Assert.Equal(["fd00::1/128", "2001:db8:0:1::/64", "192.168.1.254/32", "192.168.0.0/16"], rules.Select(rule => rule.Network.ToString()));
        Assert.Equal(["2001:db8::25", null, null, "203.0.113.7"], rules.Select(rule => rule.PublicAddress?.ToString()));
    }

    [Fact]
    public void Loops_elsewhere_do_not_stop_the_search()
    {
        // Each of 24 aliases names the next two: walked without memory, that would be millions of ways.
        var text = new System.Text.StringBuilder();
        for (var i = 0; i < 24; i++)
            text.Append($"[alias:l{i}@example.org]\nmembers = {(i < 23 ? $"l{i + 1}@example.org" : "alice@example.org")}, {(i < 22 ? $"l{i + 2}@example.org" : "x@example.net")}\n");
        Assert.Equal(24, Configurations.HouseWith(text.ToString()).Aliases.Count);
    }

    [Fact]
    public void Secrets_do_not_show_in_text()
    {
        var settings = Configurations.HouseWith("[smarthost:isp]\nhost = isp.example\nusername = me\npassword = hunter2");
        Assert.DoesNotContain("hunter2", settings.Smarthosts["isp"].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_text_is_read_without_an_exception()
    {
        string[] pieces =
        [
            "[", "]", "[server]", "[listen]", "[account:a]", "[alias:a@example.org]", "[spf-rewrite]", "[route:*]", "[rule:r]", "[domain:example.org]", "hostname", "smtp", "=", " ", "\n", "\n", "\n",
            ";", "\"", ",", "off", "auto", "[::]:25", "2001:db8::/32", "a@example.org", "members", "via", "smarthost:", "\u00e9", "\0", "\r", "\t", "$scram-sha-256$", "99999999999999999999", "25M", ":", "-",
        ];
        var random = new Random(5321);
        for (var round = 0; round < 3_000; round++)
        {
            var text = new System.Text.StringBuilder();
            for (var i = random.Next(60); i > 0; i--)
                text.Append(pieces[random.Next(pieces.Length)]);
            var load = Configurations.Parse(text.ToString());
            Assert.Equal(load.Settings is null, load.Errors.Count > 0);
        }
    }
}
