using System.Net;
using HomeMail.Config;
using Xunit;

namespace HomeMail.Server.Tests.Config;

public class ValueSyntaxTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1000", 1000)]
    [InlineData("64k", 65536)]
    [InlineData("64K", 65536)]
    [InlineData("25M", 26214400)]
    [InlineData("2g", 2147483648)]
    [InlineData("1T", 1099511627776)]
    public void Sizes(string text, long size)
    {
        Assert.True(ValueSyntax.TryParseSize(text, out var parsed));
        Assert.Equal(size, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("2.5G")]
    [InlineData("2 G")]
    [InlineData("+2")]
    [InlineData("2GB")]
    [InlineData("8388608T")]
    [InlineData("99999999999999999999")]
    public void No_sizes(string text) => Assert.False(ValueSyntax.TryParseSize(text, out _));

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("5m", 300)]
    [InlineData("4H", 14400)]
    [InlineData("5d", 432000)]
    public void Times(string text, int seconds)
    {
        Assert.True(ValueSyntax.TryParseDuration(text, out var parsed));
        Assert.Equal(TimeSpan.FromSeconds(seconds), parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("m")]
    [InlineData("1h30m")]
    [InlineData("-5m")]
    [InlineData("5w")]
    [InlineData("99999999999d")]
    public void No_times(string text) => Assert.False(ValueSyntax.TryParseDuration(text, out _));

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("2001:DB8::1", "2001:db8::1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    public void Addresses(string text, string expected)
    {
        Assert.True(ValueSyntax.TryParseIP(text, out var parsed));
        Assert.Equal(expected, parsed.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.2.3")]
    [InlineData("192.0.2.256")]
    [InlineData("192.0.2.01")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("::1/64")]
    [InlineData("192.0.2.1:25")]
    [InlineData("example.org")]
    public void No_addresses(string text) => Assert.False(ValueSyntax.TryParseIP(text, out _));

    [Theory]
    [InlineData("smtp.example", "smtp.example", 587)]
    [InlineData("SMTP.example:25", "smtp.example", 25)]
    [InlineData("localhost", "localhost", 587)]
    [InlineData("192.0.2.1:25", "192.0.2.1", 25)]
    [InlineData("2001:db8::1", "2001:db8::1", 587)]
    [InlineData("[2001:db8::1]", "2001:db8::1", 587)]
    [InlineData("[2001:db8::1]:25", "2001:db8::1", 25)]
    public void Hosts(string text, string host, int port)
    {
        Assert.True(ValueSyntax.TryParseHost(text, 587, out var parsedHost, out var parsedPort));
        Assert.Equal((host, port), (parsedHost, parsedPort));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":25")]
    [InlineData("a:")]
    [InlineData("a:0")]
    [InlineData("a:65536")]
    [InlineData("a:+25")]
    [InlineData("a b")]
    [InlineData("[a]:25")]
    [InlineData("[192.0.2.1]:25")]
    [InlineData("[::1")]
    [InlineData("[::1]25")]
    [InlineData("192.0.2.256")]
    public void No_hosts(string text) => Assert.False(ValueSyntax.TryParseHost(text, 587, out _, out _));

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("172.16.0.1", true)]
    [InlineData("172.32.0.1", false)]
    [InlineData("192.168.1.254", true)]
    [InlineData("100.64.0.1", true)]
    [InlineData("100.128.0.1", false)]
    [InlineData("127.0.0.1", true)]
    [InlineData("169.254.1.1", true)]
    [InlineData("192.0.0.2", true)]
    [InlineData("224.0.0.1", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("203.0.113.7", false)]
    [InlineData("fd00::1", true)]
    [InlineData("fe80::1", true)]
    [InlineData("::1", true)]
    [InlineData("::", true)]
    [InlineData("ff02::1", true)]
    [InlineData("2001:db8::25", false)]
    public void Who_is_not_public(string text, bool expected) => Assert.Equal(expected, ValueSyntax.IsNotPublic(IPAddress.Parse(text)));
}
