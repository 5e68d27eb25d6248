using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HomeMail.Cli;
using HomeMail.Cli.Doctor;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Server.Tests.Config;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

/// <summary><c>homemail doctor</c>: what it says about smarthosts and DANE, and with which exit code.</summary>
public sealed class DoctorCommandTests
{
    private const string Isp = "[smarthost:isp]\nhost = smtp.isp.example\nusername = me\npassword = secret\n[route:*]\nvia = smarthost:isp\n";
    private const string Hello = "S: 220 smtp\nC: EHLO home.example\nS: 250-smtp\nS: 250 STARTTLS\nC: STARTTLS\n";
    private const string LogIn = "S: 220 go\ntls\nC: EHLO home.example\nS: 250-smtp\nS: 250-SIZE 1000\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AG1lAHNlY3JldA==\n";

    public static TheoryData<string, string, string, string, string[]> Smarthosts { get; } = new()
    {
        // configuration, certificate, dialogue, state of the first finding, beginnings of all
        { Isp, "smtp.isp.example", Hello + LogIn.Replace("SIZE 1000", "SIZE 100000000", StringComparison.Ordinal) + "S: 235 ok", "Ok", ["smtp.isp.example:587 takes us (TLS 1.3, verified; logged in as me)"] },
        { Isp, "smtp.isp.example", Hello + LogIn + "S: 235 ok", "Ok", ["smtp.isp.example:587 takes us", "it takes messages of 1.0k at most"] },
        { Isp, "smtp.isp.example", Hello + LogIn + "S: 535 5.7.8 no", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 535 4.7.8 no -> look at username and password"] },
        { Isp, "smtp.other.example", Hello + "S: 220 go\ntls!", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 4.7.5 the certificate is for another name -> set host to the name"] },
        { Isp, "old", Hello + "S: 220 go\ntls!", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 4.7.5 the certificate is out of date -> look at this machine's clock first"] },
        { Isp, "", "S: 220 smtp\nC: EHLO home.example\nS: 250 smtp", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 4.7.10 the host does not offer encryption, and it is asked for -> the host encrypts nothing at this port; 465 goes with tls = implicit"] },
        { Isp, "", Hello + "S: 220 go\nclose", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 4.7.5 the connection was closed -> port and tls may not fit each other: 465 goes with tls = implicit"] },
        { Isp, "", "S: SSH-2.0-x\nwait", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 4.5.0 the answer is not SMTP while waiting for the greeting -> it is not SMTP"] },
        { Isp, "", "S: 554 5.7.1 go away", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 554 5.7.1 go away -> ask the provider"] },
        { Isp, "", "refuse", "Trouble", ["smtp.isp.example:587 cannot be used: smtp.isp.example: 4.4.1 connection refused (192.0.2.87) -> look at host and port"] },
        { Isp.Replace("smtp.isp", "missing.isp", StringComparison.Ordinal), "", "refuse", "Trouble", ["missing.isp.example:587 cannot be used: 4.4.3 looking up missing.isp.example failed: the smarthost's name does not exist -> look at host, and at the resolver"] },
        {
            "[smarthost:isp]\nhost = smtp.isp.example:25\ntls = off\n", "", "S: 220 smtp\nC: EHLO home.example\nS: 250 smtp", "Ok",
            ["smtp.isp.example:25 takes us (in clear; no log-in)", "there is no log-in", "mail to it goes in clear", "no route uses it"]
        },
    };

    [Theory]
    [MemberData(nameof(Smarthosts))]
    public async Task ASmarthostIsTriedAndTheMendTold(string configuration, string certificate, string dialogue, string state, string[] expected)
    {
        var settings = Configurations.HouseWith(configuration);
        await using var bench = new RemoteBench();
        bench.Zone.Addresses("smtp.isp.example", "192.0.2.87");
        bench.Certificate = certificate.Length == 0 ? null : certificate == "old" ? TestCertificates.For("smtp.isp.example", -30, -2) : TestCertificates.For(certificate);
        bench.Host("192.0.2.87", dialogue);
        var findings = new List<DoctorFinding>();
        foreach (var finding in await SmarthostPart.LookAsync(
            settings.Smarthosts["isp"], settings, (smarthost, family) => bench.Delivery.ProbeAsync(smarthost, family, TestContext.Current.CancellationToken)))
            findings.Add(finding);
        Assert.Equal(state, findings[0].Health.ToString());
        Assert.All(findings.Skip(1), f => Assert.Equal(Health.Attention, f.Health));
        Assert.Equal(expected.Length, findings.Count);
        for (var i = 0; i < expected.Length; i++)
            Assert.StartsWith(expected[i], findings[i].Mend is { } mend ? $"{findings[i].Words} -> {mend}" : findings[i].Words, StringComparison.Ordinal);
        Assert.All(findings, f => Assert.DoesNotContain("secret", f.Words + f.Mend, StringComparison.Ordinal));
        await bench.ServersEnd();
    }

    [Fact]
    public async Task RealConnectionsGiveLinesJsonAndExitCodes()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var serving = Task.Run(() => ServeAsync(listener));
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, Configurations.House
                + $"[smarthost:plain]\nhost = 127.0.0.1:{port}\ntls = off\n[smarthost:tls]\nhost = 127.0.0.1:{port}\ntls = implicit\nusername = me\npassword = secret\n"
                + $"[smarthost:gone]\nhost = 127.0.0.1:{((IPEndPoint)closed.LocalEndPoint!).Port}\n[route:*]\nvia = smarthost:plain, smarthost:tls, smarthost:gone\n", TestContext.Current.CancellationToken);
            var (code, lines, _) = await RunAsync("doctor", "smarthost", "plain", "--config", path);
            Assert.Equal(0, code);
            Assert.Equal($"ok        smarthost:plain: 127.0.0.1:{port} takes us (in clear; no log-in)", lines[0]);
            Assert.StartsWith("attention smarthost:plain: there is no log-in", lines[1], StringComparison.Ordinal);
            Assert.Equal("it works; what is marked 'attention' is worth a look", lines[^1]);

            (code, lines, _) = await RunAsync("doctor", "smarthost", "--json", "--config", path);
            Assert.Equal(1, code);
            var objects = lines.Select(l => JsonDocument.Parse(l).RootElement).ToList();
            Assert.Equal("""{"result":"trouble","ok":1,"attention":2,"trouble":2}""", lines[^1]);
            Assert.Contains(objects, o => Of(o, "subject") == "smarthost:plain" && Of(o, "state") == "ok");
            Assert.Contains(objects, o => Of(o, "subject") == "smarthost:tls" && Of(o, "state") == "trouble" && Of(o, "text").Contains("the certificate is", StringComparison.Ordinal) && Of(o, "mend").Length > 0);
            Assert.Contains(objects, o => Of(o, "subject") == "smarthost:gone" && Of(o, "text").Contains("4.4.1 connection refused", StringComparison.Ordinal));
            Assert.All(lines, l => Assert.DoesNotContain("secret", l, StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(path);
            listener.Stop();
            await serving;
        }
    }

    [Fact]
    public async Task MisuseIsTold()
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, Configurations.House, TestContext.Current.CancellationToken);
            var (code, _, error) = await RunAsync("doctor", "teeth", "--config", path);
            Assert.Equal(2, code);
            Assert.StartsWith("homemail doctor: there is no part 'teeth'; there are server (", error, StringComparison.Ordinal);
            Assert.Equal(2, (await RunAsync("doctor", "dane", "isp", "--config", path)).Code);
            (code, _, error) = await RunAsync("doctor", "smarthost", "isp", "--config", path);
            Assert.Equal(2, code);
            Assert.Contains("there is no [smarthost:isp]; none is configured", error, StringComparison.Ordinal);
            Assert.Equal(1, (await RunAsync("doctor", "--config", path + ".nowhere")).Code);
            // Without a part it looks at everything.
            (code, var lines, _) = await RunAsync("doctor", "--config", path);
            Assert.Equal(1, code);
            Assert.Contains(lines, l => l.StartsWith("attention server: the server does not run. What to do: ", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.StartsWith("trouble   hostname: the name mail.example.org does not exist in DNS. What to do: ", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.StartsWith("trouble   mx:example.org: example.org does not exist in DNS", StringComparison.Ordinal));
            Assert.Contains("ok        smarthost: none is configured; mail goes straight to its destinations", lines);
            Assert.Equal("something is wrong; see above", lines[^1]);
            // Nothing could be found out about how to reset; there is no data folder.
            Assert.Equal(2, (await RunAsync("doctor", "spf", "--reset", "--config", path)).Code);
            Assert.Equal(1, (await RunAsync("doctor", "--reset", "--config", path)).Code);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("192.168.1.1", null, true, "Attention DANE is off: the resolver (192.168.1.1:53) is not on this machine")]
    [InlineData("192.168.1.1", true, true, "Ok DANE is on: the resolver (192.168.1.1:53) validates, and ietf.org is vouched for")]
    [InlineData("127.0.0.1", null, true, "Ok DANE is on: the resolver (127.0.0.1:53) validates")]
    [InlineData("127.0.0.1", null, false, "Attention DANE is off: the resolver (127.0.0.1:53) answers, and does not validate")]
    [InlineData("127.0.0.1", false, true, "Ok DANE is off, as [server] resolver-trusted = off says")]
    [InlineData("127.0.0.1 192.168.1.1", null, true, "Attention DANE is on only while the right one")]
    [InlineData("127.0.0.1", null, null, "Attention whether DANE is on could not be found out: the resolver (127.0.0.1:53) does not find ietf.org")]
    public async Task DaneIsOnOrThereIsAReason(string servers, bool? configured, bool? validates, string expected)
    {
        var zone = new ZoneResolver { Authenticated = validates == true };
        if (validates is not null)
            zone.Addresses("ietf.org", "192.0.2.1");
        var settings = NameServerSettings.For([.. servers.Split(' ').Select(s => new IPEndPoint(IPAddress.Parse(s), 53))], configured);
        var finding = await DanePart.LookAsync(settings, configured, zone, TestContext.Current.CancellationToken);
        Assert.StartsWith(expected, $"{finding.Health} {finding.Words}", StringComparison.Ordinal);
        Assert.Equal(finding.Health != Health.Ok, finding.Mend is not null);
    }

    private static string Of(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    // In clear a server that takes everything; whoever begins with TLS gets TLS, with a certificate that nobody vouches for.
    private static async Task ServeAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                var stream = client.GetStream();
                try
                {
                    if (await IsTlsAsync(client.Client))
                    {
                        using var certificate = TestCertificates.For("smtp.isp.example");
                        await using var tls = new SslStream(stream);
                        await tls.AuthenticateAsServerAsync(certificate);
                        await tls.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false);
                        continue;
                    }
                    await stream.WriteAsync("220 smtp\r\n"u8.ToArray());
                    using var reader = new StreamReader(stream, Encoding.ASCII);
                    while (await reader.ReadLineAsync() is { } line)
                        await stream.WriteAsync(line == "QUIT" ? "221 bye\r\n"u8.ToArray() : "250 ok\r\n"u8.ToArray());
                }
                catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
                {
                    // The client has gone.
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The end.
        }
    }

    // A client that speaks first speaks TLS.
    private static async Task<bool> IsTlsAsync(Socket socket) =>
        await Task.Run(() => socket.Poll(TimeSpan.FromMilliseconds(500), SelectMode.SelectRead));

    private static async Task<(int Code, IReadOnlyList<string> Lines, string Error)> RunAsync(params string[] words)
    {
        await using var dns = new LoopbackDnsServer(q => q.Respond(DnsResponseCode.NameError).Soa().Build());
        var output = new StringWriter();
        var error = new StringWriter();
        var code = await CommandLine.RunAsync([.. words, "--resolver", dns.EndPoint.ToString()], new Streams(TextReader.Null, output, error, null), TestContext.Current.CancellationToken);
        return (code, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), error.ToString());
    }
}
