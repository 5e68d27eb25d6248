using System.Globalization;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Transfer;

public class MailDateTests
{
    [Theory]
    [InlineData("Thu Jan  1 00:00:07 1970", "1970-01-01T00:00:07")]
    [InlineData("Sat Jan  3 01:05:34 1996", "1996-01-03T01:05:34")]
    [InlineData("Tue Nov 25 10:20:30 2025 +0200", "2025-11-25T08:20:30")]
    [InlineData("Tue Nov 25 10:20:30 +0200 2025", "2025-11-25T08:20:30")]
    [InlineData("Tue Nov 25 10:20 EST 2025", "2025-11-25T15:20:00")]
    [InlineData("Tue Nov 25 10:20:30 2025 remote from house", "2025-11-25T10:20:30")]
    [InlineData("Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T08:52:37")]
    [InlineData("1 Jul 2003 10:52 -0330 (somewhere (else))", "2003-07-01T14:22:00")]
    [InlineData(" Thu,\r\n 13 Feb 1999 23:32 GMT", "1999-02-13T23:32:00")]
    [InlineData("Sun, 31 Dec 2023 23:59:60 +0000", "2024-01-01T00:00:00")]
    public void Dates(string text, string utc)
    {
        Assert.True(MailDate.TryParse(text, out var date));
        Assert.Equal(DateTime.Parse(utc, CultureInfo.InvariantCulture), date.UtcDateTime);
    }

    [Theory]
    [InlineData("")]
    [InlineData("here on it went well, at 10:30 in 2024")]
    [InlineData("the first of Jan 2024")]
    [InlineData("Jan 1 10:00")]
    [InlineData("Feb 30 10:00 2024")]
    [InlineData("Jan 1 25:00 2024")]
    [InlineData("Jan 1 10:00:00:00 2024")]
    [InlineData("Jan 1 10:00 2024 +9900")]
    [InlineData("Jan 1 10:00 0070")]
    public void No_dates(string text) => Assert.False(MailDate.TryParse(text, out _));
}
