using System.Collections.Concurrent;
using HomeMail.Server.Delivery;
using HomeMail.Server.Queue;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Queue;

/// <summary>Many messages and bad destinations at once.</summary>
[Collection(nameof(Alone))]
public class QueueLoadTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task DeadDestinationsHoldUpNobody()
    {
        const int messages = 10_000;
        await using var bench = new QueueBench();
        var dead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Thirty of a hundred destinations never answer: their attempts hang until the very end.
        bench.Network.Answer = static to => IsDead(to) ? "dead" : "250";
        bench.Network.Wait = (destination, cancel) => IsDead(destination.Key) ? dead.Task.WaitAsync(cancel) : Task.CompletedTask;
        for (var i = 0; i < messages; i++)
            bench.Store.Put(Letters.Envelope($"r{i}@d{i % 100}.example"), Letters.Plain);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        bench.Runner.Recover();
        var perMessage = (GC.GetTotalMemory(forceFullCollection: true) - before) / messages;
        Assert.True(perMessage < 600, $"{perMessage} octets a message");

        bench.Start();
        await QueueBench.Until(() => bench.Store.Count == messages * 30 / 100, "the live ones");
        Assert.Equal(30, bench.Network.Running);
        Assert.InRange(bench.Network.Most, 30, bench.Options.MaxAttempts);
        Assert.Equal(30, bench.Network.Attempts.Count(a => IsDead(a.Destination)));

        // They give up: one attempt each has been made, and nothing was written for the messages behind.
        dead.SetResult();
        await bench.Settled();
        Assert.Equal(30, bench.Network.Attempts.Count(a => IsDead(a.Destination)));
        bench.Clock.Advance(bench.Options.FirstBackOff + Minute);
        await bench.Settled();
        Assert.Equal(60, bench.Network.Attempts.Count(a => IsDead(a.Destination)));
    }

    [Fact]
    public async Task ADeadDestinationIsAskedEverLessOften()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "dead";
        for (var i = 0; i < 50; i++)
            bench.Add(Letters.Envelope($"r{i}@dead.example"));
        await bench.Attempts(1);
        await bench.Settled();
        Assert.Single(bench.Network.Attempts);
        var waits = new List<double>();
        for (var i = 0; i < 8; i++)
            waits.Add((await bench.ToNextAttempt(Minute, TimeSpan.FromHours(2))).TotalMinutes);
        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], waits);
        Assert.Equal(9, bench.Network.Attempts.Count);
        // The one message that was tried has a time of its own; the others say why they wait.
        Assert.All(bench.Runner.List(), m => Assert.Contains("connection timed out", m.Recipients[0].LastReply, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhenItAnswersAgainAllGoAtOnce()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "dead";
        for (var i = 0; i < 50; i++)
            bench.Add(Letters.Envelope($"r{i}@dead.example"));
        await bench.Attempts(1);
        for (var i = 0; i < 5; i++)
            await bench.ToNextAttempt(Minute, TimeSpan.FromHours(2));
        bench.Network.Answer = static _ => "250";
        await bench.ToNextAttempt(Minute, TimeSpan.FromHours(2));
        await bench.Empty();
        Assert.Equal(6 + 50, bench.Network.Attempts.Count);
    }

    [Fact]
    public async Task WithinTheLimitsInAllAndPerDestination()
    {
        var options = new QueueOptions { Jitter = 0, MaxSending = 6, MaxAttempts = 10, MaxPerDestination = 3 };
        await using var bench = new QueueBench(options);
        var counts = new ConcurrentDictionary<string, int>();
        var most = new ConcurrentDictionary<string, int>();
        var sending = 0;
        var mostSending = 0;
        bench.Network.Wait = async (destination, _) =>
        {
            var now = counts.AddOrUpdate(destination.Key, 1, (_, c) => c + 1);
            most.AddOrUpdate(destination.Key, now, (_, m) => Math.Max(m, now));
            var all = Interlocked.Increment(ref sending);
            InterlockedMax(ref mostSending, all);
            await Task.Delay(1);
            Interlocked.Decrement(ref sending);
            counts.AddOrUpdate(destination.Key, 0, (_, c) => c - 1);
        };
        for (var i = 0; i < 600; i++)
            bench.Add(Letters.Envelope($"r{i}@d{i % 4}.example"));
        bench.Start();
        await bench.Empty();
        Assert.Equal(600, bench.Network.Attempts.Count);
        Assert.All(most.Values, m => Assert.InRange(m, 1, 3));
        Assert.Contains(3, most.Values);
        Assert.InRange(mostSending, 2, 6);
        Assert.InRange(bench.Network.Most, 2, 10);
    }

    [Fact]
    public async Task ANewDestinationIsAskedByOneUntilItAnswers()
    {
        await using var bench = new QueueBench();
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Network.Wait = (_, cancel) => answer.Task.WaitAsync(cancel);
        for (var i = 0; i < 20; i++)
            bench.Add(Letters.Envelope($"r{i}@example.net"));
        bench.Start();
        await QueueBench.Until(() => bench.Network.Running == 1, "the first");
        await Task.Delay(30);
        Assert.Single(bench.Network.Attempts);
        answer.SetResult();
        await bench.Empty();
    }

    [Fact]
    public async Task TheNetworkCameBack()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static to => to.StartsWith("later", StringComparison.Ordinal) ? "450 4.2.0 later" : "dead";
        bench.Add(Letters.Envelope("later@example.org"));
        for (var i = 0; i < 10; i++)
            bench.Add(Letters.Envelope($"r{i}@d{i}.example"));
        await bench.Attempts(11);
        await bench.Settled();
        bench.Network.Answer = static _ => "250";
        bench.Runner.NetworkChanged();
        await QueueBench.Until(() => bench.Runner.Count == 1, "those that could not reach a host");
        await bench.Settled();
        Assert.Equal(21, bench.Network.Attempts.Count);
        Assert.Equal("later@example.org", bench.Runner.List().Single().Recipients[0].Address);
    }

    [Fact]
    public async Task DestinationsAreForgottenWhenNothingGoesThere()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static to => to.Contains("@dead", StringComparison.Ordinal) ? "dead" : "250";
        for (var i = 0; i < 300; i++)
            bench.Add(Letters.Envelope($"r{i}@d{i}.example"));
        await bench.Empty();
        await bench.Settled();
        Assert.Equal(0, bench.Runner.LaneCount);

        var dead = bench.Add(Letters.Envelope("bob@dead.example"));
        await bench.Attempts(301);
        await bench.Settled();
        await bench.Runner.DropAsync(dead.Id);
        Assert.Equal(1, bench.Runner.LaneCount);
        bench.Clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 300; i++)
            bench.Add(Letters.Envelope($"r{i}@e{i}.example"));
        await bench.Empty();
        await bench.Settled();
        Assert.Equal(0, bench.Runner.LaneCount);
    }

    [Fact]
    public async Task AMissingDomainFailsEveryMessageAtOnce()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "550 5.1.2 no such domain";
        for (var i = 0; i < 20; i++)
            bench.Add(Letters.Envelope($"r{i}@missing.example"));
        await bench.Empty();
        Assert.Equal(20, bench.Mail.Accepted.Count);
    }

    private static bool IsDead(string key)
    {
        var at = key.IndexOf('@', StringComparison.Ordinal);
        var domain = key[(at + 1)..];
        return int.Parse(domain.AsSpan(1, domain.IndexOf('.', StringComparison.Ordinal) - 1), System.Globalization.CultureInfo.InvariantCulture) < 30;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;
        while (value > (seen = Volatile.Read(ref target)) && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }
}
