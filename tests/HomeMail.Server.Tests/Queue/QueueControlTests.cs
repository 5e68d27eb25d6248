using HomeMail.Server.Queue;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Queue;

/// <summary>What an administrator sees and does.</summary>
public class QueueControlTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task ShowsWhatIsQueuedAndWhy()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static to => to.StartsWith("no", StringComparison.Ordinal) ? "550 5.1.1 no" : "450 4.2.0 later";
        var first = bench.Add(Letters.Envelope("bob@example.net", "no@example.net"));
        var second = bench.Add(Letters.Envelope("eve@example.org"));
        await bench.Attempts(2);
        await bench.Settled();
        Assert.Equal([first.Id, second.Id], bench.Runner.List().Select(m => m.Id));
        var view = bench.Runner.Show(first.Id)!;
        Assert.Equal(("alice@home.example", "account:alice", false, false), (view.Sender, view.Principal, view.IsHeld, view.IsRunning));
        Assert.Equal(
            new QueueViewRecipient("bob@example.net", RecipientStatus.Waiting, 1, Letters.Noon + bench.Options.FirstRetry, "mx.example.net: 450 4.2.0 later", "example.net"),
            view.Recipients[0]);
        Assert.Equal(
            new QueueViewRecipient("no@example.net", RecipientStatus.Closed, 1, null, "mx.example.net: 550 5.1.1 no", "example.net"), view.Recipients[1]);
        Assert.Null(bench.Runner.Show(MessageId.New(TimeProvider.System)));
    }

    [Fact]
    public async Task HoldsAndReleases()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        var envelope = bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.True(await bench.Runner.HoldAsync(envelope.Id));
        Assert.True(bench.Store.Saved(envelope.Id)!.Held);
        Assert.True(bench.Runner.Show(envelope.Id)!.IsHeld);
        Assert.False(bench.Runner.Retry(envelope.Id));
        Assert.Equal(0, bench.Runner.RetryAll());
        bench.Clock.Advance(TimeSpan.FromHours(9));
        await bench.Settled();
        Assert.Single(bench.Network.Attempts);

        bench.Network.Answer = static _ => "250";
        Assert.True(await bench.Runner.ReleaseAsync(envelope.Id));
        await bench.Empty();
        Assert.False(await bench.Runner.HoldAsync(envelope.Id));
        Assert.False(await bench.Runner.ReleaseAsync(envelope.Id));
    }

    [Fact]
    public async Task WhatIsHeldStaysHeldOverAStart()
    {
        var store = new MemoryStore();
        var held = Letters.Envelope("bob@example.net");
        held.Held = true;
        store.Put(held, Letters.Plain);
        await using var bench = new QueueBench(store: store).Start();
        bench.Runner.Recover();
        bench.Clock.Advance(TimeSpan.FromHours(9));
        await bench.Settled();
        Assert.Empty(bench.Network.Attempts);
        await bench.Runner.ReleaseAsync(held.Id);
        await bench.Empty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhatWasPutOffBeforeAStartIsTriedWhenTold(bool held)
    {
        var store = new MemoryStore();
        var envelope = Letters.Envelope("bob@example.net", "eve@example.org");
        envelope.Held = held;
        foreach (var recipient in envelope.Recipients)
            (recipient.Attempts, recipient.NextAttempt) = (3, Letters.Noon.AddHours(2));
        store.Put(envelope, Letters.Plain);
        await using var bench = new QueueBench(store: store).Start();
        bench.Runner.Recover();
        await bench.Settled();
        Assert.Empty(bench.Network.Attempts);
        if (held)
            Assert.True(await bench.Runner.ReleaseAsync(envelope.Id));
        else
            Assert.True(bench.Runner.Retry(envelope.Id));
        await bench.Empty();
        Assert.Equal(2, bench.Network.Attempts.Count);
    }

    [Fact]
    public async Task AMessageMayComeWithATime()
    {
        await using var bench = new QueueBench().Start();
        var timed = Letters.Envelope("bob@example.net");
        timed.ReleaseAt = Letters.Noon.AddDays(2);
        bench.Add(timed);
        var other = Letters.Envelope("eve@example.net");
        other.ReleaseAt = Letters.Noon.AddDays(2);
        bench.Add(other);
        await bench.Settled();
        Assert.True(await bench.Runner.ReleaseAsync(other.Id));
        await bench.Attempts(1);
        Assert.Equal(other.Id, bench.Network.Attempts.Single().Id);
        while (bench.Runner.Count > 0)
        {
            bench.Clock.Advance(Minute);
            await bench.Settled();
        }
        Assert.Equal(TimeSpan.FromDays(2), bench.Clock.GetUtcNow() - Letters.Noon);
    }

    [Fact]
    public async Task RetriesAtOnceWhenTold()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "dead";
        var envelope = bench.Add(Letters.Envelope("bob@dead.example"));
        bench.Add(Letters.Envelope("eve@dead.example"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.True(bench.Runner.Retry(envelope.Id));
        await bench.Attempts(2);
        await bench.Settled();
        bench.Network.Answer = static _ => "250";
        Assert.Equal(2, bench.Runner.RetryAll());
        await bench.Empty();
        Assert.False(bench.Runner.Retry(envelope.Id));
    }

    [Fact]
    public async Task RetryingAgainAndAgainLeavesNothingBehind()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        for (var i = 0; i < 400; i++)
            bench.Add(Letters.Envelope($"r{i}@d{i % 5}.example"));
        await bench.Attempts(400);
        for (var i = 1; i < 12; i++)
        {
            await bench.Settled();
            bench.Runner.RetryAll();
            await bench.Attempts(400 * (i + 1));
        }
        await bench.Settled();
        Assert.Equal(4800, bench.Network.Attempts.Count);
        Assert.InRange(bench.Runner.ScheduleSize, 400, 2000);
    }

    [Fact]
    public async Task DropsAndTellsNobody()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        var envelope = bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.True(await bench.Runner.DropAsync(envelope.Id));
        Assert.Equal((0, 0), (bench.Runner.Count, bench.Store.Count));
        Assert.Empty(bench.Mail.Accepted);
        Assert.False(await bench.Runner.DropAsync(envelope.Id));
        bench.Clock.Advance(TimeSpan.FromHours(1));
        await bench.Settled();
        Assert.Single(bench.Network.Attempts);
    }

    [Theory]
    [InlineData("250")]
    [InlineData("550 5.1.1 no")]
    [InlineData("450 4.2.0 later")]
    public async Task DropsWhileAnAttemptRuns(string answer)
    {
        await using var bench = new QueueBench().Start();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Network.Answer = _ => answer;
        bench.Network.Wait = (_, cancel) => go.Task.WaitAsync(cancel);
        var envelope = bench.Add(Letters.Envelope("bob@example.net"));
        await QueueBench.Until(() => bench.Network.Running == 1, "the attempt");
        Assert.True(bench.Runner.Show(envelope.Id)!.IsRunning);
        Assert.True(await bench.Runner.DropAsync(envelope.Id));
        go.SetResult();
        await bench.Empty();
        await QueueBench.Until(() => bench.Store.Count == 0, "the store to be empty");
        Assert.Empty(bench.Mail.Accepted);
    }

    [Fact]
    public async Task HoldingWhileAnAttemptRunsStopsTheNext()
    {
        await using var bench = new QueueBench().Start();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Network.Answer = static _ => "450 4.2.0 later";
        bench.Network.Wait = (_, cancel) => go.Task.WaitAsync(cancel);
        var envelope = bench.Add(Letters.Envelope("bob@example.net"));
        await QueueBench.Until(() => bench.Network.Running == 1, "the attempt");
        Assert.True(await bench.Runner.HoldAsync(envelope.Id));
        go.SetResult();
        await bench.Settled();
        bench.Clock.Advance(TimeSpan.FromHours(9));
        await bench.Settled();
        Assert.Single(bench.Network.Attempts);
        Assert.True(bench.Store.Saved(envelope.Id)!.Held);
        Assert.Equal(1, bench.Store.Saved(envelope.Id)!.Recipients[0].Attempts);
    }
}
