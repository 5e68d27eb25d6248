using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Dns;

public sealed class ZoneResolverTests
{
    private static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task KeepsToTheRulesOfRealDns()
    {
        var zone = new ZoneResolver { Authenticated = true }
            .Addresses("mx.example.org", "192.0.2.1", "2001:db8::1").Mx("example.org", 10, "mx.example.org.").Cname("www.example.org", "example.org")
            .Ptr("192.0.2.1", "mx.example.org").Fail("slow.example.org").Fail("half.example.org", "SERVFAIL", DnsType.Txt).Txt("half.example.org", "x")
            .Mx("half.example.org", 1, "").Cname("loop.example.org", "loop.example.org").Empty("bare.example.org");
        Assert.Equal([new MxRecord(10, "mx.example.org")], (await zone.MxAsync("EXAMPLE.org.", Never)).Records);
        var alias = await zone.MxAsync("www.example.org", Never);
        Assert.Equal(("example.org", DnsStatus.Found, true), (alias.CanonicalName, alias.Status, alias.Authenticated));
        Assert.Equal(DnsStatus.NoData, (await zone.TxtAsync("org", Never)).Status); // exists because of what is below
        Assert.Equal(DnsStatus.NoData, (await zone.TxtAsync("bare.example.org", Never)).Status);
        Assert.Equal(DnsStatus.NoSuchDomain, (await zone.TxtAsync("none.example.org", Never)).Status);
        Assert.Equal(["mx.example.org"], (await zone.PtrAsync(IPAddress.Parse("::ffff:192.0.2.1"), Never)).Records);
        Assert.Equal("time-out", (await zone.TxtAsync("slow.example.org", Never)).Detail);
        Assert.Equal(DnsStatus.TemporaryFailure, (await zone.TxtAsync("half.example.org", Never)).Status);
        Assert.Equal(DnsStatus.Found, (await zone.MxAsync("half.example.org", Never)).Status);
        Assert.Equal("CNAME loop", (await zone.TxtAsync("loop.example.org", Never)).Detail);
        Assert.Equal([IPAddress.Parse("2001:db8::1")], (await zone.AddressesAsync("mx.example.org", AddressFamily.InterNetworkV6, Never)).Records);
        zone.Remove("mx.example.org");
        Assert.Equal(DnsStatus.NoSuchDomain, (await zone.AddressesAsync("mx.example.org", AddressFamily.InterNetworkV6, Never)).Status);
        Assert.Equal(DnsStatus.Found, (await zone.MxAsync("example.org", Never)).Status);
    }
}
