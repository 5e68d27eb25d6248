using HomeMail.Server.Delivery;
using HomeMail.Server.Tests.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Queue;

/// <summary>What comes at a bad moment: a message dropped while it is looked at or held, a disk that fails just then, routes mended while a host is left alone.</summary>
public class QueueTroubleTests
{
    [Fact]
    public async Task OneThatCannotBeRemovedKeepsNoOtherFromBeingLookedAt()
    {
        var store = new MemoryStore();
        var (first, second) = (Letters.Envelope("bob@example.net"), Letters.Envelope("joe@example.net"));
        store.Put(first, Letters.Plain);
        store.Put(second, Letters.Plain);
        await using var bench = new QueueBench(store: store);
        store.Before = id =>
        {
            if (id != first.Id || store.IsFull)
                return;
            // The disk fails between the order to drop it and its removal.
            Assert.True(bench.Runner.DropAsync(id).GetAwaiter().GetResult());
            store.IsFull = true;
        };
        bench.Runner.Recover();
        bench.Start();
        await QueueBench.Until(() => bench.LogText.ToString().Contains("queue-disk", StringComparison.Ordinal), "the disk to fail");
        store.Before = static _ => { };
        store.IsFull = false;
        // What could not be removed while the disk was full is tried again after a while.
        await bench.Settled();
        bench.Clock.Advance(bench.Options.OwnRetry + TimeSpan.FromMinutes(1));
        await bench.Empty();
        Assert.Equal(["joe@example.net"], Assert.Single(bench.Network.Attempts).Recipients);
    }

    [Fact]
    public async Task OneThatIsDroppedWhileItIsHeldGoes()
    {
        await using var bench = new QueueBench().Start();
        bench.Network.Answer = static _ => "450 4.2.0 later";
        var envelope = bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        var asked = false;
        bench.Store.Before = id =>
        {
            // Once it is read, once it is written: the second time somebody is at work on it.
            if (bench.Store.Saved(id)!.Held || asked)
                return;
            asked = true;
            Assert.True(bench.Runner.DropAsync(id).GetAwaiter().GetResult());
        };
        await bench.Runner.HoldAsync(envelope.Id);
        Assert.True(asked);
        Assert.Equal(0, bench.Store.Count);
        Assert.Equal(0, bench.Runner.Count);
        Assert.Equal(0, bench.Runner.HeldCount);
    }

    [Fact]
    public async Task ARouteThatIsMendedIsUsedThoughItsHostWasLeftAlone()
    {
        static Routes To(string host) => new([new Route("*", [new Smarthost("isp", host, 587)])]);
        await using var bench = new QueueBench(routes: [new Route("*", [new Smarthost("isp", "wrong.example", 587)])]).Start();
        var hosts = new List<string>();
        bench.Network.Wait = (destination, _) =>
        {
            lock (hosts)
                hosts.Add(destination.Route.Only!.Host);
            return Task.CompletedTask;
        };
        bench.Network.Answer = static _ => "dead";
        bench.Add(Letters.Envelope("bob@example.net"));
        await bench.Attempts(1);
        await bench.Settled();
        bench.Network.Answer = static _ => "250";
        bench.Runner.UseRoutes(To("right.example"));
        await bench.Settled();
        bench.Clock.Advance(bench.Options.FirstRetry + TimeSpan.FromMinutes(1));
        await bench.Empty();
        Assert.Equal(["wrong.example", "right.example"], hosts);
    }
}
