using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Protocol.Message;
using HomeMail.Server.House;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>Who is a device and who is not: a device is believed for where it is, so nobody may be there who could be anybody.</summary>
public sealed class LanDevicesTests
{
    private const string Gateway = "192.168.1.254";
    private const string RouterMac = "02-00-00-00-00-FE";

    private static readonly Dictionary<string, string> Table = new()
    {
        [Gateway] = RouterMac,
        ["192.168.1.50"] = "02-00-00-00-00-50",
        ["192.168.1.51"] = "02-00-00-00-00-51",
        ["192.168.1.77"] = "02-00-00-00-00-77",
        ["fd00::77"] = "02-00-00-00-00-77",
        ["192.168.1.253"] = RouterMac,
        ["fe80::77"] = "02-00-00-00-00-77",
        ["192.168.1.60"] = "02-00-00-00-00-50",
    };

    private static readonly HostedDevice[] Declared =
    [
        Device("scanner", "192.168.1.50", null),
        Device("camera", "192.168.1.51", "02-00-00-00-00-51"),
        Device("plug", null, "02-00-00-00-00-77"),
        Device("far", "10.0.0.9", "02-00-00-00-00-09"),
        Device("router", Gateway, null),
        Device("router-again", "192.168.1.253", null),
        Device("public", "203.0.113.7", null),
        Device("masked", "192.168.1.61", null),
        Device("suspect", "192.168.1.62", null),
        Device("nowhere", null, null),
    ];

    [Theory]
    [InlineData("192.168.1.50", "scanner", null)]
    [InlineData("::ffff:192.168.1.50", "scanner", null)]
    [InlineData("192.168.1.51", "camera", null)]
    [InlineData("192.168.1.77", "plug", null)]
    [InlineData("fd00::77", "plug", null)]
    [InlineData("fe80::77", "plug", null)]
    [InlineData("192.168.1.60", null, "no \\[device\\] has this address or the mac 02:00:00:00:00:50")] // the scanner's hardware says nothing: it is known by its address
    [InlineData("10.0.0.9", null, "\\[device:far\\] has a mac, and no hardware address is known here")]
    [InlineData("192.168.1.99", null, "no \\[device\\] has this address")]
    [InlineData(Gateway, null, "gateway")]
    [InlineData("192.168.1.253", null, "another address of the gateway")]
    [InlineData("203.0.113.7", null, "public")]
    [InlineData("2001:db8::1", null, "public")]
    [InlineData("192.168.1.61", null, "stands for strangers")]
    [InlineData("192.168.1.62", null, "mail of strangers")]
    public void Who_is_who(string client, string? device, string? why)
    {
        var answer = Devices().At(IPAddress.Parse(client));
        Assert.Equal(device, answer.Device?.Name);
        if (why is not null)
            Assert.Matches(why, answer.Why);
    }

    [Fact]
    public void Another_machine_at_the_address_is_not_the_device()
    {
        var thief = new Dictionary<string, string>(Table) { ["192.168.1.51"] = "02-00-00-00-00-99" };
        var answer = Devices(thief).At(IPAddress.Parse("192.168.1.51"));
        Assert.Null(answer.Device);
        Assert.Contains("another mac than 02:00:00:00:00:99", answer.Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v=spf1 -all")]
    [InlineData("v=spf1 ~all")]
    [InlineData("v=spf1 ?all")]
    public async Task An_address_that_speaks_for_strangers_is_no_devices_any_more(string record)
    {
        await using var house = new TestHouse();
        var bridge = IPAddress.Parse("172.20.0.1");
        house.With([new HostedDomain("example.org", "home")], [TestHouse.Account("alice", "alice@example.org")]);
        var devices = new LanDevices(() => [Device("scanner", "172.20.0.1", null)], house.Masks.Contains, house.Masks.IsSuspect, () => [], _ => null);
        Assert.NotNull(devices.At(bridge).Device);
        // A domain that nobody knows, as scanners have it, is no stranger's.
        Assert.StartsWith("250 ", await Intake.Post.DeliverAsync(house, "<scan@printer.local>", "<alice@example.org>", peer: "172.20.0.1", hello: "printer"), StringComparison.Ordinal);
        Assert.NotNull(devices.At(bridge).Device);
        house.Zone.Txt("remote.example", record);
        Assert.StartsWith("250 ", await Intake.Post.DeliverAsync(house, "<x@remote.example>", "<alice@example.org>", peer: "172.20.0.1"), StringComparison.Ordinal);
        var answer = devices.At(bridge);
        Assert.Null(answer.Device);
        Assert.Contains("mail of strangers", answer.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_is_of_its_own_tenant()
    {
        await using var house = new TestHouse();
        house.With(
            [new HostedDomain("example.org", "home"), new HostedDomain("work.example", "work")],
            [TestHouse.Account("alice", "alice@example.org"), TestHouse.Account("carol", "carol@work.example")]);
        var device = new HostedDevice("copier", TestHouse.A("copier@work.example"));
        var names = new HostedNames("mail.example.org", house.Names.Domains, house.Names.Accounts, [], "x"u8) { Devices = [device] };
        Assert.Equal("work", names.TenantOf(new Principal(PrincipalKind.Device, "copier")));
        Assert.True(device.MayWriteTo(TestHouse.A("carol@work.example"), names));
        Assert.False(device.MayWriteTo(TestHouse.A("alice@example.org"), names));
        Assert.False(device.MayWriteTo(TestHouse.A("x@remote.example"), names));
    }

    private static LanDevices Devices(Dictionary<string, string>? table = null)
    {
        var rows = (table ?? Table).ToDictionary(static row => IPAddress.Parse(row.Key), static row => PhysicalAddress.Parse(row.Value));
        return new LanDevices(
            static () => Declared, static address => address.ToString() is Gateway or "192.168.1.61", static address => address.ToString() == "192.168.1.62",
            static () => [IPAddress.Parse(Gateway)], rows.GetValueOrDefault);
    }

    private static HostedDevice Device(string name, string? address, string? mac) => new(name, new Address(name, "example.org"))
    {
        Addresses = address is null ? [] : [IPAddress.Parse(address)],
        Hardware = mac is null ? null : PhysicalAddress.Parse(mac),
    };
}
