using System.Text;
using System.Text.Json;
using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class SmtpClientContentTests
{
    private const string Hello = "S: 220 mx\nC: EHLO home.example\nS: 250 mx\n";
    private const string Chunking = "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\n";
    private const string ChunkingSlow = "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 CHUNKING\n";
    private const string Mail = "C: MAIL FROM:<alice@home.example>\nS: 250 ok\nC: RCPT TO:<bob@example.net>\nS: 250 ok\n";
    private const string Data = Hello + Mail + "C: DATA\nS: 354 go\n";

    [Theory]
    [InlineData(Chunking, 1)]
    [InlineData(Chunking, 100_000)]
    [InlineData(Chunking, 1_000_000)]
    [InlineData(ChunkingSlow, 100_000)]
    public async Task ChunksAreWholeAndNotStuffed(string hello, int size)
    {
        var message = Big(size);
        var session = await Session.PlayAsync(hello + Mail + "chunks\nS: 250 2.0.0 all", Letters.Mail(Letters.Envelope("bob@example.net"), message));
        Assert.Equal("Delivered mx.example.net: 250 2.0.0 all", session.Outcome);
        Assert.Equal(message, Assert.Single(session.Server.Messages));
        Assert.EndsWith(" LAST", session.Server.Chunks[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARefusedChunkEndsTheMessageAndTheSessionGoesOnAfterRset()
    {
        var session = await Session.PlayAsync(
            ChunkingSlow + Mail + "chunk\nS: 552 5.3.4 too big\nC: RSET\nS: 250 ok\n" + Mail.Replace("bob@", "eve@", StringComparison.Ordinal) + "chunk\nS: 250 ok",
            Letters.Mail(Letters.Envelope("bob@example.net"), Big(100_000)), Letters.Mail(Letters.Envelope("eve@example.net")));
        Assert.Equal("Delivered mx.example.net: 250 2.0.0 ok", session.Outcome);
    }

    [Fact]
    public async Task ALargeMessageGoesThroughUnchanged()
    {
        var message = Big(3_000_000);
        var session = await Session.PlayAsync(Data + "data\nS: 250 ok", new Setting { Room = 1000 }, Letters.Mail(Letters.Envelope("bob@example.net"), message));
        Assert.Equal("Delivered mx.example.net: 250 2.0.0 ok", session.Outcome);
        Assert.Equal(message, session.Server.Messages[0].Replace("\r\n..", "\r\n.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("swallow 20000\nS: 552 5.3.4 too big\nclose", "Failed mx.example.net: 552 5.3.4 too big")]
    [InlineData("swallow 20000\nS: 452 4.3.1 disk full\nclose", "Deferred mx.example.net: 452 4.3.1 disk full")]
    [InlineData("swallow 20000\nS: 552 5.3.4 too big\nstall", "Failed mx.example.net: 552 5.3.4 too big")]
    [InlineData("swallow 20000\nS: 421 4.3.0 bye\nclose", "open\nfault mx.example.net: 421 4.3.0 bye")]
    [InlineData("swallow 20000\nS: 250 already\nstall", "open\nfault mx.example.net: 4.5.0 the host answered before the message was at its end while sending the message")]
    [InlineData("swallow 20000\nclose", "open\nfault mx.example.net: 4.4.2 the connection was closed while sending the message")]
    public async Task WhatAHostSaysBeforeTheEndCounts(string end, string expected)
    {
        var session = Session.Begin(Data + end, new Setting { Room = 4096 }, Letters.Mail(Letters.Envelope("bob@example.net"), Big(500_000)));
        await session.Sent.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(expected, session.Outcome);
        Assert.False(session.Client.IsUsable);
        await session.EndAsync();
    }

    [Fact]
    public async Task AMessageThatCannotBeReadIsNeverEnded()
    {
        var file = new MemoryFile(Encoding.Latin1.GetBytes(Letters.Local + Big(200_000)), failAt: 100_000);
        var envelope = Letters.Envelope("bob@example.net");
        using var content = new MailContent(file, Letters.Local.Length);
        var session = Session.Begin(Data + "tail", new Setting(), new MailTransaction(envelope, content, envelope.Recipients));
        await Assert.ThrowsAnyAsync<IOException>(() => session.Sent.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.False(session.Client.IsUsable);
        await session.Client.DisposeAsync();
        await session.Played.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.DoesNotContain("\r\n.\r\n", session.Server.Messages[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoLookAlikeOfTheEndEverLeaves()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("smtp/smtp-smuggling-sequences.json")));
        var sequences = json.RootElement.GetProperty("outbound_eod_sequences").EnumerateArray().Select(e => e.GetString()!).ToList();
        Assert.Equal(9, sequences.Count);
        foreach (var sequence in sequences)
        {
            var message = "Subject: a\r\n\r\nfirst" + sequence + "MAIL FROM:<eve@evil.example>\r\n";
            // The server fails the test on any line feed without carriage return, and on anything but QUIT after the message.
            var session = await Session.PlayAsync(Data + "data\nS: 250 ok", Letters.Mail(Letters.Envelope("bob@example.net"), message));
            Assert.Equal("Delivered mx.example.net: 250 2.0.0 ok", session.Outcome);
            Assert.DoesNotContain('\r', session.Server.Messages[0].Replace("\r\n", "", StringComparison.Ordinal));
            Assert.DoesNotContain('\0', session.Server.Messages[0]);
            Assert.Contains("MAIL FROM:<eve", session.Server.Messages[0], StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, int, string> Stalls { get; } = new()
    {
        { "stall", 5 * 60, "4.4.2 no answer in time while waiting for the greeting" },
        { "S: 220 mx\nC: EHLO home.example\nstall", 5 * 60, "4.4.2 no answer in time while opening the session" },
        { Hello + "C: MAIL FROM:<alice@home.example>\nstall", 5 * 60, "4.4.2 no answer in time while sending the message" },
        { Hello + "C: MAIL FROM:<alice@home.example>\nS: 250 ok\nC: RCPT TO:<bob@example.net>\nstall", 5 * 60, "4.4.2 no answer in time while sending the message" },
        { Hello + Mail + "C: DATA\nstall", 2 * 60, "4.4.2 no answer in time while sending the message" },
        { Data + "data\nstall", 10 * 60, "4.4.2 no answer in time while waiting for the answer to the message" },
        { Data + "swallow 10\nstall", (3 * 60) + 10, "4.4.2 no answer in time while sending the message" },
    };

    [Theory]
    [MemberData(nameof(Stalls))]
    public async Task WaitsAsLongAsTheStandardAsks(string script, int seconds, string expected)
    {
        var big = script.Contains("swallow", StringComparison.Ordinal);
        var session = Session.Begin(script, new Setting { Room = 4096 }, Letters.Mail(Letters.Envelope("bob@example.net"), big ? Big(300_000) : Letters.Plain));
        await session.Server.Stalled.WaitAsync(TimeSpan.FromSeconds(20));
        // The client is in its read or write, or will be in a moment: time moves in small steps, and the sum is what counts.
        var start = session.Clock.GetUtcNow();
        while (!session.Sent.IsCompleted)
        {
            session.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1);
            Assert.True(session.Clock.GetUtcNow() - start < TimeSpan.FromSeconds(seconds + 30), "the client waits too long");
        }
        Assert.InRange((session.Clock.GetUtcNow() - start).TotalSeconds, seconds - 5, seconds + 25);
        await session.EndAsync();
        Assert.EndsWith(expected, session.Outcome, StringComparison.Ordinal);
        Assert.Equal(expected.Contains("answer to the message", StringComparison.Ordinal), session.Fault!.MayHaveArrived);
    }

    [Fact]
    public async Task TheEndOfTheProgramBreaksASessionOff()
    {
        using var end = new CancellationTokenSource();
        var session = Session.Begin(Hello + "C: MAIL FROM:<alice@home.example>\nstall", new Setting { Lifetime = end.Token }, Letters.Mail(Letters.Envelope("bob@example.net")));
        await session.Server.Stalled.WaitAsync(TimeSpan.FromSeconds(20));
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.Sent.WaitAsync(TimeSpan.FromSeconds(20)));
        await session.Client.DisposeAsync();
        await session.Played.WaitAsync(TimeSpan.FromSeconds(20));
    }

    private static string Big(int size)
    {
        var text = new StringBuilder("Subject: big\r\n\r\n");
        for (var i = 0; text.Length < size; i++)
            text.Append(i % 7 == 0 ? "." : "").Append(i).Append(' ', i % 60).Append("\r\n");
        return text.ToString();
    }
}
