using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Dns;

public sealed class CachingResolverTests
{
    private static readonly CancellationToken Never = CancellationToken.None;

    private readonly FakeTimeProvider _clock = new();
    private readonly ZoneResolver _zone = new();

    [Fact]
    public async Task AnAnswerIsKeptForItsTtlAndNoLonger()
    {
        _zone.TimeToLive = TimeSpan.FromSeconds(60);
        _zone.Txt("example.org", "one").Addresses("example.org", "192.0.2.1", "2001:db8::1");
        var cache = new CachingResolver(_zone, _clock);
        await cache.TxtAsync("example.org", Never);
        _clock.Advance(TimeSpan.FromSeconds(45));
        var answer = await cache.TxtAsync("Example.ORG.", Never);
        Assert.Equal(["one"], answer.Records);
        Assert.Equal(TimeSpan.FromSeconds(15), answer.TimeToLive);
        Assert.Single(_zone.Queries);
        await cache.AddressesAsync("example.org", AddressFamily.InterNetwork, Never);
        var v6 = await cache.AddressesAsync("example.org", AddressFamily.InterNetworkV6, Never);
        Assert.Equal([IPAddress.Parse("2001:db8::1")], v6.Records); // families are kept apart
        _clock.Advance(TimeSpan.FromSeconds(15));
        _zone.Remove("example.org").Txt("example.org", "two");
        Assert.Equal(["two"], (await cache.TxtAsync("example.org", Never)).Records);
    }

    [Fact]
    public async Task LongAnswersNegativeOnesAndFailuresHaveCapsOfTheirOwn()
    {
        _zone.TimeToLive = TimeSpan.FromDays(7);
        _zone.Txt("found.example", "x").Fail("broken.example");
        var cache = new CachingResolver(_zone, _clock);
        string[] names = ["found.example", "none.example", "broken.example"];
        async Task<int> AskAllAsync()
        {
            var before = _zone.Queries.Count;
            foreach (var name in names)
                await cache.TxtAsync(name, Never);
            return _zone.Queries.Count - before;
        }

        Assert.Equal(3, await AskAllAsync());
        Assert.Equal(0, await AskAllAsync());
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(1, await AskAllAsync()); // the failure
        _clock.Advance(TimeSpan.FromMinutes(15));
        Assert.Equal(2, await AskAllAsync()); // and the name that is not there
        _clock.Advance(TimeSpan.FromMinutes(45));
        Assert.Equal(3, await AskAllAsync());
    }

    [Fact]
    public async Task ZeroTtlIsNotKept()
    {
        _zone.TimeToLive = TimeSpan.Zero;
        _zone.Txt("example.org", "x");
        var cache = new CachingResolver(_zone, _clock);
        await cache.TxtAsync("example.org", Never);
        await cache.TxtAsync("example.org", Never);
        Assert.Equal((2, 0), (_zone.Queries.Count, cache.Count));
    }

    [Fact]
    public async Task TheCacheIsBoundedInNumberAndMemoryAndDropsTheLeastUsed()
    {
        for (var i = 0; i < 300; i++)
            _zone.Txt($"n{i}.example", new string('x', 400));
        var cache = new CachingResolver(_zone, _clock, new CacheLimits { MaxAnswers = 100, MaxBytes = 60_000 });
        for (var i = 0; i < 300; i++)
        {
            await cache.TxtAsync($"n{i}.example", Never);
            await cache.TxtAsync("n0.example", Never);
            Assert.True(cache.Count <= 100 && cache.Bytes <= 60_000);
        }
        Assert.True(cache.Count > 20);
        Assert.Equal(300, _zone.Queries.Count); // n0, always in use, was never dropped
        _zone.Txt("huge.example", new string('x', 20_000));
        await cache.TxtAsync("huge.example", Never);
        Assert.True(cache.Count > 20); // one answer does not push out the rest
        cache.Clear();
        Assert.Equal((0, 0), (cache.Count, cache.Bytes));
    }

    [Fact]
    public async Task EqualQuestionsAtOneTimeAreOneQuery()
    {
        var slow = new GatedResolver(_zone.Txt("example.org", "x"));
        var cache = new CachingResolver(slow, _clock);
        var asked = Enumerable.Range(0, 20).Select(_ => cache.TxtAsync("example.org", Never).AsTask()).ToArray();
        slow.Open.SetResult();
        foreach (var answer in await Task.WhenAll(asked))
            Assert.Equal(["x"], answer.Records);
        Assert.Single(_zone.Queries);
    }

    [Fact]
    public async Task OneCallerLeavingDoesNotHurtTheOthersAndTheLastOneEndsTheQuery()
    {
        var slow = new GatedResolver(_zone.Txt("example.org", "x"));
        var cache = new CachingResolver(slow, _clock);
        using var first = new CancellationTokenSource();
        var leaving = cache.TxtAsync("example.org", first.Token).AsTask();
        var staying = cache.TxtAsync("example.org", Never).AsTask();
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        Assert.False(slow.Cancelled.Task.IsCompleted);
        slow.Open.SetResult();
        Assert.Equal(["x"], (await staying).Records);

        slow.Open = new TaskCompletionSource();
        using var second = new CancellationTokenSource();
        var alone = cache.TxtAsync("other.example", second.Token).AsTask();
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => alone);
        await slow.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30));
        slow.Open.SetResult();
        Assert.Equal(DnsStatus.NoSuchDomain, (await cache.TxtAsync("other.example", Never)).Status);
    }

    private sealed class GatedResolver(ZoneResolver zone) : IMailResolver
    {
        public TaskCompletionSource Open { get; set; } = new();

        public TaskCompletionSource Cancelled { get; } = new();

        public async ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken cancel)
        {
            try
            {
                await Open.Task.WaitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                Cancelled.TrySetResult();
                throw;
            }
            return await zone.TxtAsync(name, cancel);
        }

        public ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string name, AddressFamily family, CancellationToken cancel) =>
            zone.AddressesAsync(name, family, cancel);

        public ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken cancel) => zone.MxAsync(name, cancel);

        public ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken cancel) => zone.PtrAsync(address, cancel);

        public ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken cancel) => zone.TlsaAsync(name, cancel);
        public ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken cancel) => zone.SrvAsync(name, cancel);

    }
}
