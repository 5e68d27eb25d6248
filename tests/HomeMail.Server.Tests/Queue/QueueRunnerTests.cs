using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Server.Queue;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Storage;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Queue;

public class QueueRunnerTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task WhatIsDeliveredIsGone()
    {
        await using var bench = new QueueBench().Start();
        var envelope = bench.Add(Letters.Envelope("bob@example.net", "eve@example.net", "joe@example.org"));
        await bench.Empty();
        Assert.Equal(0, bench.Store.Count);
        Assert.Empty(bench.Mail.Accepted);
        // One attempt a destination, its recipients together.
        Assert.Equal(
            ["example.net: bob@example.net eve@example.net", "example.org: joe@example.org"],
            bench.Network.Attempts.Select(a => $"{a.Destination}: {string.Join(' ', a.Recipients)}").Order());
        Assert.Contains($"delivered id={envelope.Id}", bench.LogText.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LogAndHistoryTellHowADeliveryWasEncrypted()
    {
        var folder = Directory.CreateTempSubdirectory("homemail-history-").FullName;
        try
        {
            var history = new DeliveryHistory(folder, new FakeTimeProvider(Letters.Noon));
            await using var bench = new QueueBench(history: history).Start();
            bench.Network.Security = "TLS 1.3, MTA-STS";
            bench.Network.Answer = static to => to.StartsWith("eve", StringComparison.Ordinal) ? "550 5.1.1 no such user" : "250";
            var envelope = bench.Add(Letters.Envelope("bob@example.net", "eve@example.net"));
            await bench.Empty();
            Assert.Contains("reply=\"mx.example.net: 250 2.0.0 ok\" tls=\"TLS 1.3, MTA-STS\"", bench.LogText.ToString(), StringComparison.Ordinal);
            history.Flush();
            var events = history.Find(envelope.Id.Value);
            Assert.Equal("mx.example.net: 250 2.0.0 ok (TLS 1.3, MTA-STS)", events.Single(e => e.Address == "bob@example.net" && e.What == DeliveryWords.Delivered).Detail);
            Assert.Equal("mx.example.net: 550 5.1.1 no such user", events.Single(e => e.Address == "eve@example.net" && e.What == DeliveryWords.Failed).Detail);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public async Task WaitsDoubleFromMinutesToHoursAndEndAfterFiveDays()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
            waits.Add((await bench.ToNextAttempt(Minute, TimeSpan.FromHours(5))).TotalMinutes);
        Assert.Equal([2, 4, 8, 16, 32, 64, 128, 240, 240], waits);
        Assert.Equal(1, bench.Runner.Count);

        while (bench.Runner.Count > 0)
            await bench.ToNextAttempt(Minute, TimeSpan.FromHours(5));
        Assert.Equal(TimeSpan.FromDays(5), bench.Clock.GetUtcNow() - Letters.Noon);
        var dsn = Assert.Single(bench.Mail.Accepted);
        Assert.Equal("alice@home.example", dsn.Recipient!.ToString());
        Assert.Null(dsn.Sender);
        Assert.Contains("Action: failed\r\nStatus: 4.2.0\r\n", dsn.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task JitterKeepsRetriesApart()
    {
        await using var bench = new QueueBench(new QueueOptions { MaxPerDestination = 50 }).Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        for (var i = 0; i < 40; i++)
            bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(40);
        await bench.Settled();
        var times = bench.Runner.List().Select(m => m.Recipients[0].NextAttempt!.Value - Letters.Noon).Distinct().ToList();
        Assert.True(times.Count > 30);
        Assert.All(times, t => Assert.InRange(t.TotalMinutes, 1.7, 2.3));
    }

    [Fact]
    public async Task TheStateIsOnDiskBeforeTheDsnIsSent()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static to => to.StartsWith("no", StringComparison.Ordinal) ? "550 5.1.1 no such user" : "450 4.2.0 later";
        var envelope = bench.Add(Letters.Envelope("no@example.net", "later@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.Equal(["F W"], bench.Mail.States);
        Assert.Equal("C W", string.Join(' ', bench.Store.Saved(envelope.Id)!.Recipients.Select(r => (char)r.Status)));
        Assert.Equal("mx.example.net: 550 5.1.1 no such user", bench.Store.Saved(envelope.Id)!.Recipients[0].LastReply);
        var dsn = Assert.Single(bench.Mail.Accepted);
        Assert.Contains("no@example.net", dsn.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("later@example.net", dsn.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADsnThatCannotBeStoredIsOwedAndTheRecipientIsNotTriedAgain()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "550 5.1.1 no such user";
        bench.Mail.IsFull = true;
        var envelope = bench.Add(Letters.Envelope("no@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.Equal(RecipientStatus.Failed, bench.Store.Saved(envelope.Id)!.Recipients[0].Status);
        for (var i = 0; i < 3; i++)
        {
            var refused = bench.Mail.Refused;
            bench.Clock.Advance(bench.Options.OwnRetry + Minute);
            await QueueBench.Until(() => bench.Mail.Refused > refused, "another try");
            await bench.Settled();
        }
        bench.Mail.IsFull = false;
        bench.Clock.Advance(bench.Options.OwnRetry + Minute);
        await bench.Empty();
        Assert.Single(bench.Mail.Accepted);
        Assert.Single(bench.Network.Attempts);
    }

    [Fact]
    public async Task WhatIsOwedAfterACrashIsTold()
    {
        var store = new MemoryStore();
        var failed = Letters.Envelope("no@example.net");
        failed.Recipients[0].Status = RecipientStatus.Failed;
        failed.Recipients[0].LastReply = "mx.example.net: 550 5.1.1 no such user";
        store.Put(failed, Letters.Plain);
        var relayed = Letters.Envelope(new EnvelopeRecipient
        {
            Address = Letters.Parse("bob@example.net"),
            Notify = DsnNotify.Success,
            Status = RecipientStatus.Delivered,
            LastReply = "mx.example.net: 250 2.0.0 ok",
        });
        store.Put(relayed, Letters.Plain);
        await using var bench = new QueueBench(store: store).Start();
        bench.Runner.Recover();
        await bench.Empty();
        Assert.Empty(bench.Network.Attempts);
        Assert.Equal(2, bench.Mail.Accepted.Count);
        Assert.Single(bench.Mail.Accepted, m => m.Text.Contains("Action: failed", StringComparison.Ordinal));
        Assert.Single(bench.Mail.Accepted, m => m.Text.Contains("Action: relayed", StringComparison.Ordinal));
        Assert.All(bench.Mail.Accepted, m => Assert.DoesNotContain("Last-Attempt-Date", m.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AStartTakesUpWhatWasLeft()
    {
        var store = new MemoryStore();
        for (var i = 0; i < 3000; i++)
            store.Put(Letters.Envelope($"r{i}@d{i % 7}.example"), Letters.Plain);
        store.Damage(store.Recover()[5].Id);
        await using var bench = new QueueBench(store: store).Start();
        bench.Runner.Recover();
        bench.Runner.Recover();
        await bench.Empty();
        Assert.Equal(2999, bench.Network.Attempts.Count);
    }

    [Fact]
    public async Task ADamagedEnvelopeStopsNothing()
    {
        await using var bench = new QueueBench();
        var lost = bench.Add(Letters.Envelope("bob@example.net"));
        bench.Store.Damage(lost.Id);
        bench.Add(Letters.Envelope("eve@example.net"));
        bench.Start();
        await bench.Empty();
        Assert.Single(bench.Network.Attempts);
        Assert.Contains($"queue-lost id={lost.Id}", bench.LogText.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABugInAnAttemptPutsTheMessageOff()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "boom";
        bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.Equal(1, bench.Runner.Count);
        Assert.StartsWith("4.3.0", bench.Runner.List().Single().Recipients[0].LastReply, StringComparison.Ordinal);
        bench.Network.Answer = static _ => "250";
        bench.Clock.Advance(bench.Options.FirstRetry + Minute);
        await bench.Empty();
    }

    [Fact]
    public async Task AFullDiskAfterDeliveryDoesNotDeliverTwice()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static to => to.StartsWith("bob", StringComparison.Ordinal) ? "250" : "450 4.2.0 later";
        bench.Network.Wait = (_, _) =>
        {
            bench.Store.IsFull = true;
            return Task.CompletedTask;
        };
        var envelope = bench.Add(Letters.Envelope("bob@example.net", "eve@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        bench.Clock.Advance(bench.Options.FirstRetry + Minute);
        await bench.Attempts(2);
        await bench.Settled();
        bench.Network.Wait = static (_, _) => Task.CompletedTask;
        bench.Store.IsFull = false;
        bench.Clock.Advance(TimeSpan.FromMinutes(6));
        await bench.Attempts(3);
        await bench.Settled();
        Assert.All(bench.Network.Attempts.Skip(1), a => Assert.Equal(["eve@example.net"], a.Recipients));
        Assert.Equal("D W", string.Join(' ', bench.Store.Saved(envelope.Id)!.Recipients.Select(r => (char)r.Status)));
    }

    [Fact]
    public async Task AnUnreadableDiskPutsOff()
    {
        await using var bench = new QueueBench().Start();
        bench.Store.IsUnreadable = true;
        bench.Add(Letters.Envelope("bob@example.net"));
        await QueueBench.Until(() => bench.LogText.ToString().Contains("queue-disk", StringComparison.Ordinal), "the complaint");
        await bench.Settled();
        Assert.Equal(1, bench.Runner.Count);
        bench.Store.IsUnreadable = false;
        bench.Clock.Advance(bench.Options.OwnRetry + Minute);
        await bench.Empty();
    }

    [Fact]
    public async Task ShutdownKeepsWhatWasDecided()
    {
        var bench = new QueueBench(new QueueOptions { Jitter = 0, Grace = TimeSpan.Zero });
        var hang = new TaskCompletionSource();
        bench.Network.Answer = static to => to.StartsWith("bob", StringComparison.Ordinal) ? "250" : "250";
        bench.Network.Wait = (_, cancel) => hang.Task.WaitAsync(cancel);
        var envelope = bench.Add(Letters.Envelope("bob@example.net"));
        bench.Start();
        await QueueBench.Until(() => bench.Network.Running == 1, "the attempt");
        await bench.Stop();
        Assert.Equal(0, bench.Network.Running);
        Assert.Equal(0, bench.Store.Saved(envelope.Id)!.Recipients[0].Attempts);
        await bench.DisposeAsync();

        await using var again = new QueueBench(store: bench.Store).Start();
        again.Runner.Recover();
        await again.Empty();
    }

    [Fact]
    public async Task NewRoutesAreUsedForWhatIsQueued()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        bench.Add(Letters.Envelope("bob@example.net", "joe@example.org"));
        await bench.Attempts(2);
        await bench.Settled();
        bench.Network.Answer = static _ => "250";
        bench.Runner.UseRoutes(new Routes([new Route("*", [new Smarthost("isp", "smtp.isp.example", 587)])]));
        await bench.Settled();
        bench.Clock.Advance(bench.Options.FirstRetry + Minute);
        await bench.Empty();
        var last = bench.Network.Attempts.Last();
        Assert.Equal("smarthost:isp by route:*", last.Destination);
        Assert.Equal(["bob@example.net", "joe@example.org"], last.Recipients);
    }

    [Fact]
    public async Task NewRoutesDoNotDisturbAnAttemptThatRuns()
    {
        await using var bench = new QueueBench().Start();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Network.Answer = static to => to.StartsWith("bob", StringComparison.Ordinal) ? "250" : "450 4.2.0 later";
        bench.Network.Wait = (_, cancel) => go.Task.WaitAsync(cancel);
        bench.Add(Letters.Envelope("bob@example.net", "eve@example.net", "joe@example.org"));
        await QueueBench.Until(() => bench.Network.Running == 2, "the attempts");
        bench.Runner.UseRoutes(new Routes([new Route("*", [new Smarthost("isp", "smtp.isp.example", 587)])]));
        await Task.Delay(20);
        Assert.Equal(2, bench.Network.Attempts.Count);
        go.SetResult();
        await bench.Attempts(2);
        await bench.Settled();
        bench.Network.Answer = static _ => "250";
        bench.Clock.Advance(bench.Options.FirstRetry + Minute);
        await bench.Empty();
        var last = bench.Network.Attempts.Last();
        Assert.Equal(3, bench.Network.Attempts.Count);
        Assert.Equal(["eve@example.net", "joe@example.org"], last.Recipients);
    }

    [Fact]
    public async Task AFullDiskAfterTheLastDeliveryIsMadeGoodLater()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Wait = (_, _) =>
        {
            bench.Store.IsFull = true;
            return Task.CompletedTask;
        };
        bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        for (var i = 0; i < 3; i++)
        {
            await bench.Settled();
            bench.Clock.Advance(bench.Options.OwnRetry + Minute);
        }
        await bench.Settled();
        Assert.Equal((1, 1), (bench.Runner.Count, bench.Store.Count));
        bench.Store.IsFull = false;
        bench.Clock.Advance(bench.Options.OwnRetry + Minute);
        await bench.Empty();
        Assert.Equal(0, bench.Store.Count);
        Assert.Single(bench.Network.Attempts);
    }
}
