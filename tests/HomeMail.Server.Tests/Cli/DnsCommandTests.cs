// needs: knot knot-dnsutils bind9-utils
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using HomeMail.Cli;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

/// <summary><c>homemail dns</c> against Knot, a real name server on loopback that is filled with what the command itself prints.</summary>
public sealed class DnsCommandTests : IDisposable
{
    private const string Knot = "/usr/sbin/knotd";
    private const string CheckZone = "/usr/bin/named-checkzone";
    private const string Secret = "d2hhdGV2ZXIgaXQgdGFrZXMgdG8gc2lnbg==";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("homemail-dns-");

    public void Dispose() => _folder.Delete(true);

    [Fact]
    public async Task WhatIsPrintedIsLoadedVerifiedAndUpdated()
    {
        var isCi = Environment.GetEnvironmentVariable("CI") == "true";
        Assert.SkipWhen((!File.Exists(Knot) || !File.Exists(CheckZone)) && !isCi, "knot or bind9-utils is not installed");
        using (var keys = new DkimKeys(Path.Combine(_folder.FullName, "dkim")))
            keys.Use("example.org", "hm1");
        var port = FreePort();
        Configure("203.0.113.7, 2001:db8::25", port, Secret);

        var (code, zone, _) = await RunAsync("dns", "--zone");
        Assert.Equal(0, code);
        Assert.Contains("_hm1", zone.Replace("hm1._domainkey", "_hm1", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.All(zone.Split('"').Where((_, i) => i % 2 == 1), text => Assert.InRange(text.Length, 1, 255)); // RFC 1035 3.3
        var file = Write("zone", "example.org. 3600 IN SOA ns.example.org. root.example.org. 1 3600 600 86400 60\nexample.org. 3600 IN NS ns.example.org.\nns.example.org. 3600 IN A 127.0.0.1\n" + zone);
        var (checkCode, said) = await CallAsync(CheckZone, "-q", "example.org", file);
        Assert.True(checkCode == 0, said);
        Write("in-addr.arpa", "@ 3600 IN SOA ns.example.org. root.example.org. 1 3600 600 86400 60\n@ 3600 IN NS ns.example.org.\n7 3600 IN PTR mail.example.org.\n");
        Write("ip6.arpa", "@ 3600 IN SOA ns.example.org. root.example.org. 1 3600 600 86400 60\n@ 3600 IN NS ns.example.org.\n5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 3600 IN PTR mail.example.org.\n");
        var knot = StartKnot(port);
        // A port that was free may be another's a moment later.
        for (var tries = 1; !await AnswersAsync(knot, port) && tries < 5; tries++)
        {
            knot.Dispose();
            port = FreePort();
            Configure("203.0.113.7, 2001:db8::25", port, Secret);
            knot = StartKnot(port);
        }
        using var served = knot;
        try
        {
            Assert.False(knot.HasExited);
            var resolver = $"127.0.0.1:{port}";
            (code, var verified, _) = await RunAsync("dns", "--verify", "--resolver", resolver);
            Assert.True(code == 0, verified);
            Assert.DoesNotContain("\nmissing", verified, StringComparison.Ordinal);
            Assert.Contains("optional  _mta-sts.example.org", verified, StringComparison.Ordinal); // it is in the zone as a comment only

            Configure("203.0.113.99, 2001:db8::25", port, Secret);
            (code, verified, _) = await RunAsync("dns", "--verify", "--resolver", resolver, "--json");
            Assert.Equal(1, code);
            Assert.Contains("\"record\":\"different\",\"name\":\"mail.example.org\",\"type\":\"A\",\"data\":\"203.0.113.99\",\"found\":\"203.0.113.7\"", verified, StringComparison.Ordinal);
            using (var last = JsonDocument.Parse(verified.TrimEnd().Split('\n')[^1]))
                Assert.Equal("fail", last.RootElement.GetProperty("result").GetString());

            (code, var updated, _) = await RunAsync("dns", "--update", "--resolver", resolver);
            Assert.True(code == 0, updated);
            Assert.Equal("203.0.113.99", await AddressAsync(port));
            Configure("203.0.113.100", port, "b3RoZXI=");
            (code, updated, _) = await RunAsync("dns", "--update", "--resolver", resolver);
            Assert.Equal(1, code);
            Assert.Contains("secret", updated, StringComparison.Ordinal);
            Configure("203.0.113.100", port, Secret, "unknown-key");
            (code, updated, _) = await RunAsync("dns", "--update", "--resolver", resolver);
            Assert.Equal(1, code);
            Assert.Contains("does not know the key unknown-key", updated, StringComparison.Ordinal);
            Assert.Equal("203.0.113.99", await AddressAsync(port));

            // What nsupdate would be fed with is taken by Knot's own.
            Configure("203.0.113.101", port, Secret);
            (code, var commands, _) = await RunAsync("dns", "--nsupdate");
            Assert.Equal(0, code);
            var (sent, told) = await CallAsync("/usr/bin/knsupdate", "-y", $"hmac-sha256:house-key:{Secret}", Write("commands", commands));
            Assert.True(sent == 0, told);
            Assert.Equal("203.0.113.101", await AddressAsync(port));
        }
        finally
        {
            if (!knot.HasExited)
                knot.Kill();
            await knot.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task WhatIsNotKnownIsSaid()
    {
        var (code, _, error) = await RunAsync("dns", "--zone", "--verify");
        Assert.Equal(2, code);
        Assert.Contains("do not go together", error, StringComparison.Ordinal);
        Configure("203.0.113.7", 53, null);
        (code, _, error) = await RunAsync("dns", "--update");
        Assert.Equal(1, code);
        Assert.Contains("no [dns-update]", error, StringComparison.Ordinal);
        (code, var table, error) = await RunAsync("dns");
        Assert.Equal(1, code);
        Assert.Contains("DKIM", error, StringComparison.Ordinal);
        Assert.Contains("\"v=spf1 a:mail.example.org -all\"", table, StringComparison.Ordinal);
        Assert.Contains("mta-sts.txt  mode: testing", table, StringComparison.Ordinal);
    }

    private void Configure(string addresses, int port, string? secret, string key = "house-key") =>
        Write("homemail.ini", $"[server]\nhostname = mail.example.org\ndata = {_folder.FullName}\npublic-ip = {addresses}\n[domain:example.org]\n[account:alice]\naddresses = alice@example.org\n"
            + (secret is null ? "" : $"[dns-update]\nserver = 127.0.0.1:{port}\ntsig-name = {key}\ntsig-secret = {secret}\n"));

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private Process StartKnot(int port)
    {
        var path = Write("knot.conf", $"""
            server:
                rundir: "{_folder.FullName}"
                listen: 127.0.0.1@{port}
            database:
                storage: "{_folder.FullName}"
            log:
              - target: stderr
                any: warning
            key:
              - id: house-key
                algorithm: hmac-sha256
                secret: {Secret}
            acl:
              - id: house
                key: house-key
                action: update
            template:
              - id: default
                storage: "{_folder.FullName}"
                zonefile-sync: -1
                zonefile-load: whole
            zone:
              - domain: example.org
                file: zone
                acl: house
              - domain: 113.0.203.in-addr.arpa
                file: in-addr.arpa
              - domain: 8.b.d.0.1.0.0.2.ip6.arpa
                file: ip6.arpa

            """);
        return Process.Start(new ProcessStartInfo(Knot, ["-c", path]))!;
    }

    private static async Task<bool> AnswersAsync(Process knot, int port)
    {
        var waited = Stopwatch.StartNew();
        while (await AddressAsync(port) is null && waited.Elapsed < TimeSpan.FromSeconds(30))
            if (knot.HasExited)
                return false;
        return true;
    }

    private static async Task<string?> AddressAsync(int port)
    {
        var server = new NameServer(new IPEndPoint(IPAddress.Loopback, port), true);
        var answer = await new DnsMailResolver(new NameServerSettings([server], TimeSpan.FromSeconds(1), 1), TimeProvider.System)
            .AddressesAsync("mail.example.org", AddressFamily.InterNetwork, TestContext.Current.CancellationToken);
        return answer.Records.Count > 0 ? answer.Records[0].ToString() : null;
    }

    private static async Task<(int Code, string Said)> CallAsync(string program, params string[] words)
    {
        using var process = Process.Start(new ProcessStartInfo(program, words) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var said = await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said);
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(params string[] words)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var code = await CommandLine.RunAsync(
            [.. words, "--config", Path.Combine(_folder.FullName, "homemail.ini")], new Streams(TextReader.Null, output, error, null), TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
