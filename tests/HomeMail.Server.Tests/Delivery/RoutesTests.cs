using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class RoutesTests
{
    private static readonly Smarthost Isp = new("isp", "smtp.isp.example", 587);

    private static readonly Routes All = new(
        [
            new Route("*", [null, Isp]),
            new Route("example.org", [null]),
            new Route(".example.org", [Isp]),
            new Route("*.deep.example.org", [null], FamilyMode.IPv4Only),
            new Route("office", [Isp], Tls: RouteTls.Required),
            new Route("Both", [null, Isp]),
        ],
        new Dictionary<string, string> { ["office.example"] = "office", ["lab.example"] = "both", ["lost.example"] = "nowhere" });

    [Theory]
    [InlineData("example.net", null, "*", "example.net")]
    [InlineData("Example.ORG", null, "example.org", "example.org")]
    [InlineData("a.example.org", null, ".example.org", "smarthost:isp by route:.example.org")]
    [InlineData("a.b.example.org", null, ".example.org", "smarthost:isp by route:.example.org")]
    [InlineData("deep.example.org", null, ".example.org", "smarthost:isp by route:.example.org")]
    [InlineData("x.deep.example.org", null, "*.deep.example.org", "x.deep.example.org")]
    [InlineData("notexample.org", null, "*", "notexample.org")]
    [InlineData("[192.0.2.1]", null, "*", "[192.0.2.1]")]
    [InlineData("example.org", "Office.Example", "office", "smarthost:isp by route:office")]
    [InlineData("example.org", "lab.example", "Both", "example.org by route:Both")]
    [InlineData("example.org", "lost.example", "example.org", "example.org")]
    [InlineData("example.org", "other.example", "example.org", "example.org")]
    public void TheMostSpecificWins(string domain, string? sender, string route, string key)
    {
        Assert.Equal(route, All.For(domain, sender).Name);
        Assert.Equal(key, All.To(domain, sender).Key);
    }

    [Fact]
    public void WithoutAnyRouteMailGoesToTheMx()
    {
        var destination = new Routes([]).To("example.org", null);
        Assert.Equal([null], destination.Route.Via);
        Assert.Equal("example.org", destination.Domain);
    }

    [Theory]
    [InlineData("example.org", true)]
    [InlineData("EXAMPLE.org", true)]
    [InlineData("a.example.org", false)]
    [InlineData("mx.example.net", false)]
    public void OnlyAnExactNameNamesAHost(string host, bool named) => Assert.Equal(named, All.Names(host));
}
