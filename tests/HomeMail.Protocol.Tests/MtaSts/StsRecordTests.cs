using HomeMail.Protocol.MtaSts;
using Xunit;

namespace HomeMail.Protocol.Tests.MtaSts;

public class StsRecordTests
{
    [Theory]
    [InlineData("v=STSv1; id=20160831085700Z;", "20160831085700Z")]
    [InlineData("v=STSv1;id=1", "1")]
    [InlineData("v=STSv1 \t; \tid=1 ;", "1")]
    [InlineData("v=STSv1; a=b c; id=1; id=2", "1")]
    [InlineData("v=STSv1; id=12345678901234567890123456789012", "12345678901234567890123456789012")]
    [InlineData("v=STSv1; id=123456789012345678901234567890123", null)]
    [InlineData("v=STSv1; id=", null)]
    [InlineData("v=STSv1; id=a-b", null)]
    [InlineData("v=STSv1; ID=1", null)]
    [InlineData("v=STSv1;", null)]
    [InlineData("v=STSv1", null)]
    [InlineData("v=STSv1; id=1; ;", null)]
    [InlineData("v=STSv1; junk; id=1", null)]
    [InlineData("v=STSv10; id=1", null)]
    [InlineData("v=stsv1; id=1", null)]
    [InlineData(" v=STSv1; id=1", null)]
    [InlineData("id=1; v=STSv1", null)]
    [InlineData("v=spf1 -all", null)]
    [InlineData("", null)]
    public void OneRecordIsRead(string text, string? id) => Assert.Equal(id, StsRecord.FindId([text]));

    [Fact]
    public void OtherRecordsDoNotCountAndTwoAreNone()
    {
        Assert.Equal("1", StsRecord.FindId(["v=spf1 -all", "v=STSv1; id=1", "v=STSv2; id=2"]));
        Assert.Null(StsRecord.FindId(["v=STSv1; id=1", "v=STSv1; id=1"]));
        Assert.Null(StsRecord.FindId(["v=STSv1; id=1", "v=STSv1; broken"]));
        Assert.Null(StsRecord.FindId([]));
    }
}
