using HomeMail.Protocol.Text;
using Xunit;

namespace HomeMail.Protocol.Tests.Text;

public class ModifiedUtf7Tests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("INBOX", "INBOX")]
    [InlineData("A & B", "A &- B")]
    [InlineData("&&", "&-&-")]
    // RFC 3501 5.1.3's own example.
    [InlineData("~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-")]
    [InlineData("Entw\u00fcrfe", "Entw&APw-rfe")]
    [InlineData("\U0001F426 birds", "&2D3cJg- birds")]
    [InlineData("a\tb", "a&AAk-b")]
    public void Both_ways(string text, string encoded)
    {
        Assert.Equal(encoded, ModifiedUtf7.Encode(text));
        Assert.True(ModifiedUtf7.TryDecode(encoded, out var decoded));
        Assert.Equal(text, decoded);
    }

    [Theory]
    [InlineData("a&b")]
    [InlineData("a&AP-")]
    [InlineData("a&AP/-")]
    [InlineData("a&A-")]
    [InlineData("a&APw")]
    [InlineData("&2D0-")]
    [InlineData("&3CY-")]
    [InlineData("\u00fc")]
    [InlineData("a\tb")]
    public void What_is_none(string text) => Assert.False(ModifiedUtf7.TryDecode(text, out _));
}
