using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Smtp;

public class DotEncoderTests
{
    [Theory]
    [InlineData("", ".\r\n")]
    [InlineData("a\r\n", "a\r\n.\r\n")]
    [InlineData("a", "a\r\n.\r\n")]
    [InlineData(".", "..\r\n.\r\n")]
    [InlineData(".a\r\n..b\r\n", "..a\r\n...b\r\n.\r\n")]
    [InlineData("a.\r\n", "a.\r\n.\r\n")]
    [InlineData("\r\n\r\n", "\r\n\r\n.\r\n")]
    [InlineData("a\nb\rc", "a\r\nb\r\nc\r\n.\r\n")]
    [InlineData("a\r", "a\r\n.\r\n")]
    [InlineData("a\r\r\n", "a\r\n\r\n.\r\n")]
    [InlineData("a\n\r", "a\r\n\r\n.\r\n")]
    [InlineData("a\0b\0", "ab\r\n.\r\n")]
    [InlineData("\0\0", ".\r\n")]
    [InlineData("\r\n\0.\r\n", "\r\n..\r\n.\r\n")]
    [InlineData("a\r\0\nb", "a\r\nb\r\n.\r\n")]
    public void EncodesForData(string message, string wire) => Assert.Equal(wire, Encode(message, false, 64, 64));

    [Theory]
    [InlineData("", "")]
    [InlineData(".a\r\n.", ".a\r\n.\r\n")]
    [InlineData("a\nb\r", "a\r\nb\r\n")]
    public void EncodesForChunks(string message, string wire) => Assert.Equal(wire, Encode(message, true, 64, 64));

    [Fact]
    public void AMessageInOrderIsNotChanged()
    {
        var message = "Subject: x\r\n\r\n" + string.Concat(Enumerable.Range(0, 500).Select(i => new string('y', i) + "\u00e9\r\n"));
        Assert.Equal(message + ".\r\n", Encode(message, false, 333, 97));
        Assert.Equal(message, Encode(message, true, 100, 4));
    }

    [Fact]
    public void NoLookAlikeOfTheEndGetsOut()
    {
        var sequences = SharedData.Path("smtp/smtp-smuggling-sequences.json");
        using var json = JsonDocument.Parse(File.ReadAllBytes(sequences));
        var count = 0;
        foreach (var sequence in json.RootElement.GetProperty("outbound_eod_sequences").EnumerateArray())
        {
            var message = "Subject: a\r\n\r\nfirst" + sequence.GetString() + "MAIL FROM:<b@example.org>\r\n";
            AssertSafe(Encode(message, false, 7, 5));
            AssertNoBareLineEnding(Encode(message, true, 7, 5));
            count++;
        }
        Assert.Equal(9, count);
    }

    [Fact]
    public void WhateverGoesInTheWireIsSafeAndTheSplitDoesNotMatter()
    {
        var messages = Gen.Elements('\r', '\n', '.', '\0', 'a', 'b').ListOf().Select(c => new string([.. c])).ToArbitrary();
        Prop.ForAll(messages, Gen.Choose(1, 8).ToArbitrary(), Gen.Choose(4, 9).ToArbitrary(), (message, step, room) =>
        {
            var whole = Encode(message, false, 4096, 4096);
            AssertSafe(whole);
            var chunk = Encode(message, true, 4096, 4096);
            AssertNoBareLineEnding(chunk);
            return whole == Encode(message, false, step, room) && chunk == Encode(message, true, step, room);
        }).QuickCheckThrowOnFailure();
    }

    // A reader that takes any line ending, as the worst of servers do, still finds one end: the last.
    private static void AssertSafe(string wire)
    {
        AssertNoBareLineEnding(wire);
        var lines = wire.Split("\r\n");
        Assert.Equal("", lines[^1]);
        Assert.Equal(lines.Length - 2, Array.IndexOf(lines, "."));
        Assert.DoesNotContain('\0', wire);
    }

    private static void AssertNoBareLineEnding(string wire)
    {
        var rest = wire.Replace("\r\n", "", StringComparison.Ordinal);
        Assert.DoesNotContain('\r', rest);
        Assert.DoesNotContain('\n', rest);
    }

    private static string Encode(string message, bool isChunk, int step, int room)
    {
        var encoder = new DotEncoder(isChunk);
        var source = Encoding.Latin1.GetBytes(message);
        var destination = new byte[Math.Max(room, DotEncoder.MaxFinish)];
        var wire = new StringBuilder();
        for (var at = 0; at < source.Length;)
        {
            var part = source.AsSpan(at, Math.Min(step, source.Length - at));
            encoder.Encode(part, destination.AsSpan(0, room), out var consumed, out var written);
            Assert.True(consumed > 0 || written > 0);
            wire.Append(Encoding.Latin1.GetString(destination, 0, written));
            at += consumed;
        }
        return wire.Append(Encoding.Latin1.GetString(destination, 0, encoder.Finish(destination))).ToString();
    }
}
