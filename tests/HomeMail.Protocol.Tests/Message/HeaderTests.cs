using System.Buffers;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public class HeaderTests
{
    private static (string Header, string Body, HeaderState State) Split(string message, int block)
    {
        using var buffer = new HeaderBuffer();
        var decoder = new ContentDecoder(false, false);
        var body = new StringBuilder();
        var octets = Encoding.Latin1.GetBytes(message);
        for (var start = 0; start < octets.Length; start += block)
        {
            var input = octets.AsSpan(start, Math.Min(block, octets.Length - start));
            while (decoder.Read(input, out var used, out var slice) == ContentStep.Content)
            {
                input = input[used..];
                if (buffer.State == HeaderState.Open)
                {
                    buffer.Append(slice, out var early);
                    body.Append(Encoding.Latin1.GetString(early));
                }
                else
                {
                    body.Append(Encoding.Latin1.GetString(slice));
                }
            }
        }
        if (buffer.State == HeaderState.Open)
        {
            buffer.Finish(out var late);
            body.Append(Encoding.Latin1.GetString(late));
        }
        return (Encoding.Latin1.GetString(buffer.Block), body.ToString(), buffer.State);
    }

    [Theory]
    [InlineData("A: b\r\n\r\nbody\r\n", "A: b\r\n\r\n", "body\r\n")]
    [InlineData("A: b\r\n c\r\nD:\r\n\r\n\r\nbody", "A: b\r\n c\r\nD:\r\n\r\n", "\r\nbody")]
    [InlineData("\r\nbody\r\n", "\r\n", "body\r\n")]
    [InlineData("", "\r\n", "")]
    [InlineData("A: b\r\n", "A: b\r\n\r\n", "")]
    [InlineData("A: b", "A: b\r\n\r\n", "")]
    [InlineData("hello\r\nB: c\r\n\r\nx", "\r\n", "hello\r\nB: c\r\n\r\nx")]
    [InlineData("A: b\r\nno field here\r\nFrom: x@y.example\r\n\r\n", "A: b\r\n\r\n", "no field here\r\nFrom: x@y.example\r\n\r\n")]
    [InlineData(" folded first\r\n\r\n", "\r\n", " folded first\r\n\r\n")]
    [InlineData("From a@b.example Mon Jan  1\r\nA: b\r\n\r\nx", "A: b\r\n\r\n", "x")]
    [InlineData("From : a@b.example\r\n\r\nx", "From : a@b.example\r\n\r\n", "x")]
    [InlineData("A : b\r\n \t\r\n\r\nx", "A : b\r\n \t\r\n\r\n", "x")]
    [InlineData("A: b\r\ntail", "A: b\r\n\r\n", "tail\r\n")]
    public void Header_and_body_part_at_the_same_place_however_they_come_in(string message, string header, string body)
    {
        for (var block = 1; block <= message.Length + 1; block++)
            Assert.Equal((header, body, HeaderState.Complete), Split(message, block));
    }

    [Fact]
    public void A_header_over_the_limit_is_dropped()
    {
        var (header, _, state) = Split("A: " + new string('x', HeaderBuffer.Limit) + "\r\n\r\nbody", 4096);
        Assert.Equal(HeaderState.TooBig, state);
        Assert.Equal("", header);
    }

    [Fact]
    public void A_header_of_exactly_the_limit_is_held()
    {
        var (header, body, state) = Split("A: " + new string('x', HeaderBuffer.Limit - 7) + "\r\n\r\nbody", 4096);
        Assert.Equal(HeaderState.Complete, state);
        Assert.Equal(HeaderBuffer.Limit, header.Length);
        Assert.Equal("body", body);
    }

    private static string Edit(string header, bool submission, out HeaderSummary summary)
    {
        var output = new ArrayBufferWriter<byte>();
        new HeaderEditor(["mail.example.org"], submission).Edit(Encoding.UTF8.GetBytes(header), output, out summary);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    [Theory]
    [InlineData("Return-Path: <a@b.example>\r\nSubject: x\r\n\r\n", "Subject: x\r\n")]
    [InlineData("received-spf : pass\r\n (folded)\r\nSubject: x\r\n\r\n", "Subject: x\r\n")]
    [InlineData("X-HomeMail-Verdict: accept\r\nX-HomeMailer: y\r\n\r\n", "X-HomeMailer: y\r\n")]
    [InlineData("Authentication-Results: mail.example.org; spf=pass\r\nA: b\r\n\r\n", "A: b\r\n")]
    [InlineData("Authentication-Results: (c (d)) MAIL.example.org 1 ; spf=pass\r\nA: b\r\n\r\n", "A: b\r\n")]
    [InlineData("Authentication-Results:\r\n\t\"mail.exam\\ple.org\"(x); spf=pass\r\nA: b\r\n\r\n", "A: b\r\n")]
    [InlineData("Authentication-Results: mail.example.org.; spf=pass\r\nA: b\r\n\r\n", "A: b\r\n")]
    [InlineData("Authentication-Results: (open mail.example.org; spf=pass\r\nA: b\r\n\r\n", "A: b\r\n")]
    [InlineData("Authentication-Results: other.example; spf=pass\r\n\r\n", "Authentication-Results: other.example; spf=pass\r\n")]
    [InlineData("Bcc: x@y.example\r\nA: b\r\n\r\n", "Bcc: x@y.example\r\nA: b\r\n")]
    public void Takes_out_what_must_not_come_in(string header, string expected) => Assert.Equal(expected, Edit(header, false, out _));

    [Fact]
    public void A_submission_loses_its_Bcc() => Assert.Equal("A: b\r\n", Edit("Bcc: x@y.example,\r\n z@y.example\r\nA: b\r\nResent-Bcc: q\r\n\r\n", true, out _));

    [Fact]
    public void Summary()
    {
        Edit("Received: a\r\nReceived: b\r\nFrom: x\r\nfrom: y\r\nSender: z\r\nDate: d\r\nMessage-Id: <i>\r\nDKIM-Signature: s\r\nSubject: Grüße\r\n\r\n", false, out var summary);
        Assert.Equal((2, 2, 1), (summary.ReceivedCount, summary.FromCount, summary.SenderCount));
        Assert.True(summary.HasDate && summary.HasMessageId && summary.IsSigned && summary.NeedsSmtpUtf8);
    }
}
