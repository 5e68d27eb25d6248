using HomeMail.Server.Dns;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Dns;

public sealed class NameServersTests
{
    [Fact]
    public void ReadsResolvConf()
    {
        var settings = NameServerSettings.ParseResolvConf(
            "# made by DHCP\nsearch lan\nnameserver 192.168.1.254\nnameserver\t::1\r\nnameserver nonsense\noptions timeout:9 attempts:99 rotate edns0\n");
        Assert.Equal(["192.168.1.254:53 False", "[::1]:53 True"], settings.Servers.Select(s => $"{s} {s.Trusted}"));
        Assert.Equal((TimeSpan.FromSeconds(9), 4), (settings.Timeout, settings.Attempts));
    }

    [Fact]
    public void TrustAdMarksThemAll() =>
        Assert.All(NameServerSettings.ParseResolvConf("nameserver 9.9.9.9\noptions trust-ad").Servers, s => Assert.True(s.Trusted));

    [Fact]
    public void WithoutAServerItIsTheLocalOne() =>
        Assert.Equal(["127.0.0.1:53"], NameServerSettings.ParseResolvConf("options timeout:x\n").Servers.Select(s => s.ToString()));

    [Theory]
    [InlineData("127.0.0.1:5353", "127.0.0.1:5353 True")]
    [InlineData("192.0.2.1", "192.0.2.1:53 False")]
    [InlineData("[2001:db8::1]:54, ::1", "[2001:db8::1]:54 False|[::1]:53 True")]
    [InlineData("dns.example:53", null)]
    [InlineData("", null)]
    [InlineData("1.2.3.4:99999", null)]
    public void ReadsTheResolverSetting(string text, string? expected)
    {
        Assert.Equal(expected is not null, NameServerSettings.TryParse(text, out var settings));
        if (expected is not null)
            Assert.Equal(expected, string.Join('|', settings!.Servers.Select(s => $"{s} {s.Trusted}")));
    }

    [Fact]
    public void AChangedFileIsReadAgain()
    {
        var path = Path.GetTempFileName();
        try
        {
            var clock = new FakeTimeProvider();
            File.WriteAllText(path, "nameserver 192.0.2.1\n");
            var file = new ResolvConf(path, clock);
            Assert.Equal("192.0.2.1:53", file.Current.Servers[0].ToString());
            File.WriteAllText(path, "nameserver 192.0.2.2\n");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(1));
            Assert.Equal("192.0.2.1:53", file.Current.Servers[0].ToString());
            clock.Advance(TimeSpan.FromSeconds(6));
            Assert.Equal("192.0.2.2:53", file.Current.Servers[0].ToString());
            File.Delete(path);
            clock.Advance(TimeSpan.FromSeconds(6));
            Assert.Equal("192.0.2.2:53", file.Current.Servers[0].ToString());
        }
        finally
        {
            File.Delete(path);
        }
    }
}
