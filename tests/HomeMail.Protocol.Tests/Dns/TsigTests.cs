using System.Net;
using HomeMail.Protocol.Dns;
using Xunit;

namespace HomeMail.Protocol.Tests.Dns;

/// <summary>Signed updates, without a name server; a real one is asked elsewhere.</summary>
public sealed class TsigTests
{
    private const long Now = 1_800_000_000;

    private static readonly TsigKey Key = new("House-Key", [1, 2, 3, 4, 5, 6, 7, 8]);

    private static byte[] Update => new DnsUpdate("example.org").Remove("mail.example.org", DnsType.A).Add("mail.example.org", 300, IPAddress.Parse("203.0.113.7")).ToMessage(0x1234);

    [Fact]
    public void AnUpdateIsLaidOutAsTheStandardHasIt()
    {
        var hex = Convert.ToHexStringLower(Update);
        Assert.Equal(
            "1234" + "2800" + "0001" + "0000" + "0002" + "0000" // id, opcode 5, one zone, two changes
            + "076578616d706c65036f726700" + "0006" + "0001"
            + "046d61696c076578616d706c65036f726700" + "0001" + "00ff" + "00000000" + "0000" // the set goes
            + "046d61696c076578616d706c65036f726700" + "0001" + "0001" + "0000012c" + "0004" + "cb007107",
            hex);
    }

    [Fact]
    public void ASignatureHoldsForItsMessageItsKeyAndItsTime()
    {
        var signed = Key.Sign(Update, Now, out var mac);
        Assert.Equal(TsigResult.Good, Key.Verify(signed, [], Now + 299));
        Assert.Equal(TsigResult.Good, new TsigKey("house-key.", [1, 2, 3, 4, 5, 6, 7, 8]).Verify(signed, [], Now));
        Assert.Equal(TsigResult.BadTime, Key.Verify(signed, [], Now + 301));
        Assert.Equal(TsigResult.BadSignature, new TsigKey("house-key", [1]).Verify(signed, [], Now));
        Assert.Equal(TsigResult.BadKey, new TsigKey("other", [1, 2, 3, 4, 5, 6, 7, 8]).Verify(signed, [], Now));
        Assert.Equal(TsigResult.Missing, Key.Verify(Update, [], Now));
        var answer = Key.Sign(Update, Now, mac, out _);
        Assert.Equal(TsigResult.Good, Key.Verify(answer, mac, Now));
        Assert.Equal(TsigResult.BadSignature, Key.Verify(answer, [], Now)); // an answer to another request
    }

    [Fact]
    public void NoOctetOfASignedMessageCanBeChanged()
    {
        var signed = Key.Sign(Update, Now, out _);
        for (var i = 2; i < signed.Length; i++) // the id is replaced by the original one (RFC 8945 5.3)
        {
            signed[i] ^= 0x20;
            // Names are the same in any case of letters, and a fold within the key's or algorithm's name changes nothing.
            if (Key.Verify(signed, [], Now) == TsigResult.Good)
                Assert.InRange(i, Update.Length, Update.Length + 33);
            signed[i] ^= 0x20;
        }
    }

    [Fact]
    public void WhateverComesIsJudged()
    {
        var random = new Random(7);
        var signed = Key.Sign(Update, Now, out _);
        for (var round = 0; round < 20_000; round++)
        {
            var octets = signed.AsSpan(0, random.Next(signed.Length + 1)).ToArray();
            for (var i = random.Next(6); i > 0 && octets.Length > 0; i--)
                octets[random.Next(octets.Length)] = (byte)random.Next(256);
            var isWhole = octets.AsSpan().SequenceEqual(signed);
            Assert.True(isWhole || Key.Verify(octets, [], Now) != TsigResult.Good || octets.AsSpan(2, Update.Length - 2).SequenceEqual(signed.AsSpan(2, Update.Length - 2)));
            _ = DnsUpdate.TryReadResponse(octets, 0x1234, out _);
        }
    }

    [Fact]
    public void AnAnswerIsTakenByItsIdAndOpcode()
    {
        Assert.True(DnsUpdate.TryReadResponse([0x12, 0x34, 0xa8, 5, 0, 0, 0, 0, 0, 0, 0, 0], 0x1234, out var code));
        Assert.Equal(DnsResponseCode.Refused, code);
        Assert.False(DnsUpdate.TryReadResponse([0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0x1234, out _)); // an answer to a query
        Assert.False(DnsUpdate.TryReadResponse([0x12, 0x35, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0x1234, out _));
        Assert.False(DnsUpdate.TryReadResponse([0x12, 0x34, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0x1234, out _)); // our own, come back
    }
}
