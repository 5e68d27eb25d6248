using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>Situations between here and a destination: what is dialled, and what comes of it.</summary>
public class RemoteDeliveryTests
{
    private const string Ok = "Delivered mx1.example.net: 250 2.0.0 ok";
    private const string Ok2 = "Delivered mx2.example.net: 250 2.0.0 ok";

    private const string RefuseMail = """
        S: 220 mx
        C: EHLO home.example
        S: 250 mx
        C: MAIL FROM:<alice@home.example>
        S: 550 5.1.8 who are you?
        """;

    private static string RefuseRcpt(string reply) => $"""
        S: 220 mx
        C: EHLO home.example
        S: 250 mx
        C: MAIL FROM:<alice@home.example>
        S: 250 ok
        C: RCPT TO:<bob@example.net>
        S: {reply}
        """;

    public static TheoryData<string, string, string, string, Reach> Situations { get; } = new()
    {
        // name, addresses with behaviours (MX 1 has .1 and ::1, MX 2 has .2), what is dialled, outcome, reach
        { "first host takes it", "192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "IPv6 takes it", "2001:db8::1=ok", "2001:db8::1", Ok, Reach.Reached },
        { "IPv6 is dropped on the way", "2001:db8::1=drop 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "first host down", "192.0.2.2=ok", "2001:db8::1 192.0.2.1 192.0.2.2", Ok2, Reach.Reached },
        { "first host silent", "2001:db8::1=drop 192.0.2.1=drop 192.0.2.2=ok", "2001:db8::1 192.0.2.1 192.0.2.2", Ok2, Reach.Reached },
        { "all down", "", "2001:db8::1 192.0.2.1 192.0.2.2", "Deferred mx1.example.net: 4.4.1 connection refused (2001:db8::1)", Reach.Unreachable },
        { "all silent", "2001:db8::1=drop 192.0.2.1=drop 192.0.2.2=drop", "2001:db8::1 192.0.2.1 192.0.2.2", "Deferred mx1.example.net: 4.4.1 connection timed out (2001:db8::1)", Reach.Unreachable },
        { "greeting 421, then the other address", "2001:db8::1=S:_421_busy,close 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "greeting 554 over IPv6, IPv4 takes it", "2001:db8::1=S:_554_5.7.1_no_PTR 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "greeting 554 everywhere is final", "2001:db8::1=S:_554_no 192.0.2.1=S:_554_no 192.0.2.2=S:_554_no", "2001:db8::1 192.0.2.1 192.0.2.2", "Failed mx1.example.net: 554 5.0.0 no", Reach.Unreachable },
        { "greeting 554 here, silence there: not final", "2001:db8::1=S:_554_no 192.0.2.1=S:_554_no", "2001:db8::1 192.0.2.1 192.0.2.2", "Deferred mx2.example.net: 4.4.1 connection refused (192.0.2.2)", Reach.Unreachable },
        { "no SMTP there", "2001:db8::1=S:_SSH-2.0,wait 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "EHLO refused over IPv6", "2001:db8::1=ehlo550 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "MAIL refused over IPv6, IPv4 takes it", "2001:db8::1=mail550 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "MAIL refused over both", "2001:db8::1=mail550 192.0.2.1=mail550", "2001:db8::1 192.0.2.1", "Failed mx1.example.net: 550 5.1.8 who are you?", Reach.Reached },
        { "MAIL refused over IPv6, IPv4 silent", "2001:db8::1=mail550", "2001:db8::1 192.0.2.1", "Failed mx1.example.net: 550 5.1.8 who are you?", Reach.Reached },
        { "MAIL refused over IPv4 is final", "192.0.2.1=mail550 192.0.2.2=ok", "2001:db8::1 192.0.2.1", "Failed mx1.example.net: 550 5.1.8 who are you?", Reach.Reached },
        { "5.7.25 over IPv6, IPv4 takes it", "2001:db8::1=rcpt5725 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "5.7.1 for want of a PTR record over IPv6", "2001:db8::1=rcptptr 192.0.2.1=ok", "2001:db8::1 192.0.2.1", Ok, Reach.Reached },
        { "5.7.25 over both", "2001:db8::1=rcpt5725 192.0.2.1=rcpt5725", "2001:db8::1 192.0.2.1", "Failed mx1.example.net: 550 5.7.25 no reverse DNS", Reach.Reached },
        { "5.7.25 over IPv6, then greylisted", "2001:db8::1=rcpt5725 192.0.2.1=rcpt450", "2001:db8::1 192.0.2.1", "Deferred mx1.example.net: 450 4.7.1 greylisted", Reach.Reached },
        { "a refusal of the content is final", "2001:db8::1=rcptspam 192.0.2.1=ok", "2001:db8::1", "Failed mx1.example.net: 550 5.7.1 looks like spam", Reach.Reached },
        { "an unknown user is final", "2001:db8::1=rcpt550 192.0.2.1=ok", "2001:db8::1", "Failed mx1.example.net: 550 5.1.1 no such user", Reach.Reached },
        { "greylisted is not asked elsewhere", "2001:db8::1=rcpt450 192.0.2.2=ok", "2001:db8::1", "Deferred mx1.example.net: 450 4.7.1 greylisted", Reach.Reached },
        { "MAIL put off, so the next host", "2001:db8::1=mail452 192.0.2.2=ok", "2001:db8::1 192.0.2.2", Ok2, Reach.Reached },
        { "MAIL put off by all", "2001:db8::1=mail452 192.0.2.2=mail452", "2001:db8::1 192.0.2.2", "Deferred mx1.example.net: 452 4.3.1 disk full", Reach.Reached },
        { "421 at RCPT, so the next host", "2001:db8::1=rcpt421 192.0.2.2=ok", "2001:db8::1 192.0.2.2", Ok2, Reach.Reached },
        { "closed after the dot: nobody else gets it now", "2001:db8::1=doubt 192.0.2.1=ok 192.0.2.2=ok", "2001:db8::1", "Deferred mx1.example.net: 4.4.2 the connection was closed while waiting for the answer to the message", Reach.Reached },
        { "TLS broken, in clear over the same address", "2001:db8::1=tlsbroken|ok2", "2001:db8::1 2001:db8::1", Ok, Reach.Reached },
        { "TLS broken and then down", "2001:db8::1=tlsbroken|refuse 192.0.2.1=ok", "2001:db8::1 2001:db8::1 192.0.2.1", Ok, Reach.Reached },
    };

    [Theory]
    [MemberData(nameof(Situations))]
    public async Task Delivers(string name, string hosts, string dials, string expected, Reach reach)
    {
        Assert.NotEmpty(name);
        await using var bench = new RemoteBench();
        Example(bench);
        foreach (var host in hosts.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var (address, behaviours) = (host[..host.IndexOf('=', StringComparison.Ordinal)], host[(host.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            bench.Host(address, [.. behaviours.Split('|').Select(Behaviour)]);
        }
        var (outcome, reached) = await bench.SendAsync();
        Assert.Equal(expected, outcome);
        Assert.Equal(dials, string.Join(' ', bench.Dials));
        Assert.Equal(reach, reached);
        Assert.Equal(0, bench.PlacesTaken);
        await bench.Delivery.DisposeAsync();
        await bench.ServersEnd();
    }

    [Theory]
    [InlineData(FamilyMode.Auto, "2001:db8::1 192.0.2.1 192.0.2.2")]
    [InlineData(FamilyMode.PreferIPv6, "2001:db8::1 192.0.2.1 192.0.2.2")]
    [InlineData(FamilyMode.PreferIPv4, "192.0.2.1 2001:db8::1 192.0.2.2")]
    [InlineData(FamilyMode.IPv4Only, "192.0.2.1 192.0.2.2")]
    [InlineData(FamilyMode.IPv6Only, "2001:db8::1")]
    public async Task KeepsToTheFamilyOfTheRoute(FamilyMode family, string dials)
    {
        await using var bench = new RemoteBench();
        Example(bench);
        await bench.SendAsync(new Route("*", [null], family));
        Assert.Equal(dials, string.Join(' ', bench.Dials));
    }

    [Theory]
    [InlineData(RouteTls.Required, true, "good", Ok)]
    [InlineData(RouteTls.Required, true, "other", "Deferred mx1.example.net: 4.7.5 the certificate is for another name")]
    [InlineData(RouteTls.Required, false, "", "Deferred mx1.example.net: 4.7.10 the host does not offer encryption, and it is asked for")]
    [InlineData(RouteTls.Off, true, "", Ok)]
    [InlineData(RouteTls.Opportunistic, true, "other", Ok)]
    public async Task KeepsToTheTlsOfTheRoute(RouteTls tls, bool offered, string certificate, string expected)
    {
        await using var bench = new RemoteBench();
        Example(bench);
        bench.Certificate = certificate.Length == 0 ? null : TestCertificates.For(certificate == "good" ? "mx1.example.net" : "x.example");
        var hello = "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 " + (offered ? "STARTTLS\n" : "SIZE\n");
        var rest = RemoteBench.Accept[RemoteBench.Accept.IndexOf("C: MAIL", StringComparison.Ordinal)..];
        bench.Host("2001:db8::1", !offered ? hello : tls == RouteTls.Off ? hello + rest
            : hello + "C: STARTTLS\nS: 220 go\n" + (expected == Ok ? "tls\nC: EHLO home.example\nS: 250 mx\n" + rest : "tls!"));
        var (outcome, reach) = await bench.SendAsync(new Route("*", [null], Tls: tls));
        Assert.Equal(expected, outcome);
        Assert.Equal(expected == Ok ? Reach.Reached : Reach.Unreachable, reach);
        // TLS that is required never falls back to clear, on any host.
        if (tls == RouteTls.Required)
            Assert.DoesNotContain(bench.Servers, s => s.Messages.Count > 0 && expected != Ok);
        await bench.Delivery.DisposeAsync();
        await bench.ServersEnd();
    }

    public static TheoryData<string, string, string, Reach> WithoutAConnection { get; } = new()
    {
        { "bob@missing.example", "", "Failed 5.1.2 the domain missing.example does not exist", Reach.Untried },
        { "bob@null.example", "", "Failed 5.1.10 the domain null.example takes no mail (null MX)", Reach.Untried },
        { "bob@servfail.example", "", "Deferred 4.4.3 looking up servfail.example failed: SERVFAIL", Reach.Unreachable },
        { "bob@intolan.example", "", "Failed 5.4.4 the hosts of intolan.example have only addresses that are not on the internet", Reach.Unreachable },
        { "bob@tous.example", "", "Failed 5.4.6 mail for tous.example would come back to this server, which does not host it", Reach.Unreachable },
        { "bob@servfail.example", "isp", "Delivered smtp.isp.example: 250 2.0.0 ok", Reach.Reached },
        { "bob@intolan.example", "isp", "Delivered smtp.isp.example: 250 2.0.0 ok", Reach.Reached },
        { "bob@missing.example", "isp", "Failed 5.1.2 the domain missing.example does not exist", Reach.Untried },
        { "bob@null.example", "isp", "Failed 5.1.10 the domain null.example takes no mail (null MX)", Reach.Untried },
    };

    [Theory]
    [MemberData(nameof(WithoutAConnection))]
    public async Task WhatDnsSaysIsTakenAsItIsMeant(string recipient, string second, string expected, Reach reach)
    {
        await using var bench = new RemoteBench(own: new FixedOwnAddresses(["2001:db8:1::2"], []));
        bench.Zone.Addresses("home.example", "203.0.113.1").Mx("null.example", 0, ".").Fail("servfail.example", "SERVFAIL")
            .Addresses("intolan.example", "192.168.1.1").Addresses("tous.example", "2001:db8:1::2").Addresses("smtp.isp.example", "192.0.2.87");
        bench.Host("192.0.2.87", RemoteBench.Accept.Replace("bob@example.net", recipient, StringComparison.Ordinal));
        var route = second.Length == 0 ? new Route("*", [null]) : new Route("*", [null, new Smarthost("isp", "smtp.isp.example", 25, null, SmarthostTls.Off)]);
        var (outcome, reached) = await bench.SendAsync(route, recipient);
        Assert.Equal(expected, outcome);
        Assert.Equal(reach, reached);
    }

    [Fact]
    public async Task ASmarthostIsTheWayOutWhereNoMxCanBeReached()
    {
        await using var bench = new RemoteBench();
        Example(bench);
        bench.Zone.Addresses("smtp.isp.example", "192.0.2.87");
        bench.Certificate = TestCertificates.For("smtp.isp.example");
        bench.Host("192.0.2.87", "tls\nS: 220 smtp\nC: EHLO home.example\nS: 250-smtp\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AG1lAHNlY3JldA==\nS: 235 ok\n"
            + RemoteBench.Accept[RemoteBench.Accept.IndexOf("C: MAIL", StringComparison.Ordinal)..]);
        var isp = new Smarthost("isp", "smtp.isp.example", 465, new LogIn("me", "secret"), SmarthostTls.Implicit);
        var (outcome, _) = await bench.SendAsync(new Route("*", [null, isp]));
        Assert.Equal("Delivered smtp.isp.example: 250 2.0.0 ok", outcome);
        Assert.Equal("2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.87:465", string.Join(' ', bench.Dials));
        Assert.DoesNotContain("secret", bench.LogText.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("AG1lAHNlY3JldA", bench.LogText.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("S: 235 ok", "Auth")]
    [InlineData("S: 535 5.7.8 no", "smtp.isp.example: 535 4.7.8 no")]
    public async Task ASmarthostCanBeTried(string answer, string expected)
    {
        await using var bench = new RemoteBench();
        bench.Zone.Addresses("smtp.isp.example", "192.0.2.87");
        bench.Certificate = TestCertificates.For("smtp.isp.example");
        bench.Host("192.0.2.87", "tls\nS: 220 smtp\nC: EHLO home.example\nS: 250-smtp\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AG1lAHNlY3JldA==\n" + answer);
        var isp = new Smarthost("isp", "smtp.isp.example", 465, new LogIn("me", "secret"), SmarthostTls.Implicit);
        var (offer, fault, _) = await bench.Delivery.ProbeAsync(isp, FamilyMode.Auto, CancellationToken.None);
        Assert.Equal(expected, fault?.Diagnostic.ToString() ?? offer!.Keywords.ToString());
        await bench.ServersEnd();
        Assert.True(bench.Servers.Single().SaidQuit);
    }

    [Fact]
    public async Task ASmarthostThatIsNotThereIsTriedInVain()
    {
        await using var bench = new RemoteBench();
        bench.Zone.Addresses("smtp.isp.example", "192.0.2.87");
        var (_, fault, _) = await bench.Delivery.ProbeAsync(new Smarthost("isp", "smtp.isp.example", 465), FamilyMode.Auto, CancellationToken.None);
        Assert.Equal("smtp.isp.example: 4.4.1 connection refused (192.0.2.87)", fault!.Diagnostic.ToString());
        (_, fault, _) = await bench.Delivery.ProbeAsync(new Smarthost("isp", "missing.example", 465), FamilyMode.Auto, CancellationToken.None);
        Assert.StartsWith("4.4.3", fault!.Diagnostic.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASmarthostThatRequiresEncryptionIsNeverUsedInClear()
    {
        await using var bench = new RemoteBench();
        bench.Zone.Addresses("smtp.isp.example", "192.0.2.87");
        bench.Host("192.0.2.87", "S: 220 smtp\nC: EHLO home.example\nS: 250-smtp\nS: 250 AUTH PLAIN");
        var isp = new Smarthost("isp", "smtp.isp.example", 587, new LogIn("me", "secret"));
        var (outcome, reach) = await bench.SendAsync(new Route("*", [isp]), "bob@example.net", "eve@example.org");
        Assert.StartsWith("Deferred smtp.isp.example: 4.7.10", outcome, StringComparison.Ordinal);
        Assert.Equal(Reach.Unreachable, reach);
    }

    [Fact]
    public async Task ASessionIsKeptForTheNextMessageToTheSameDestination()
    {
        await using var bench = new RemoteBench();
        Example(bench);
        var twice = RemoteBench.Accept + "\n" + RemoteBench.Accept[RemoteBench.Accept.IndexOf("C: MAIL", StringComparison.Ordinal)..];
        bench.Host("2001:db8::1", twice);
        Assert.Equal(Ok, (await bench.SendAsync()).Outcome);
        Assert.Equal(1, bench.Delivery.IdleCount);
        Assert.Equal(Ok, (await bench.SendAsync()).Outcome);
        Assert.Single(bench.Dials);
        bench.Clock.Advance(bench.Options.KeepIdle + TimeSpan.FromSeconds(1));
        Assert.Equal(0, bench.Delivery.IdleCount);
        await bench.ServersEnd();
        Assert.True(bench.Servers.Single().SaidQuit);
    }

    [Fact]
    public async Task ASessionOfAnotherRouteIsNotUsed()
    {
        await using var bench = new RemoteBench();
        Example(bench);
        bench.Host("2001:db8::1", RemoteBench.Accept, RemoteBench.Accept);
        var route = new Route("*", [null], FamilyMode.IPv6Only);
        Assert.Equal(Ok, (await bench.SendAsync(route)).Outcome);
        Assert.Equal(1, bench.Delivery.IdleCount);
        // The configuration is read again, and says something else of this destination.
        Assert.Equal(Ok, (await bench.SendAsync(new Route("*", [null], FamilyMode.Auto))).Outcome);
        Assert.Equal(2, bench.Dials.Count);
    }

    [Theory]
    [InlineData("close")]
    [InlineData("C: MAIL FROM:<alice@home.example>\nS: 421 4.4.2 idle too long\nclose")]
    public async Task ASessionThatDiedMeanwhileCostsNothing(string end)
    {
        await using var bench = new RemoteBench();
        Example(bench);
        bench.Host("2001:db8::1", RemoteBench.Accept + "\n" + end, RemoteBench.Accept);
        Assert.Equal(Ok, (await bench.SendAsync()).Outcome);
        Assert.Equal((Ok, Reach.Reached), await bench.SendAsync());
        Assert.Equal(2, bench.Dials.Count);
    }

    [Fact]
    public async Task AKeptSessionIsNotUsedForAnotherRoute()
    {
        await using var bench = new RemoteBench();
        Example(bench);
        bench.Host("2001:db8::1", RemoteBench.Accept);
        await bench.SendAsync();
        var requireTls = new Envelope
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = Letters.Noon,
            Sender = Letters.Parse("alice@home.example"),
            Principal = "account:alice",
            RequireTls = true,
            Recipients = [new EnvelopeRecipient { Address = Letters.Parse("bob@example.net") }],
        };
        var (outcome, _) = await bench.SendAsync(requireTls);
        Assert.Equal("Failed mx1.example.net: 5.7.10 the sender asked for a verified host (REQUIRETLS), and nothing proves that this is one", outcome);
    }

    [Fact]
    public async Task AHostThatIsThisServerIsALoop()
    {
        await using var bench = new RemoteBench(o => o with { IsOwnGreeting = g => g.Contains("session 77", StringComparison.Ordinal) });
        Example(bench);
        bench.Host("2001:db8::1", "S: 220 home.example ESMTP session 77");
        var (outcome, _) = await bench.SendAsync();
        Assert.Equal("Failed mx1.example.net: 5.4.6 the host is this server itself, which does not host the domain", outcome);
    }

    [Fact]
    public async Task MailThatIsMeantToComeBackMay()
    {
        await using var bench = new RemoteBench(o => o with { IsOwnGreeting = g => g.Contains("session 77", StringComparison.Ordinal), ComesBackBySmtp = d => d == "example.net" });
        Example(bench);
        bench.Host("2001:db8::1", RemoteBench.Accept.Replace("220 mx", "220 home.example ESMTP session 77", StringComparison.Ordinal));
        Assert.Equal(Ok, (await bench.SendAsync()).Outcome);
    }

    [Fact]
    public async Task WhatTheFirstHostCannotCarryGoesToTheSecond()
    {
        await using var bench = new RemoteBench();
        Example(bench);
        bench.Host("2001:db8::1", "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 SIZE 20");
        bench.Host("192.0.2.2", RemoteBench.Accept);
        Assert.Equal(Ok2, (await bench.SendAsync()).Outcome);
        await using var other = new RemoteBench();
        Example(other);
        other.Host("2001:db8::1", "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 SIZE 20");
        other.Host("192.0.2.2", "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 SIZE 30");
        Assert.Equal(("Failed mx1.example.net: 5.3.4 the message has 112 octets, the host takes 20", Reach.Reached), await other.SendAsync());
    }

    [Fact]
    public async Task AHostThatTakesOneTransactionAConnectionIsDialledAgain()
    {
        await using var bench = new RemoteBench();
        Example(bench);
        var one = """
            S: 220 mx
            C: EHLO home.example
            S: 250-mx
            S: 250 LIMITS MAILMAX=1 RCPTMAX=1
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<NAME@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 ok
            """;
        bench.Host("2001:db8::1", one.Replace("NAME", "bob", StringComparison.Ordinal), one.Replace("NAME", "eve", StringComparison.Ordinal));
        Assert.Equal(Ok + "\n" + Ok, (await bench.SendAsync(null, "bob@example.net", "eve@example.net")).Outcome);
        Assert.Equal("2001:db8::1 2001:db8::1", string.Join(' ', bench.Dials));
    }

    private static void Example(RemoteBench bench) => bench.Zone
        .Mx("example.net", 10, "mx1.example.net").Mx("example.net", 20, "mx2.example.net")
        .Addresses("mx1.example.net", "192.0.2.1", "2001:db8::1").Addresses("mx2.example.net", "192.0.2.2");

    private static string Behaviour(string name) => name switch
    {
        "ok" or "ok2" => RemoteBench.Accept.Replace("S: 250 mx", name == "ok" ? "S: 250 mx" : "S: 250-mx\nS: 250 STARTTLS", StringComparison.Ordinal),
        "ehlo550" => "S: 220 mx\nC: EHLO home.example\nS: 550 5.7.1 no\nC: HELO home.example\nS: 550 5.7.1 no",
        "mail550" => RefuseMail,
        "mail452" => RefuseMail.Replace("550 5.1.8 who are you?", "452 4.3.1 disk full", StringComparison.Ordinal),
        "rcpt550" => RefuseRcpt("550 5.1.1 no such user"),
        "rcpt450" => RefuseRcpt("450 4.7.1 greylisted"),
        "rcpt421" => RefuseRcpt("421 4.3.2 going down") + "\nclose",
        "rcpt5725" => RefuseRcpt("550 5.7.25 no reverse DNS"),
        "rcptptr" => RefuseRcpt("550 5.7.1 The sending IPv6 address must have a PTR record"),
        "rcptspam" => RefuseRcpt("550 5.7.1 looks like spam"),
        "doubt" => RemoteBench.Accept.Replace("\nS: 250 ok", "\nclose", StringComparison.Ordinal).Replace("example>\nclose", "example>\nS: 250 ok", StringComparison.Ordinal).Replace("net>\nclose", "net>\nS: 250 ok", StringComparison.Ordinal),
        "tlsbroken" => "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nclose",
        "refuse" or "drop" => name,
        _ => name.Replace(',', '\n').Replace('_', ' '),
    };
}
