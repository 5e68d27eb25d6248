using System.Text;
using HomeMail.Protocol.Message;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public sealed class AuthenticationResultsReaderTests
{
    [Theory]
    [InlineData("example.com; none", "example.com", "")]
    [InlineData(" example.com 1; none", "example.com", "")]
    [InlineData("example.com", "example.com", "")]
    [InlineData("example.com; spf=pass smtp.mailfrom=example.net", "example.com", "spf=pass smtp.mailfrom:example.net")]
    [InlineData("example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.com;\r\n spf=pass smtp.mailfrom=example.com", "example.com", "auth=pass smtp.auth:sender@example.com|spf=pass smtp.mailfrom:example.com")]
    [InlineData("(a (b) \\) c) foo.example.net (d) 1 (e) ; (f) dkim (g) = (h) fail (i) policy.expired (j) = (k) 1362471462", "foo.example.net", "dkim=fail policy.expired:1362471462")]
    [InlineData("\"a b\"; dkim/1=PASS reason=\"good; \\\"x\\\"\" header.d=example.net", "a b", "dkim=pass reason:good; \"x\" header.d:example.net")]
    [InlineData("a.example; spf=pass;", "a.example", "spf=pass")]
    public void What_is_well_formed_is_read(string value, string id, string results)
    {
        Assert.True(AuthenticationResultsReader.TryRead(Encoding.UTF8.GetBytes(value), out var service, out var read));
        Assert.Equal(id, service);
        Assert.Equal(results, string.Join('|', read.Select(r => $"{r.Method}={r.Result}{string.Concat(r.Properties.Select(p => $" {p.Name}:{p.Value}"))}")));
    }

    [Theory]
    [InlineData("")]
    [InlineData(";")]
    [InlineData("a.example x; none")]
    [InlineData("a.example; spf")]
    [InlineData("a.example; spf=")]
    [InlineData("a.example; spf=pass (")]
    [InlineData("a.example; spf=pass reason=\"")]
    [InlineData("a.example; spf=pass reason=\"\\")]
    [InlineData("a.example; spf=pass smtp.mailfrom")]
    [InlineData("a.example; =pass")]
    [InlineData("a.example; /1=pass")]
    [InlineData("\"\"; spf=pass")]
    [InlineData("a.example; spf=pass )")]
    public void What_is_not_counts_for_nothing(string value) =>
        Assert.False(AuthenticationResultsReader.TryRead(Encoding.UTF8.GetBytes(value), out _, out _));

    [Fact]
    public void What_we_write_we_can_read()
    {
        var field = new AuthenticationResults("mx.example").Add("spf", "none", "a \"b\" \\", "c (d) \\ e", ("smtp.mailfrom", "x;y@z.example")).ToString();
        Assert.True(AuthenticationResultsReader.TryRead(Encoding.UTF8.GetBytes(field[(field.IndexOf(':', StringComparison.Ordinal) + 1)..]), out _, out var read));
        var only = Assert.Single(read);
        Assert.Equal(("x;y@z.example", "a \"b\" \\"), (only.Property("smtp.mailfrom"), only.Property("reason")));
        Assert.NotNull(only.Comment);
    }

    [Fact]
    public void Many_are_bounded()
    {
        var many = "a.example" + string.Concat(Enumerable.Repeat("; spf=pass", 3000));
        Assert.True(AuthenticationResultsReader.TryRead(Encoding.UTF8.GetBytes(many), out _, out var read));
        Assert.Equal(64, read.Count);
        Assert.False(AuthenticationResultsReader.TryRead(new byte[40_000], out _, out _));
    }
}
