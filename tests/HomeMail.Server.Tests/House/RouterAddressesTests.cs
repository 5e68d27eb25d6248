using System.Net;
using System.Text;
using HomeMail.Server.Delivery;
using HomeMail.Server.House;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>A router that gives its clients its outer address: it masks them no less than one that gives them its inner one.</summary>
public sealed class RouterAddressesTests
{
    private const string PublicAddress = "203.0.113.7";
    private const string PublicAddress6 = "2001:db8::25";

    private static readonly PublicPicture Picture = new(
        [new AddressReport(IPAddress.Parse(PublicAddress), AddressSource.Configuration), new AddressReport(IPAddress.Parse(PublicAddress6), AddressSource.Configuration)]);

    [Theory]
    [InlineData("192.168.1.254", true)] // inside
    [InlineData("::ffff:192.168.1.254", true)]
    [InlineData(PublicAddress, true)] // outside
    [InlineData("::ffff:203.0.113.7", true)]
    [InlineData(PublicAddress6, false)] // this machine has it itself
    [InlineData("203.0.113.8", false)]
    [InlineData("192.168.1.77", false)]
    public void ThePublicAddressIsTheRoutersUnlessThisMachineHasIt(string address, bool expected)
    {
        var router = new RouterAddresses(
            IPAddress.Parse("192.168.1.254").Equals, address => address.Equals(IPAddress.Parse(PublicAddress6)) ? OwnAddress.Interface : OwnAddress.No, () => Picture);
        Assert.Equal(expected, router.Contains(IPAddress.Parse(address)));
    }

    [Fact]
    public async Task HonestMailThatBearsOurPublicAddressIsNotRefused()
    {
        await using var house = House();
        house.Zone.Txt("honest.example", "v=spf1 ip4:198.51.100.5 -all").Txt("_dmarc.honest.example", "v=DMARC1; p=reject");
        var (reply, stored) = await ReceiveAsync(house, "x@honest.example");
        Assert.StartsWith("250", reply, StringComparison.Ordinal);
        Assert.Contains("spf=none", stored, StringComparison.Ordinal);
        Assert.Contains("not evaluable", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NorDoesAStrangerPassByAllowingOurAddress()
    {
        await using var house = House();
        house.Zone.Txt("evil.example", $"v=spf1 ip4:{PublicAddress} -all").Txt("_dmarc.evil.example", "v=DMARC1; p=reject");
        Assert.DoesNotContain("=pass", (await ReceiveAsync(house, "x@evil.example")).Stored, StringComparison.Ordinal);
        Assert.DoesNotContain("=pass", (await ReceiveAsync(house, "alice@example.org")).Stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhereThisMachineHasTheAddressItIsAnAddressLikeOthers()
    {
        await using var house = House();
        house.Interfaces.Add(IPAddress.Parse(PublicAddress));
        house.Zone.Txt("honest.example", "v=spf1 ip4:198.51.100.5 -all").Txt("_dmarc.honest.example", "v=DMARC1; p=reject");
        Assert.StartsWith("550", (await ReceiveAsync(house, "x@honest.example")).Reply, StringComparison.Ordinal);
    }

    [Fact]
    public void ItsConnectionsDoNotShowThatNobodyIsMaskedAnyMore()
    {
        using var log = new StringWriter();
        var masks = new MaskedAddresses(IPAddress.Parse(PublicAddress).Equals, null, TimeProvider.System, new Log(log, TimeProvider.System, LogLevel.Info));
        masks.SpfFailed(IPAddress.Parse("172.20.0.1"), "a.example", isHelo: true);
        masks.Connected(IPAddress.Parse(PublicAddress));
        masks.Connected(IPAddress.Parse("198.51.100.1"));
        masks.Connected(IPAddress.Parse("192.0.2.1"));
        Assert.True(masks.Contains(IPAddress.Parse("172.20.0.1")));
        masks.Connected(IPAddress.Parse("9.9.9.9"));
        Assert.False(masks.Contains(IPAddress.Parse("172.20.0.1")));
    }

    private static TestHouse House()
    {
        var house = new TestHouse(policy: JudgementOptions.Default with { Greylist = false });
        house.Public.Add(IPAddress.Parse(PublicAddress));
        house.Zone.Txt("example.org", "v=spf1 a:mail.example.org -all").Txt("_dmarc.example.org", "v=DMARC1; p=reject").Addresses("mail.example.org", PublicAddress);
        return house;
    }

    private static async Task<(string Reply, string Stored)> ReceiveAsync(TestHouse house, string from)
    {
        await using var client = house.Connect(peer: PublicAddress);
        await client.WriteAsync(Encoding.Latin1.GetBytes(
            $"EHLO mx.honest.example\r\nMAIL FROM:<{from}>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nFrom: {from}\r\n\r\nhi\r\n.\r\nQUIT\r\n"));
        using var reader = new StreamReader(client, Encoding.Latin1);
        var dialogue = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
        var replies = dialogue.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        return (replies[^2], string.Concat(new[] { "INBOX", "Junk", "Rejects" }.SelectMany(mailbox => house.Mailbox("bob", mailbox))));
    }
}
