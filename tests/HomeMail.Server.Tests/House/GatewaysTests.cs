using System.Net;
using HomeMail.Server.House;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.House;

public class GatewaysTests
{
    private static readonly string[] Route =
    [
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
        "eth0\t00000000\tFE01A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
        "eth1\t0000000A\t0100000A\t0003\t0\t0\t0\t000000FF\t0\t0\t0",
        "rubbish",
    ];

    private static readonly string[] Route6 =
    [
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0",
        "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003     eth0",
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo",
    ];

    [Theory]
    [InlineData("192.168.1.254", true)]
    [InlineData("::ffff:192.168.1.254", true)]
    [InlineData("fe80::1%2", true)]
    [InlineData("192.168.1.1", false)]
    [InlineData("10.0.0.1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::", false)]
    public void Default_gateways_and_nothing_else(string address, bool expected)
    {
        var gateways = new Gateways(new FakeTimeProvider(), name => name == "route" ? Route : Route6);
        Assert.Equal(expected, gateways.Contains(IPAddress.Parse(address)));
    }

    [Fact]
    public void A_new_gateway_is_seen_within_seconds()
    {
        var clock = new FakeTimeProvider();
        var lines = Route;
        var gateways = new Gateways(clock, name => name == "route" ? lines : throw new FileNotFoundException());
        Assert.True(gateways.Contains(IPAddress.Parse("192.168.1.254")));
        lines = [Route[0], "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0"];
        clock.Advance(TimeSpan.FromSeconds(6));
        Assert.False(gateways.Contains(IPAddress.Parse("192.168.1.254")));
        Assert.True(gateways.Contains(IPAddress.Parse("192.168.1.1")));
    }

    [Fact]
    public void This_machine_can_be_asked() => Assert.False(new Gateways(TimeProvider.System).Contains(IPAddress.Loopback));
}
