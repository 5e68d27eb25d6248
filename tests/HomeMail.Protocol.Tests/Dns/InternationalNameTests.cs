using HomeMail.Protocol.Dns;
using Xunit;

namespace HomeMail.Protocol.Tests.Dns;

public sealed class InternationalNameTests
{
    [Theory]
    [InlineData("example.org", "example.org")]
    [InlineData("EXAMPLE.org", "EXAMPLE.org")]
    [InlineData("b\u00fccher.Example", "xn--bcher-kva.example")]
    [InlineData("\u043f\u043e\u0447\u0442\u0430.example", "xn--80a1acny.example")]
    [InlineData("\u4f8b\u3048.example", "xn--r8jz45g.example")]
    public void StableNamesHaveAnALabelForm(string domain, string expected)
    {
        Assert.True(InternationalName.TryToAscii(domain, out var ascii));
        Assert.Equal(expected, ascii, ignoreCase: true);
    }

    [Theory]
    [InlineData("B\u00dcCHER.example")] // capital
    [InlineData("bu\u0308cher.example")] // decomposed
    [InlineData("\u2126.example")] // ohm sign, omega to the eye
    [InlineData("stra\u00dfe.example")] // another name in IDNA 2003
    [InlineData("\u03c2.example")] // final sigma, likewise
    [InlineData("\uff45xample.org")] // full width
    [InlineData("example\u3002org")] // ideographic full stop: a dot to some
    [InlineData("example\u2024org")] // one dot leader
    [InlineData("\ufb01le.example")] // ligature
    [InlineData("paypa\u217c.example")] // small roman numeral fifty
    [InlineData("a\u200db.example")] // joiner
    [InlineData("a\u00adb.example")] // soft hyphen
    [InlineData("\ud835\udc1a.example")] // mathematical bold a
    [InlineData("\ud800.example")]
    [InlineData("b\u00fc_cher.example")]
    [InlineData("-\u00fc.example")]
    public void NamesThatAMappingWouldChangeHaveNone(string domain) => Assert.False(InternationalName.TryToAscii(domain, out _));
}
