using System.Text;
using HomeMail.Server.Imap.Structure;
using Xunit;

namespace HomeMail.Server.Tests.Imap.Structure;

public sealed class EncodedWordsTests
{
    [Theory]
    [InlineData("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße")]
    [InlineData("Re: =?koi8-r?B?8NLJ18XU?= Ivan", "Re: Привет Ivan")]
    [InlineData("=?gb2312?B?xOO6ww==?= =?GBK?B?h/g=?=", "你好國")]
    [InlineData("=?iso-2022-jp?B?GyRCNEE7ehsoQg==?=", "漢字")]
    [InlineData("=?windows-1252?Q?=93x=94?=", "“x”")]
    public void Words_in_any_charset_become_text(string value, string text)
    {
        var octets = Encoding.ASCII.GetBytes("  " + value + "  ");
        Assert.Equal(text, EncodedWords.Decode(octets, 2, value.Length));
    }
}
