using System.Net;
using HomeMail.Server.Dns;
using HomeMail.Server.House;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>What counts as the public address, and when it may be published.</summary>
public sealed class PublicPictureTests
{
    [Theory]
    [InlineData("10.1.2.3", false)]
    [InlineData("192.168.1.254", false)]
    [InlineData("100.64.0.9", false)] // a provider's own NAT
    [InlineData("100.127.255.254", false)]
    [InlineData("100.128.0.1", true)]
    [InlineData("192.0.0.2", false)] // DS-Lite
    [InlineData("169.254.1.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("203.0.113.7", true)]
    [InlineData("fd00::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:203.0.113.7", false)]
    [InlineData("64:ff9b::203.0.113.7", false)]
    [InlineData("2002:cb00:7107::1", false)]
    [InlineData("2001:db8::25", true)]
    [InlineData("2a00:1450::1", true)]
    public void OnlyGlobalUnicastIsPublic(string address, bool isPublic)
    {
        Assert.Equal(isPublic, PublicPicture.IsPublic(IPAddress.Parse(address)));
        Assert.Equal(isPublic ? 1 : 0, new PublicPicture([Report(address, AddressSource.Pcp)]).Addresses.Count);
    }

    [Fact]
    public void TwoIndependentSourcesOrTheOwnerDecideWhatIsPublished()
    {
        Assert.False(May(AddressSource.Interface));
        Assert.False(May(AddressSource.Pcp, AddressSource.NatPmp, AddressSource.Upnp)); // one box, asked three times
        Assert.False(May(AddressSource.Pcp, AddressSource.Hostname)); // what we said ourselves
        Assert.True(May(AddressSource.Upnp, AddressSource.Peers));
        Assert.True(May(AddressSource.Interface, AddressSource.Reached));
        Assert.True(May(AddressSource.Configuration));
        var picture = new PublicPicture([Report("203.0.113.7", AddressSource.Pcp), Report("203.0.113.8", AddressSource.Peers)]);
        Assert.False(picture.MayBePublished(IPAddress.Parse("203.0.113.7"))); // they do not agree
    }

    [Fact]
    public void TheMostBelievableSourceNamesTheAddress()
    {
        var picture = new PublicPicture([Report("203.0.113.9", AddressSource.Hostname), Report("203.0.113.7", AddressSource.Upnp), Report("2001:db8::25", AddressSource.Interface)]);
        Assert.Equal([IPAddress.Parse("203.0.113.7"), IPAddress.Parse("2001:db8::25")], picture.Addresses);
    }

    [Fact]
    public async Task ASourceThatHangsOrFailsDoesNotHideTheOthers()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var hangs = new Source(async cancel =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            return [];
        });
        var fails = new Source(_ => throw new IOException("gone"));
        var lies = new Source(_ => Task.FromResult<IReadOnlyList<AddressReport>>([Report("203.0.113.66", AddressSource.Pcp), Report("2001:db8::25", AddressSource.Interface)]));
        var asking = new PublicAddresses(() => [IPAddress.Parse("203.0.113.7")], [hangs, fails, lies], clock).AskAsync(TestContext.Current.CancellationToken);
        while (!asking.IsCompleted)
            clock.Advance(TimeSpan.FromSeconds(1));
        // Of the family that is written down nobody else is heard.
        Assert.Equal([IPAddress.Parse("203.0.113.7"), IPAddress.Parse("2001:db8::25")], (await asking).Addresses);
        Assert.DoesNotContain((await asking).Reports, r => r.Source == AddressSource.Pcp);
    }

    [Fact]
    public async Task TheHostnameIsAskedForBothFamilies()
    {
        var zone = new ZoneResolver().Addresses("mail.example.org", "203.0.113.7", "2001:db8::25");
        var reports = await new HostnameAddresses(zone, () => "mail.example.org").AskAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["203.0.113.7", "2001:db8::25"], reports.Select(r => r.Address.ToString()));
    }

    [Theory]
    [InlineData("2001:db8::aaaa", "2001:db8::25")] // temporary: the stable one of the prefix
    [InlineData("2001:db8::25", "2001:db8::25")]
    [InlineData("2001:db8:0:1::7", "2001:db8:0:1::7")] // there is no other
    public void OfIPv6TheStableAddressCounts(string sends, string stable)
    {
        string[] lines =
        [
            "20010db8000000000000000000000bad 02 40 00 20     eth0", // deprecated
            "20010db800000000000000000000aaaa 02 40 00 01     eth0",
            "20010db8000000000000000000000025 02 40 00 80     eth0",
            "fe800000000000000000000000000001 02 40 20 80     eth0",
        ];
        Assert.Equal(IPAddress.Parse(stable), new SendingAddresses(_ => lines).Stable(IPAddress.Parse(sends)));
    }

    private static AddressReport Report(string address, AddressSource source) => new(IPAddress.Parse(address), source);

    private static bool May(params AddressSource[] sources) =>
        new PublicPicture(sources.Select(source => Report("203.0.113.7", source))).MayBePublished(IPAddress.Parse("203.0.113.7"));

    private sealed class Source(Func<CancellationToken, Task<IReadOnlyList<AddressReport>>> ask) : IPublicAddressSource
    {
        public Task<IReadOnlyList<AddressReport>> AskAsync(CancellationToken cancel) => ask(cancel);
    }
}
