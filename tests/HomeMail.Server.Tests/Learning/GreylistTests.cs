using System.Net;
using HomeMail.Server.Learning;
using HomeMail.Server.Policy;
using HomeMail.Server.Tests.Policy;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Learning;

/// <summary>Greylisting, with what has gone wrong with it elsewhere; the numbers are those of the field cases.</summary>
public sealed class GreylistTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("homemail-greylist").FullName;
    private readonly FakeTimeProvider _clock = new(Facts.Noon);
    private StateStore _state;

    public GreylistTests() => _state = new StateStore(_folder + "/state.db", _clock);

    private DateTimeOffset? Visit(string client, string? name = null, string domain = "example.net") =>
        new Greylist(_state.Collection("greylist"), _clock).Visit(IPAddress.Parse(client), name, domain);

    [Fact]
    public void Who_comes_again_after_the_wait_is_let_in_and_stays_so()
    {
        Assert.Equal(Facts.Noon.AddMinutes(5), Visit("192.0.2.10"));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Facts.Noon.AddMinutes(5), Visit("192.0.2.10"));
        _clock.Advance(TimeSpan.FromMinutes(4));
        Assert.Null(Visit("192.0.2.10"));
        _clock.Advance(TimeSpan.FromDays(30));
        Assert.Null(Visit("192.0.2.10"));
        Assert.NotNull(Visit("198.51.100.1"));
    }

    // 131: the pool of a large provider; the same mail comes from mail-eopbgr10051, ...20064 and so on.
    [Fact]
    public void Case_131_hosts_of_one_pool_are_one()
    {
        Assert.NotNull(Visit("40.107.1.51", "mail-eopbgr10051.outbound.protection.outlook.com"));
        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Null(Visit("40.107.2.64", "mail-eopbgr20064.outbound.protection.outlook.com"));
        // Without names, one /24 or /64 is one.
        Assert.NotNull(Visit("192.0.2.10"));
        Assert.NotNull(Visit("2001:db8:1:1::5"));
        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Null(Visit("192.0.2.250"));
        Assert.Null(Visit("2001:db8:1:1:ffff::9"));
    }

    // 133: every retry comes from another network.
    [Fact]
    public void Case_133_who_proves_itself_is_not_asked_and_who_roams_is_let_in()
    {
        Assert.False(MailPolicy.IsForGreylist(Facts.Unproven with { Spf = Protocol.Spf.SpfResult.Pass }));
        Assert.False(MailPolicy.IsForGreylist(Facts.Unproven with { DkimDomains = ["aliexpress.example"] }));
        Assert.True(MailPolicy.IsForGreylist(Facts.Unproven));
        Assert.NotNull(Visit("192.0.2.1"));
        _clock.Advance(TimeSpan.FromMinutes(15));
        Assert.NotNull(Visit("198.51.100.1"));
        _clock.Advance(TimeSpan.FromMinutes(20));
        Assert.Null(Visit("203.0.113.1"));
    }

    [Fact]
    public void It_outlives_a_restart_and_forgets_those_who_never_came_again()
    {
        Visit("192.0.2.10");
        _state.Dispose();
        _state = new StateStore(_folder + "/state.db", _clock);
        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Null(Visit("192.0.2.10"));
        Visit("198.51.100.1", domain: "other.example");
        _clock.Advance(TimeSpan.FromDays(3));
        Assert.NotNull(Visit("198.51.100.1", domain: "other.example"));
    }

    [Fact]
    public void A_clock_that_was_ahead_keeps_nobody_out()
    {
        _clock.Advance(TimeSpan.FromDays(400));
        Visit("192.0.2.10");
        var back = new FakeTimeProvider(Facts.Noon);
        var list = new Greylist(_state.Collection("greylist"), back);
        Assert.Null(list.Visit(IPAddress.Parse("192.0.2.10"), null, "example.net"));
    }

    [Theory]
    [InlineData("mail-a.outbound.protection.outlook.com", "outlook.com")]
    [InlineData("mx1.shop.co.uk", "shop.co.uk")]
    [InlineData("mx1.shop.com.au", "shop.com.au")]
    [InlineData("example.org", "example.org")]
    [InlineData("Mx.Example.ORG.", "example.org")]
    public void The_name_of_a_pool(string host, string pool) => Assert.Equal(pool, SenderIdentities.PoolOf(host));

    public void Dispose()
    {
        _state.Dispose();
        Directory.Delete(_folder, true);
    }
}
