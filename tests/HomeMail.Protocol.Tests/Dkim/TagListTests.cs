using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Protocol.Dkim;
using Xunit;

namespace HomeMail.Protocol.Tests.Dkim;

public sealed class TagListTests
{
    [Fact]
    public void ValuesAreTrimmedAndFoldingIsKeptInside()
    {
        Assert.True(TagList.TryParse(" v = 1 ;\r\n\th=from :\r\n to; b=\r\n ab\r\n cd ; n= ", out var tags));
        Assert.Equal(("1", "from :\r\n to", "from:to", "", null), (tags["v"], tags["h"], tags.Compact("h"), tags["n"], tags["x"]));
        Assert.Equal(4, tags.Count);
        var (start, length) = tags.RawRange("b");
        Assert.Equal("\r\n ab\r\n cd ", " v = 1 ;\r\n\th=from :\r\n to; b=\r\n ab\r\n cd ; n= ".Substring(start, length));
        Assert.True(TagList.TryParse("a=1;", out _));
        Assert.True(TagList.TryParse("a=1; \r\n", out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData(";")]
    [InlineData("a")]
    [InlineData("a=1;;b=2")]
    [InlineData("a=1;a=2")]
    [InlineData("=1")]
    [InlineData("1a=1")]
    [InlineData("a b=1")]
    [InlineData("a=1\0")]
    [InlineData("a=1;\u007f=2")]
    [InlineData("v=1; junk")]
    public void WhatTwoReadersCouldTakeDifferentlyIsNoList(string text) => Assert.False(TagList.TryParse(text, out _));

    [Property(MaxTest = 3000)]
    public Property NoTextBreaksTheParsers() =>
        Prop.ForAll(
            Gen.Elements("v=1", "v=DKIM1", ";", "=", " ", "\r\n ", "a=rsa-sha256", "b=AA==", "bh=AA==", "d=example.org", "s=s", "h=from", "l=5", "x=1", "t=0",
                "p=AA==", "c=relaxed", "i=@", "\0", "\u00ff", new string('9', 80)).ListOf().ToArbitrary(),
            parts =>
            {
                var text = string.Concat(parts);
                var octets = System.Text.Encoding.Latin1.GetBytes(text);
                var signature = DkimSignature.TryParse(octets, out var read, out var problem) == (read is not null) && (read is null) == (problem is not null);
                return signature && DkimKeyRecord.TryParse(text, out var key, out problem) == (key is not null) && (key is null) == (problem is not null);
            });
}
