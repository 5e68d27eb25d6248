using System.Text;
using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Smtp;

public class EnhancedStatusCodeTests
{
    [Theory]
    [InlineData("5.1.1", 5)]
    [InlineData("2.0.0 fine", 5)]
    [InlineData("4.999.999\ttext", 9)]
    public void ReadsACodeAtTheStart(string text, int length)
    {
        Assert.True(EnhancedStatusCode.TryParse(Encoding.ASCII.GetBytes(text), out var code, out var read));
        Assert.Equal(length, read);
        Assert.Equal(text[..length], code.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("5.1")]
    [InlineData("5.1.")]
    [InlineData("5..1")]
    [InlineData("3.1.1")]
    [InlineData("55.1.1")]
    [InlineData("5.1.1000")]
    [InlineData("5.1.1.1")]
    [InlineData("5.1.1x")]
    [InlineData(" 5.1.1")]
    public void RefusesWhatIsNone(string text)
    {
        Assert.False(EnhancedStatusCode.TryParse(Encoding.ASCII.GetBytes(text), out var code, out _));
        Assert.True(code.IsNone);
        Assert.False(EnhancedStatusCode.TryParse(text.AsSpan(), out _));
    }

    [Theory]
    [InlineData("5.1.1", true)]
    [InlineData("5.1.1 ", false)]
    [InlineData("\u0665.1.1", false)]
    public void AWholeTextHoldsNothingElse(string text, bool isCode) =>
        Assert.Equal(isCode, EnhancedStatusCode.TryParse(text.AsSpan(), out _));

    [Fact]
    public void AClassCanBeReplaced() => Assert.Equal("4.4.1", new EnhancedStatusCode(5, 4, 1).InClass(4).ToString());
}
