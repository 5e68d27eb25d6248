using System.Text;
using FsCheck;
using FsCheck.Fluent;
using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Smtp;

public class SmtpReplyParserTests
{
    public static TheoryData<string, string> WellFormed { get; } = new()
    {
        { "250 OK\r\n", "250 OK" },
        { "250\r\n", "250" },
        { "250 \r\n", "250" },
        { "250 2.1.5 fine\r\n", "250 2.1.5 fine" },
        { "250 2.1.5\r\n", "250 2.1.5" },
        { "550 5.1.1 no such user\r\n", "550 5.1.1 no such user" },
        { "550 5.1.10 no mail\r\n", "550 5.1.10 no mail" },
        { "550 5.1.1000 x\r\n", "550 5.1.1000 x" },
        { "550 2.0.0 other class\r\n", "550 2.0.0 other class" },
        { "550 5.1.1no space\r\n", "550 5.1.1no space" },
        { "220-first\r\n220 second\r\n", "220 first second" },
        { "250-\r\n250-\r\n250 \r\n", "250" },
        { "550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c\r\n", "550 5.7.1 a b c" },
        { "550-5.7.1 a\r\n550 5.7.26 b\r\n", "550 5.7.1 a b" },
        { "550-a\r\n554 5.7.1 b\r\n", "554 5.7.1 a b" },
        { "250-a\n250 b\n", "250 a b" },
        { "250\tOK\r\n", "250 OK" },
        { "550 \u00a7\r\n", "550 \u00a7" },
        { "550 a\u0000b\u0007c\rd\r\n", "550 a b c d" },
        { "550 a\u2028b\u202ec\r\n", "550 a b c" },
    };

    [Theory]
    [MemberData(nameof(WellFormed))]
    public void ReadsWhatServersSend(string wire, string expected) =>
        Assert.Equal([expected], Replies(Encoding.UTF8.GetBytes(wire), int.MaxValue, out _));

    [Theory]
    [InlineData("\r\n")]
    [InlineData("25\r\n")]
    [InlineData("25x OK\r\n")]
    [InlineData("2500 OK\r\n")]
    [InlineData("250xOK\r\n")]
    [InlineData("100 continue\r\n")]
    [InlineData("600 what\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("250-yes\r\n550 no\r\n")]
    public void RefusesWhatIsNoReply(string wire)
    {
        Assert.Empty(Replies(Encoding.ASCII.GetBytes(wire + "250 OK\r\n"), int.MaxValue, out var malformed));
        Assert.True(malformed);
    }

    [Fact]
    public void OctetsThatAreNotUtf8BecomeQuestionMarks() =>
        Assert.Equal(["550 ?l?"], Replies([.. "550 "u8, 0xfc, (byte)'l', 0xff, .. "\r\n"u8], 3, out _));

    [Fact]
    public void KeepsTheBeginningOfAnOverlongLine()
    {
        var wire = Encoding.ASCII.GetBytes("550 " + new string('x', 100_000) + "\r\n250 next\r\n");
        var replies = Replies(wire, 777, out var malformed);
        Assert.False(malformed);
        Assert.Equal(["550 " + new string('x', SmtpReplyParser.MaxLine - 4), "250 next"], replies);
    }

    [Theory]
    [InlineData("250-x\r\n", 600)]
    [InlineData("250 xxxxxxxxxxxxxxxx", 100_000)]
    public void GivesUpOnAReplyWithoutEnd(string piece, int times)
    {
        var parser = new SmtpReplyParser();
        var octets = Encoding.ASCII.GetBytes(piece);
        var progress = ReplyProgress.NeedMore;
        for (var i = 0; i < times && progress == ReplyProgress.NeedMore; i++)
            progress = parser.Read(octets, out _);
        Assert.Equal(ReplyProgress.Malformed, progress);
        Assert.Equal(ReplyProgress.Malformed, parser.Read("250 OK\r\n"u8, out var consumed));
        Assert.Equal(0, consumed);
    }

    [Fact]
    public void LeavesWhatComesAfterTheReply()
    {
        var parser = new SmtpReplyParser();
        Assert.False(parser.IsInside);
        Assert.Equal(ReplyProgress.NeedMore, parser.Read("220 go "u8, out _));
        Assert.True(parser.IsInside);
        Assert.Equal(ReplyProgress.Complete, parser.Read("ahead\r\n250 injected\r\n"u8, out var consumed));
        Assert.Equal(7, consumed);
        Assert.False(parser.IsInside);
        Assert.Equal("220 go ahead", parser.Reply!.ToString());
    }

    [Fact]
    public void EverySplitGivesTheSameReplies()
    {
        var line = Gen.Elements("250-a", "250 b", "550-5.1.1 no", "550 5.1.1 no", "421 4.3.2 bye", "250", "xyz", "", "354 go\r", "250-\u00e9", "25")
            .SelectMany(text => Gen.Elements("\r\n", "\n", "\r\r\n"), (text, end) => text + end);
        var wires = line.ListOf().Select(lines => Encoding.Latin1.GetBytes(string.Concat(lines))).ToArbitrary();
        Prop.ForAll(wires, Gen.Choose(1, 9).ToArbitrary(), (wire, step) =>
        {
            var whole = Replies(wire, int.MaxValue, out var malformed);
            var parts = Replies(wire, step, out var malformedToo);
            return whole.SequenceEqual(parts) && malformed == malformedToo;
        }).QuickCheckThrowOnFailure();
    }

    private static List<string> Replies(byte[] wire, int step, out bool malformed)
    {
        var parser = new SmtpReplyParser();
        var replies = new List<string>();
        for (var at = 0; at < wire.Length; at += Math.Min(step, wire.Length - at))
        {
            var part = wire.AsSpan(at, Math.Min(step, wire.Length - at));
            while (!part.IsEmpty)
            {
                var progress = parser.Read(part, out var consumed);
                if (progress == ReplyProgress.Malformed)
                {
                    malformed = true;
                    return replies;
                }
                if (progress == ReplyProgress.Complete)
                    replies.Add(parser.Reply!.ToString());
                part = part[consumed..];
            }
        }
        malformed = false;
        return replies;
    }
}
