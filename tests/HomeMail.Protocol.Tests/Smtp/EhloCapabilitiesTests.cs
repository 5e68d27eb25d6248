using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Smtp;

public class EhloCapabilitiesTests
{
    [Fact]
    public void ReadsEveryKeywordItKnows()
    {
        var offer = Parse("mx.example.net at your service\nPIPELINING\nSIZE 35882577\n8BITMIME\nSMTPUTF8\nCHUNKING\nDSN\nSTARTTLS\nREQUIRETLS\n"
                          + "AUTH PLAIN LOGIN SCRAM-SHA-256\nENHANCEDSTATUSCODES\nLIMITS RCPTMAX=20 MAILMAX=5\nXCLIENT NAME\nHELP");
        Assert.Equal((EhloKeywords)0x7ff, offer.Keywords);
        Assert.Equal(35882577, offer.MaxSize);
        Assert.Equal(["PLAIN", "LOGIN", "SCRAM-SHA-256"], offer.Mechanisms);
        Assert.Equal((20, 5), (offer.MaxRecipients, offer.MaxTransactions));
    }

    [Theory]
    [InlineData("x\nsize 100", EhloKeywords.Size, 100L)]
    [InlineData("x\nSize", EhloKeywords.Size, null)]
    [InlineData("x\nSIZE 0", EhloKeywords.Size, null)]
    [InlineData("x\nSIZE lots", EhloKeywords.Size, null)]
    [InlineData("x\nSIZE 99999999999999999999999", EhloKeywords.Size, null)]
    [InlineData("x\nstartTLS", EhloKeywords.StartTls, null)]
    [InlineData("x\n STARTTLS ", EhloKeywords.StartTls, null)]
    [InlineData("STARTTLS", EhloKeywords.None, null)]
    [InlineData("STARTTLS\nDSN", EhloKeywords.Dsn, null)]
    [InlineData("", EhloKeywords.None, null)]
    [InlineData("x\n\nDSN", EhloKeywords.Dsn, null)]
    [InlineData("x\nDSNX\nXDSN", EhloKeywords.None, null)]
    [InlineData("x\nAVERYLONGKEYWORDTHATISNOTONEWEKNOWATALL", EhloKeywords.None, null)]
    public void ReadsOddAnswers(string text, EhloKeywords keywords, long? size)
    {
        var offer = Parse(text);
        Assert.Equal(keywords, offer.Keywords);
        Assert.Equal(size, offer.MaxSize);
    }

    [Theory]
    [InlineData("x\nAUTH=LOGIN PLAIN", "LOGIN PLAIN")]
    [InlineData("x\nAUTH LOGIN\nAUTH=LOGIN PLAIN", "LOGIN PLAIN")]
    [InlineData("x\nauth  login   Plain", "login Plain")]
    [InlineData("x\nAUTH", "")]
    public void ReadsMechanisms(string text, string mechanisms) =>
        Assert.Equal(mechanisms, string.Join(' ', Parse(text).Mechanisms));

    [Theory]
    [InlineData("x\nLIMITS", null)]
    [InlineData("x\nLIMITS rcptmax=7", 7)]
    [InlineData("x\nLIMITS RCPTMAX=0", null)]
    [InlineData("x\nLIMITS XRCPTMAX=3", null)]
    public void ReadsLimits(string text, int? recipients) => Assert.Equal(recipients, Parse(text).MaxRecipients);

    private static EhloCapabilities Parse(string text) => EhloCapabilities.Parse(new RemoteReply(250, default, text));
}
