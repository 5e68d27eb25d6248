using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Protocol.Dmarc;
using Xunit;

namespace HomeMail.Protocol.Tests.Dmarc;

public sealed class DmarcRecordTests
{
    [Fact]
    public void EveryTagIsRead()
    {
        Assert.True(DmarcRecord.TryParse(
            " v = DMARC1 ;p=Reject; sp=quarantine;np=none; adkim=S; aspf=s; psd=n; t=y; fo=1:d:s; x=; rua=mailto:a%2Cb@example.org!10m , https://x.example/, mailto:c@example.org",
            out var record));
        Assert.Equal((DmarcPolicy.Reject, DmarcPolicy.Quarantine, DmarcPolicy.None), (record.Policy, record.SubdomainPolicy, record.NonExistentPolicy));
        Assert.True(record is { StrictDkim: true, StrictSpf: true, PublicSuffix: false, Testing: true, IsUsable: true });
        Assert.Equal(["a,b@example.org", "c@example.org"], record.ReportAddresses);
    }

    [Theory]
    [InlineData("")]
    [InlineData("v=DMARC2; p=none")]
    [InlineData("v=dmarc1; p=none")]
    [InlineData("p=none; v=DMARC1")]
    [InlineData("v=DMARC1x; p=none")]
    [InlineData("vDMARC1")]
    [InlineData("; v=DMARC1")]
    public void WithoutTheVersionInFrontItIsNoRecord(string text) => Assert.False(DmarcRecord.TryParse(text, out _));

    // RFC 9989 4.10.1: a bad policy is "none" if somebody wants reports; else DMARC does not apply.
    [Theory]
    [InlineData("v=DMARC1", false)]
    [InlineData("v=DMARC1; p=maybe", false)]
    [InlineData("v=DMARC1; p=reject; sp=maybe", false)]
    [InlineData("v=DMARC1; p=maybe; rua=nonsense", false)]
    [InlineData("v=DMARC1; p=maybe; rua=mailto:a@example.org", true)]
    [InlineData("v=DMARC1; p=reject; np=; rua=https://example.org/r", true)]
    [InlineData("v=DMARC1; rua=mailto:a@example.org", true)]
    public void ABadPolicyIsNone(string text, bool usable)
    {
        Assert.True(DmarcRecord.TryParse(text, out var record));
        Assert.Equal((DmarcPolicy.None, null, null, usable), (record.Policy, record.SubdomainPolicy, record.NonExistentPolicy, record.IsUsable));
    }

    [Theory]
    [InlineData("v=DMARC1; p=reject; p=none")]
    [InlineData("v=DMARC1; p=reject; adkim=strict; psd=maybe; t=1; garbage; =; ;; pct=50")]
    [InlineData("v=DMARC1;p=reject;")]
    public void WhatIsNotWellFormedIsPassedOver(string text)
    {
        Assert.True(DmarcRecord.TryParse(text, out var record));
        Assert.True(record is { Policy: DmarcPolicy.Reject, StrictDkim: false, PublicSuffix: null, Testing: false, IsUsable: true });
    }

    [Property(MaxTest = 2000)]
    public Property NoTextBreaksTheParser() =>
        Prop.ForAll(
            Gen.Elements("v=DMARC1", ";", "=", " ", "p=reject", "sp=", "rua=mailto:", "rua=mailto:%zz@x", ",", "!", "\0", "\u00ff", "psd=y", "%", ":").ListOf()
                .ToArbitrary(),
            parts => DmarcRecord.TryParse("v=DMARC1;" + string.Concat(parts), out var record) == record is not null);
}
