using System.Net;
using System.Text;
using HomeMail.Server.House;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>Routers that give every client their own address: noticed, remembered, and worth nothing as an address.</summary>
public sealed class MaskedAddressesTests : IDisposable
{
    private static readonly IPAddress Gateway = IPAddress.Parse("192.168.1.254");
    private static readonly IPAddress Bridge = IPAddress.Parse("172.20.0.1");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("homemail-masks-");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly StringWriter _log = new();

    public void Dispose() => _folder.Delete(true);

    private MaskedAddresses Masks(StateStore? state = null) => new(Gateway.Equals, state?.Collection("masked"), _clock, new Log(_log, _clock, LogLevel.Info));

    [Fact]
    public void TheGatewayIsMaskedFromTheFirstConnectionOn()
    {
        var masks = Masks();
        Assert.True(masks.Contains(Gateway));
        Assert.True(masks.Contains(Gateway.MapToIPv6()));
        Assert.False(masks.Contains(Bridge));
    }

    [Fact]
    public void AGatewayIsSeenToMaskWhenStrangersComeFromItAndFromNowhereElse()
    {
        var masks = Masks();
        masks.StrangerFrom(Bridge, "a.example"); // another inner address is judged by SPF
        masks.StrangerFrom(Bridge, "b.example");
        masks.StrangerFrom(Gateway, "a.example");
        masks.StrangerFrom(Gateway, "www.a.example");
        Assert.Empty(masks.Seen);
        masks.StrangerFrom(Gateway, "b.example");
        Assert.Equal([Gateway], masks.Seen);
        Assert.Contains("mend=", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal([Gateway], masks.Forget());

        // One that only turns connections around lets strangers through with their own addresses.
        Assert.Null(masks.PublicClientAt(System.Net.Sockets.AddressFamily.InterNetwork));
        masks.Connected(IPAddress.Parse("203.0.113.9"));
        Assert.Equal(_clock.GetUtcNow(), masks.PublicClientAt(System.Net.Sockets.AddressFamily.InterNetwork));
        masks.StrangerFrom(Gateway, "a.example");
        masks.StrangerFrom(Gateway, "b.example");
        Assert.Empty(masks.Seen);
    }

    [Theory]
    [InlineData(false, "a.example", false)]
    [InlineData(false, "a.example b.a.example", false)] // one owner
    [InlineData(false, "a.example b.example", true)]
    [InlineData(true, "a.example", true)] // a host that denies itself
    public void UnrelatedDomainsOrOneHeloGiveItAway(bool isHelo, string domains, bool isMasked)
    {
        var masks = Masks();
        foreach (var domain in domains.Split(' '))
            masks.SpfFailed(Bridge, domain, isHelo);
        Assert.Equal(isMasked, masks.Contains(Bridge));
        Assert.Equal(isMasked, _log.ToString().Contains("mend=", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("203.0.113.9")] // a spammer's own
    [InlineData("127.0.0.1")]
    [InlineData("2001:db8::9")]
    public void APublicAddressIsNeverAMask(string client)
    {
        var masks = Masks();
        masks.SpfFailed(IPAddress.Parse(client), "a.example", true);
        masks.SpfFailed(IPAddress.Parse(client), "b.example", false);
        Assert.False(masks.Contains(IPAddress.Parse(client)));
    }

    [Fact]
    public void ItIsRememberedOverARestartAndForgottenWhenToldTo()
    {
        var path = Path.Combine(_folder.FullName, "state.db");
        using (var state = new StateStore(path, _clock))
            Masks(state).SpfFailed(Bridge, "a.example", true);
        _clock.Advance(TimeSpan.FromDays(400));
        using (var state = new StateStore(path, _clock))
        {
            var masks = Masks(state);
            Assert.True(masks.Contains(Bridge));
            Assert.Equal([Bridge], masks.Forget());
        }
        using (var state = new StateStore(path, _clock))
            Assert.False(Masks(state).Contains(Bridge));
    }

    [Fact]
    public void PublicClientsOfTheSameFamilyEndIt()
    {
        var masks = Masks();
        masks.SpfFailed(Bridge, "a.example", true);
        for (var i = 0; i < 100; i++)
            masks.Connected(IPAddress.Parse($"2001:db8:{i:x}::1")); // IPv6 comes past the NAT
        for (var i = 0; i < 100; i++)
            masks.Connected(IPAddress.Parse($"198.51.100.{i}")); // one network, perhaps one forger
        masks.Connected(IPAddress.Parse("192.168.1.7"));
        Assert.True(masks.Contains(Bridge));
        masks.Connected(IPAddress.Parse("203.0.113.1"));
        masks.Connected(IPAddress.Parse("::ffff:192.0.2.1"));
        Assert.False(masks.Contains(Bridge));
        Assert.True(masks.Contains(Gateway)); // that one is never let off
    }

    [Fact]
    public async Task NothingIsHeldAgainstWhoeverComesThroughIt()
    {
        await using var house = new TestHouse();
        house.Shared.Add(Gateway);
        house.Zone.Txt("strict.example", "v=spf1 ip4:198.51.100.5 -all").Txt("_dmarc.strict.example", "v=DMARC1; p=reject");
        var stored = await ReceiveAsync(house, Gateway.ToString(), "x@strict.example");
        Assert.Contains("spf=none", stored, StringComparison.Ordinal);
        Assert.Contains("dmarc=none", stored, StringComparison.Ordinal);
        Assert.Contains("not evaluable", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("iprev=fail", stored, StringComparison.Ordinal);
        Assert.Empty(house.Queued); // nor is anything sent back to a reverse-path that nobody vouches for
    }

    [Fact]
    public async Task AMaskIsNoticedByTheMailThatComesThroughIt()
    {
        await using var house = new TestHouse();
        house.Zone.Txt("one.example", "v=spf1 ip4:198.51.100.5 -all").Txt("two.example", "v=spf1 ip4:198.51.100.6 ~all");
        Assert.Contains("spf=fail", await ReceiveAsync(house, Bridge.ToString(), "x@one.example"), StringComparison.Ordinal);
        await ReceiveAsync(house, Bridge.ToString(), "x@two.example");
        Assert.True(house.Masks.Contains(Bridge));
        Assert.Contains("spf=none", await ReceiveAsync(house, Bridge.ToString(), "x@one.example"), StringComparison.Ordinal);
    }

    private static async Task<string> ReceiveAsync(TestHouse house, string peer, string from)
    {
        await using var client = house.Connect(peer: peer);
        await client.WriteAsync(Encoding.Latin1.GetBytes(
            $"EHLO client\r\nMAIL FROM:<{from}>\r\nRCPT TO:<alice@example.org> NOTIFY=SUCCESS\r\nDATA\r\nFrom: {from}\r\n\r\nhi\r\n.\r\nQUIT\r\n"));
        using var reader = new StreamReader(client, Encoding.Latin1);
        await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
        return house.Mailbox("alice").LastOrDefault() ?? "";
    }
}
