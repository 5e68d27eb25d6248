// needs: unbound
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Dns;

/// <summary>The resolver against a real one: unbound on a loopback port, with a zone of its own.</summary>
public sealed class UnboundTests
{
    private const string Unbound = "/usr/sbin/unbound";

    [Fact]
    public async Task ARealResolverIsUnderstood()
    {
        Assert.SkipWhen(!File.Exists(Unbound) && Environment.GetEnvironmentVariable("CI") != "true", "unbound is not installed");
        var folder = Directory.CreateTempSubdirectory("homemail-unbound-");
        var port = FreePort();
        var big = string.Concat(Enumerable.Range(0, 30).Select(i => $" \\\"{new string((char)('a' + (i % 26)), 200)}\\\""));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "unbound.conf"), $"""
            server:
              interface: 127.0.0.1@{port}
              directory: "{folder.FullName}"
              chroot: ""
              username: ""
              pidfile: ""
              use-syslog: no
              do-daemonize: no
              do-ip6: no
              module-config: "iterator"
              local-zone: "example.org." static
              local-data: "example.org. 300 IN SOA ns.example.org. root.example.org. 1 3600 600 86400 77"
              local-data: "example.org. 300 IN MX 10 mx.example.org."
              local-data: "mx.example.org. 300 IN A 192.0.2.25"
              local-data: "mx.example.org. 300 IN AAAA 2001:db8::25"
              local-data: 'example.org. 300 IN TXT "v=spf1 " "-all"'
              local-data: 'big.example.org. 300 IN TXT{big.Replace("\\\"", "\"", StringComparison.Ordinal)}'
              local-data-ptr: "192.0.2.25 300 mx.example.org"
            forward-zone:
              name: "."
              forward-addr: 127.0.0.1@{FreePort()}

            """);
        using var unbound = Process.Start(new ProcessStartInfo(Unbound, ["-d", "-p", "-c", Path.Combine(folder.FullName, "unbound.conf")])
        {
            RedirectStandardError = true,
        })!;
        try
        {
            _ = unbound.StandardError.ReadToEndAsync();
            var resolver = new DnsMailResolver(
                new NameServerSettings([new NameServer(new IPEndPoint(IPAddress.Loopback, port), true)], TimeSpan.FromSeconds(2), 2), TimeProvider.System);
            var waited = Stopwatch.StartNew();
            while ((await resolver.TxtAsync("example.org", default)).Status == DnsStatus.TemporaryFailure && waited.Elapsed < TimeSpan.FromSeconds(30))
                Assert.False(unbound.HasExited);
            Assert.Equal(["v=spf1 -all"], (await resolver.TxtAsync("example.org", default)).Records);
            Assert.Equal([new MxRecord(10, "mx.example.org")], (await resolver.MxAsync("example.org", default)).Records);
            Assert.Equal(
                [IPAddress.Parse("2001:db8::25")], (await resolver.AddressesAsync("mx.example.org", AddressFamily.InterNetworkV6, default)).Records);
            Assert.Equal(["mx.example.org"], (await resolver.PtrAsync(IPAddress.Parse("192.0.2.25"), default)).Records);
            Assert.Equal(6000, Assert.Single((await resolver.TxtAsync("big.example.org", default)).Records).Length); // over TCP
            Assert.Equal(DnsStatus.NoData, (await resolver.TlsaAsync("mx.example.org", default)).Status);
            var none = await resolver.MxAsync("none.example.org", default);
            Assert.Equal((DnsStatus.NoSuchDomain, TimeSpan.FromSeconds(77)), (none.Status, none.TimeToLive));
            Assert.Equal(DnsStatus.TemporaryFailure, (await resolver.MxAsync("unreachable.example.net", default)).Status);
        }
        finally
        {
            if (!unbound.HasExited)
                unbound.Kill();
            await unbound.WaitForExitAsync();
            folder.Delete(true);
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
