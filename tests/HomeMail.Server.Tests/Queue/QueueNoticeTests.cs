using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Queue;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Queue;

/// <summary>Who is told what, and when.</summary>
public class QueueNoticeTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    public static TheoryData<string, DsnNotify, string, string> Matrix { get; } = new()
    {
        // what NOTIFY asked, what the next host said, what is told
        { "failure, nothing asked", DsnNotify.Unspecified, "550 5.1.1 no", "failed" },
        { "failure, failure asked", DsnNotify.Failure, "550 5.1.1 no", "failed" },
        { "failure, success asked", DsnNotify.Success, "550 5.1.1 no", "" },
        { "failure, delay asked", DsnNotify.Delay, "550 5.1.1 no", "" },
        { "failure, never", DsnNotify.Never, "550 5.1.1 no", "" },
        { "success, nothing asked", DsnNotify.Unspecified, "250", "" },
        { "success asked, host without DSN", DsnNotify.Success, "250", "relayed" },
        { "success asked, host with DSN", DsnNotify.Success, "dsn", "" },
        { "both asked, host without DSN", DsnNotify.Success | DsnNotify.Failure, "250", "relayed" },
        { "success, failure asked", DsnNotify.Failure, "250", "" },
        { "success, never", DsnNotify.Never, "250", "" },
    };

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task TellsWhatWasAskedFor(string name, DsnNotify notify, string answer, string told)
    {
        Assert.NotEmpty(name);
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = _ => answer;
        bench.Add(Letters.Envelope(new EnvelopeRecipient { Address = Letters.Parse("bob@example.net"), Notify = notify }));
        await bench.Empty();
        Assert.Equal(told.Length == 0 ? [] : [$"alice@home.example {told}"], Told(bench));
    }

    [Theory]
    [InlineData("alice@home.example", true, "account:alice", "alice@home.example failed")]
    [InlineData("eve@example.org", true, "internet", "eve@example.org failed")]
    [InlineData("eve@example.org", false, "internet", "postmaster failed")]
    [InlineData("", false, "internet", "postmaster failed")]
    [InlineData("", true, "server", "postmaster failed")]
    public async Task TellsOnlyWhoMayBeTold(string sender, bool verified, string principal, string told)
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "550 5.1.1 no";
        bench.Add(From(sender, verified, principal, DsnNotify.Unspecified));
        await bench.Empty();
        Assert.Equal([told], Told(bench));
        Assert.Null(bench.Mail.Accepted.Single().Sender);
    }

    [Theory]
    [InlineData(DsnNotify.Success, "250")]
    [InlineData(DsnNotify.Delay, "450 4.2.0 later")]
    public async Task PostmasterIsToldOfFailuresOnly(DsnNotify notify, string answer)
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = _ => answer;
        bench.Add(From("eve@example.org", false, "internet", notify));
        await bench.Attempts(1);
        bench.Clock.Advance(TimeSpan.FromHours(5));
        await bench.Settled();
        Assert.Empty(bench.Mail.Accepted);
    }

    [Fact]
    public async Task TheChainEndsAtPostmaster()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "550 5.1.1 no";
        // A failure, whose DSN fails, whose notice to postmaster fails.
        bench.Add(From("eve@example.org", true, "internet", DsnNotify.Unspecified));
        await bench.Empty();
        var dsn = bench.Mail.Accepted.Single();
        bench.Add(From("", false, "server", DsnNotify.Never), dsn.Text);
        await bench.Empty();
        Assert.Equal(["eve@example.org failed", "postmaster failed"], Told(bench));
        bench.Add(From("", false, "server", DsnNotify.Never), bench.Mail.Accepted.Last().Text);
        await bench.Empty();
        Assert.Equal(2, bench.Mail.Accepted.Count);
        Assert.Contains("it was itself a notice to postmaster", bench.LogText.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADelayIsToldOnceAfterFourHoursWhereAsked()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        bench.Add(Letters.Envelope(
            new EnvelopeRecipient { Address = Letters.Parse("asked@example.net"), Notify = DsnNotify.Delay },
            new EnvelopeRecipient { Address = Letters.Parse("not@example.net") }));
        await bench.Attempts(1);
        while (bench.Mail.Accepted.IsEmpty)
            await bench.ToNextAttempt(Minute, TimeSpan.FromHours(4));
        Assert.Equal(TimeSpan.FromHours(4), bench.Clock.GetUtcNow() - Letters.Noon);
        for (var i = 0; i < 5; i++)
            await bench.ToNextAttempt(Minute, TimeSpan.FromHours(5));
        Assert.Equal(["alice@home.example delayed"], Told(bench));
        var text = bench.Mail.Accepted.Single().Text;
        Assert.Contains("asked@example.net", text, StringComparison.Ordinal);
        Assert.DoesNotContain("not@example.net", text, StringComparison.Ordinal);
        Assert.Contains("Will-Retry-Until: Mon, 30 Nov 2026 12:00:00 +0000", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADelayIsToldOnTimeEvenWhileTheDestinationIsLeftAlone()
    {
        await using var bench = new QueueBench(new QueueOptions { Jitter = 0, LongestBackOff = TimeSpan.FromHours(3) }).Start();
        bench.Network.Answer = static _ => "dead";
        bench.Add(Letters.Envelope(new EnvelopeRecipient { Address = Letters.Parse("asked@dead.example"), Notify = DsnNotify.Delay }));
        await bench.Attempts(1);
        while (bench.Mail.Accepted.IsEmpty && bench.Clock.GetUtcNow() < Letters.Noon.AddHours(6))
        {
            bench.Clock.Advance(Minute);
            await bench.Settled();
        }
        Assert.Equal(TimeSpan.FromHours(4), bench.Clock.GetUtcNow() - Letters.Noon);
        Assert.Contains("connection timed out", bench.Mail.Accepted.Single().Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneDsnTellsOfAllThatFailedTogether()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "550 5.1.1 no";
        bench.Add(Letters.Envelope("a@example.net", "b@example.net", "c@example.net"));
        await bench.Empty();
        var dsn = Assert.Single(bench.Mail.Accepted);
        Assert.Equal(3, dsn.Text.Split("Action: failed").Length - 1);
    }

    [Fact]
    public async Task WhileTheClockIsWrongNothingBouncesOrExpiresOrIsReleased()
    {
        var sane = false;
        await using var bench = new QueueBench(new QueueOptions { Jitter = 0, ClockIsSane = () => Volatile.Read(ref sane) }).Start();
        bench.Network.Answer = static to => to.StartsWith("no", StringComparison.Ordinal) ? "550 5.1.1 no" : "450 4.2.0 later";
        var failing = bench.Add(Letters.Envelope("no@example.net"));
        bench.Add(Letters.Envelope(new EnvelopeRecipient { Address = Letters.Parse("later@example.net"), Notify = DsnNotify.Delay | DsnNotify.Failure }));
        var timed = Letters.Envelope("timed@example.net");
        timed.ReleaseAt = Letters.Noon.AddHours(1);
        bench.Add(timed);
        await bench.Attempts(2);
        for (var i = 0; i < 400; i++)
        {
            bench.Clock.Advance(TimeSpan.FromMinutes(30));
            await bench.Settled();
        }
        Assert.Empty(bench.Mail.Accepted);
        Assert.Equal(3, bench.Runner.Count);
        Assert.Equal(RecipientStatus.Waiting, bench.Store.Saved(failing.Id)!.Recipients[0].Status);
        Assert.DoesNotContain(bench.Network.Attempts, a => a.Id == timed.Id);

        Volatile.Write(ref sane, true);
        while (bench.Runner.Count > 0)
        {
            bench.Clock.Advance(TimeSpan.FromMinutes(30));
            await bench.Settled();
            Assert.True(bench.Clock.GetUtcNow() < Letters.Noon.AddDays(20));
        }
        Assert.Contains(bench.Network.Attempts, a => a.Id == timed.Id);
        Assert.Equal(["failed", "failed", "failed"], Told(bench).Select(t => t.Split(' ')[1]));
    }

    [Fact]
    public async Task AMessageFrom1970IsNotFiftyYearsLate()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        var old = new Envelope
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = DateTimeOffset.UnixEpoch.AddMinutes(3),
            Sender = Letters.Parse("alice@home.example"),
            Principal = "account:alice",
            SenderVerified = true,
            Recipients = [new EnvelopeRecipient { Address = Letters.Parse("bob@example.net"), NextAttempt = DateTimeOffset.UnixEpoch }],
        };
        bench.Add(old);
        await bench.Attempts(1);
        while (bench.Runner.Count > 0)
            await bench.ToNextAttempt(Minute, TimeSpan.FromHours(5));
        Assert.Equal(5, (bench.Clock.GetUtcNow() - Letters.Noon).TotalDays, 1);
    }

    [Fact]
    public async Task AClockThatJumpsAheadGivesNothingUpUntried()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        bench.Clock.Advance(TimeSpan.FromDays(4000));
        await bench.Attempts(2);
        await bench.Settled();
        Assert.Equal(1, bench.Runner.Count);
        while (bench.Runner.Count > 0)
            await bench.ToNextAttempt(Minute, TimeSpan.FromHours(5));
        Assert.Equal(bench.Options.LeastAttempts, bench.Network.Attempts.Count);
    }

    [Fact]
    public async Task WhatWasPlannedByAClockFarAheadIsTriedSoon()
    {
        var store = new MemoryStore();
        var envelope = Letters.Envelope("bob@example.net");
        envelope.Recipients[0].NextAttempt = Letters.Noon.AddYears(30);
        store.Put(envelope, Letters.Plain);
        await using var bench = new QueueBench(store: store).Start();
        bench.Runner.Recover();
        await bench.Settled();
        bench.Clock.Advance(bench.Options.LongestRetry);
        await bench.Settled();
        bench.Clock.Advance(bench.Options.LongestRetry);
        await bench.Empty();
    }

    private static Envelope From(string sender, bool verified, string principal, DsnNotify notify) => new()
    {
        Id = MessageId.New(TimeProvider.System),
        Arrived = Letters.Noon,
        Sender = sender.Length == 0 ? null : Letters.Parse(sender),
        Principal = principal,
        SenderVerified = verified,
        TravelOffset = Letters.Local.Length,
        Recipients = [new EnvelopeRecipient { Address = new Address("bob", "example.net"), Notify = notify, NextAttempt = Letters.Noon }],
    };

    private static string[] Told(QueueBench bench) => [.. bench.Mail.Accepted.Select(m =>
        $"{m.Recipient?.ToString() ?? "postmaster"} {m.Text.Split("\r\nAction: ")[1].Split("\r\n")[0]}")];
}
