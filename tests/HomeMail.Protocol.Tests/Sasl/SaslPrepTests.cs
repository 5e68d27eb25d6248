using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;

namespace HomeMail.Protocol.Tests.Sasl;

public class SaslPrepTests
{
    // The examples of RFC 4013 3 that do not need NFKC (numbers 1, 2, 3, 6), and one row for each table of 2.1.
    [Theory]
    [InlineData("I\u00adX", "IX")]
    [InlineData("user", "user")]
    [InlineData("USER", "USER")]
    [InlineData("two\u00a0words", "two words")]
    [InlineData("two\u3000words", "two words")]
    [InlineData("two\u2003words\u202f", "two words ")]
    [InlineData("soft\u200d\ufe0f\u2060\ufeffly", "softly")]
    [InlineData("grün \U0001f98a", "grün \U0001f98a")]
    [InlineData(" ~ ", " ~ ")]
    [InlineData("", "")]
    public void Maps(string text, string expected)
    {
        Assert.True(SaslPrep.TryPrepare(Encoding.UTF8.GetBytes(text), out var prepared));
        Assert.Equal(expected, Encoding.UTF8.GetString(prepared));
    }

    [Theory]
    [InlineData("\u0007")]
    [InlineData("a\0")]
    [InlineData("a\r\nb")]
    [InlineData("a\u007f")]
    [InlineData("é\n")]
    [InlineData("é\u0085")]
    [InlineData("\u2028")]
    [InlineData("\u200e")]
    [InlineData("\u202e")]
    [InlineData("\ue000")]
    [InlineData("\ufdd0")]
    [InlineData("\ufffd")]
    [InlineData("\ufffe")]
    [InlineData("\u2ff0")]
    [InlineData("\u0340")]
    [InlineData("\U000e0041")]
    [InlineData("\U0001fffe")]
    [InlineData("\U000f0000")]
    [InlineData("\U0010ffff")]
    public void Refuses_prohibited_characters(string text)
    {
        Assert.False(SaslPrep.TryPrepare(Encoding.UTF8.GetBytes(text), out var prepared));
        Assert.Empty(prepared);
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("c0af")]
    [InlineData("e282")]
    [InlineData("eda080")]
    [InlineData("61e9")]
    public void Refuses_what_is_not_utf8(string hex) =>
        Assert.False(SaslPrep.TryPrepare(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_password_typed_with_another_space_fits() =>
        Assert.True(ScramCredential.Create("two words", ScramCredential.MinimumIterations).Verify("two\u00a0wo\u00adrds"u8));
}
