using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class DiagnosticTests
{
    [Theory]
    [InlineData("mx.example.net: 550 5.1.1 no such user", "mx.example.net", 550, "5.1.1", "no such user")]
    [InlineData("mx.example.net: 4.4.1 connection refused (192.0.2.1)", "mx.example.net", 0, "4.4.1", "connection refused (192.0.2.1)")]
    [InlineData("2001:db8::1: 550 5.1.1 x", "2001:db8::1", 550, "5.1.1", "x")]
    [InlineData("5.1.2 no such domain: example.net", null, 0, "5.1.2", "no such domain: example.net")]
    [InlineData("550 5.1.1", null, 550, "5.1.1", "")]
    [InlineData("250 2.0.0 a: 550 5.1.1 b", null, 250, "2.0.0", "a: 550 5.1.1 b")]
    public void IsReadAsItWasWritten(string line, string? host, int code, string status, string text)
    {
        var read = Diagnostic.Parse(line)!;
        Assert.Equal((host, code, status, text), (read.Host, read.Code, read.Status.ToString(), read.Text));
        Assert.Equal(line, read.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void NothingIsNothing(string? line) => Assert.Null(Diagnostic.Parse(line));

    [Fact]
    public void AStrangeTextIsKept() => Assert.Equal("4.0.0 what: ever", Diagnostic.Parse("what: ever")!.ToString());

    [Fact]
    public void AReplyFitsInOneLine()
    {
        var line = Diagnostic.Of("mx.example.net", new RemoteReply(550, default, "first\nsecond\u0085third" + new string('x', 5000))).ToString();
        Assert.StartsWith("mx.example.net: 550 5.0.0 first second third", line, StringComparison.Ordinal);
        Assert.True(line.Length < 900);
        Assert.DoesNotContain(line, char.IsControl);
    }

    [Theory]
    [InlineData("550 5.7.25 whatever", true)]
    [InlineData("550 5.7.1 [2001:db8::1] Our system has detected that the sending IPv6 address does not have a PTR record", true)]
    [InlineData("550 5.7.26 reverse DNS needed", true)]
    [InlineData("550 5.7.1 looks like spam", false)]
    [InlineData("550 5.7.26 unauthenticated mail", false)]
    [InlineData("550 5.1.1 no such user reverse", false)]
    [InlineData("450 4.7.25 no PTR", false)]
    [InlineData("554 5.7.1 attachment ptrsomething", false)]
    public void BlameIsToldFromOtherRefusals(string reply, bool isBlame) => Assert.Equal(isBlame, AddressBlame.Is(Diagnostic.Parse(reply)!));
}
