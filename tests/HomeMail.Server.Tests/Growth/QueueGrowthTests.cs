using HomeMail.Server.Delivery;
using HomeMail.Server.Queue;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Queue;
using HomeMail.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Growth;

/// <summary>
/// A queue of 100,000 has to fit into a heap of 32 MB with room to work: it did not, and the server ended at its start with an exception. Counted, never timed.
/// </summary>
[Collection(nameof(Alone))]
public class QueueGrowthTests
{
    private const int Messages = 20_000;

    [Fact]
    public void A_message_that_waits_takes_few_octets()
    {
        using var house = new LoneQueue(Messages);
        // Once before: what is loaded and made once is not a message's.
        var envelope = Letters.Envelope("bob@example.net");
        house.Runner.Add(envelope);
        var accepted = Cost(() =>
        {
            for (var i = 0; i < Messages; i++)
                house.Runner.Add(Letters.Envelope("bob@example.net"));
        });
        Assert.InRange(accepted, 1, 220);
        var recovered = Cost(house.Runner.Recover);
        Assert.InRange(recovered, 1, 140);
        Assert.Equal(1 + (2 * Messages), house.Runner.Count);

        static long Cost(Action work)
        {
            var before = GC.GetTotalMemory(true);
            work();
            return (GC.GetTotalMemory(true) - before) / Messages;
        }
    }

    [Fact]
    public void What_is_planned_anew_leaves_nothing_behind()
    {
        using var house = new LoneQueue(100);
        house.Runner.Recover();
        for (var i = 0; i < 50; i++)
            house.Runner.RetryAll();
        Assert.Equal(100, house.Runner.ScheduleSize);
    }

    [Fact]
    public void The_schedule_gives_what_is_due_first_whatever_was_done_to_it()
    {
        var random = new Random(11);
        var schedule = new Schedule();
        var items = Enumerable.Range(0, 300).Select(_ => new QueuedMessage(MessageId.New(TimeProvider.System))).ToList();
        var planned = new HashSet<QueueItem>();
        for (var i = 0; i < 20_000; i++)
        {
            var item = items[random.Next(items.Count)];
            if (random.Next(3) == 0)
            {
                schedule.Remove(item);
                planned.Remove(item);
                Assert.Equal(-1, item.Place);
            }
            else
            {
                schedule.Set(item, random.Next(1000));
                planned.Add(item);
            }
            Assert.Equal(planned.Count, schedule.Count);
            if (planned.Count > 0)
                Assert.Equal(planned.Min(p => p.Due), schedule.First!.Due);
        }
        var last = long.MinValue;
        while (schedule.First is { } first)
        {
            Assert.True(first.Due >= last);
            last = first.Due;
            schedule.Remove(first);
        }
    }

    [Fact]
    public void A_destination_knows_who_waits_for_it()
    {
        var lane = new Lane(new Destination("dead.example", "dead.example", Route.Default));
        var stays = Enumerable.Range(0, 10).Select(_ => Item(lane)).ToList();
        foreach (var item in stays)
        {
            lane.AddWaiter(item);
            lane.AddWaiter(item);
        }
        // Thousands that come and go leave nothing here: what is taken is what is there, each once.
        for (var i = 0; i < 10_000; i++)
        {
            var goes = Item(lane);
            lane.AddWaiter(goes);
            goes.State = ItemState.Gone;
            lane.Left();
        }
        Assert.InRange(lane.WaiterCount, 10, 50);

        // Nor do thousands that were there at once, and go without another coming.
        var many = Enumerable.Range(0, 10_000).Select(_ => Item(lane)).ToList();
        many.ForEach(lane.AddWaiter);
        foreach (var goes in many)
        {
            goes.State = ItemState.Gone;
            lane.Left();
        }
        Assert.InRange(lane.WaiterCount, 10, 50);
        Assert.Equal(stays, lane.TakeWaiters());
        Assert.Empty(lane.TakeWaiters());
        lane.AddWaiter(stays[0]);
        Assert.Equal([stays[0]], lane.TakeWaiters());

        static LaneItem Item(Lane lane)
        {
            lane.Items++;
            return new LaneItem(new QueuedMessage(MessageId.New(TimeProvider.System)), lane) { State = ItemState.Scheduled };
        }
    }

    [Fact]
    public async Task Held_messages_are_counted_and_not_looked_for()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        var envelopes = Enumerable.Range(0, 5).Select(i => bench.Add(Letters.Envelope($"r{i}@example.net"))).ToList();
        await bench.Attempts(5);
        await bench.Settled();
        Assert.True(await bench.Runner.HoldAsync(envelopes[0].Id));
        Assert.True(await bench.Runner.HoldAsync(envelopes[0].Id));
        Assert.True(await bench.Runner.HoldAsync(envelopes[1].Id));
        Assert.Equal(2, bench.Runner.HeldCount);
        Assert.Equal(3, bench.Runner.RetryAll());
        Assert.True(await bench.Runner.ReleaseAsync(envelopes[0].Id));
        Assert.Equal(1, bench.Runner.HeldCount);
        Assert.True(await bench.Runner.DropAsync(envelopes[1].Id));
        Assert.Equal(0, bench.Runner.HeldCount);
    }

    /// <summary>A queue whose store only says how many it has; nothing of it runs.</summary>
    private sealed class LoneQueue : IQueueStore, IDisposable
    {
        private readonly int _stored;
        private readonly StringWriter _text = new();

        public LoneQueue(int stored)
        {
            _stored = stored;
            var clock = new FakeTimeProvider(Letters.Noon);
            var log = new Log(_text, clock, LogLevel.Info);
            var dsn = new DsnSender(new MemoryIntake(new MemoryStore()), this, new DsnComposer("mail.home.example", clock), clock, log);
            Runner = new QueueRunner(this, new StubNetwork(), new Routes([]), dsn, new QueueOptions { Jitter = 0 }, new Random(1), clock, log);
        }

        public QueueRunner Runner { get; }

        public void Recover(Action<QueueEntry> found)
        {
            for (var i = 0; i < _stored; i++)
                found(new QueueEntry(MessageId.New(TimeProvider.System), Letters.Noon + TimeSpan.FromHours(1 + (i % 7)), false));
        }

        public Envelope? LoadEnvelope(MessageId id) => null;

        public Task SaveAsync(Envelope envelope) => Task.CompletedTask;

        public Task CloseAsync(Envelope envelope) => Task.CompletedTask;

        public Storage.Files.IFile OpenMessage(MessageId id) => throw new IOException();

        public void Dispose()
        {
            Runner.DisposeAsync().AsTask().GetAwaiter().GetResult();
            _text.Dispose();
        }
    }
}
