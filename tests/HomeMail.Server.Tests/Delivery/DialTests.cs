using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Delivery;
using HomeMail.Server.Tests.Queue;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class DialTests
{
    private static readonly IPAddress[] Addresses = [IPAddress.Parse("2001:db8::1"), IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")];

    [Fact]
    public async Task TheNextBeginsAQuarterOfASecondLater()
    {
        var bench = new Dialler();
        var dial = bench.Begin(Addresses);
        await bench.Waits(1);
        bench.Clock.Advance(TimeSpan.FromMilliseconds(249));
        await Task.Delay(20);
        Assert.Single(bench.Started);
        bench.Clock.Advance(TimeSpan.FromMilliseconds(1));
        await bench.Dialled(2);
        bench.Succeed(Addresses[1]);
        var outcome = await dial.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(Addresses[1], outcome.Address);
        Assert.Empty(outcome.Failed);
        await QueueBench.Until(() => bench.GivenUp.Count == 1, "the loser to be given up");
        Assert.Equal(2, bench.Started.Count);
    }

    [Fact]
    public async Task TheNextBeginsAtOnceWhenAllHaveFailed()
    {
        var bench = new Dialler();
        var dial = bench.Begin(Addresses);
        await bench.Dialled(1);
        bench.Fail(Addresses[0]);
        await bench.Dialled(2);
        bench.Fail(Addresses[1]);
        await bench.Dialled(3);
        bench.Fail(Addresses[2]);
        var outcome = await dial.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Null(outcome.Stream);
        Assert.Equal(Addresses, outcome.Failed.Select(f => f.Address));
        Assert.All(outcome.Failed, f => Assert.Equal("connection refused", f.Why));
    }

    [Fact]
    public async Task AnAddressThatIsSilentIsGivenUpAfterItsTime()
    {
        var bench = new Dialler();
        var dial = bench.Begin([Addresses[0]]);
        await bench.Dialled(1);
        bench.Clock.Advance(TimeSpan.FromSeconds(31));
        var outcome = await dial.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("connection timed out", outcome.Failed.Single().Why);
    }

    [Fact]
    public async Task AnEarlierOneMayStillWin()
    {
        var bench = new Dialler();
        var dial = bench.Begin(Addresses);
        await bench.Waits(1);
        bench.Clock.Advance(TimeSpan.FromMilliseconds(250));
        await bench.Dialled(2);
        bench.Fail(Addresses[1]);
        bench.Succeed(Addresses[0]);
        Assert.Equal(Addresses[0], (await dial.WaitAsync(TimeSpan.FromSeconds(20))).Address);
    }

    [Fact]
    public async Task TheEndOfTheProgramEndsIt()
    {
        var bench = new Dialler();
        using var end = new CancellationTokenSource();
        var dial = bench.Begin(Addresses, end.Token);
        await bench.Dialled(1);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dial.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task SocketsConnectOrSayWhyNot()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var endPoint = (IPEndPoint)listener.LocalEndpoint;
        var dialer = new SocketDialer(remote => remote.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : null);
        await using (var stream = await dialer.DialAsync(endPoint, CancellationToken.None))
        {
            using var accepted = await listener.AcceptSocketAsync();
            Assert.Equal(IPAddress.Loopback, ((IPEndPoint)accepted.RemoteEndPoint!).Address);
            await stream.WriteAsync("x"u8.ToArray());
            Assert.Equal(1, await accepted.ReceiveAsync(new byte[1]));
        }
        // A port that was only listened at may be another's by now; one that is bound and not listened at is nobody else's.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var refused = await Assert.ThrowsAsync<DialException>(() => dialer.DialAsync((IPEndPoint)silent.LocalEndPoint!, CancellationToken.None).AsTask());
        Assert.Equal("connection refused", refused.Message);
        using var given = new CancellationTokenSource();
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialer.DialAsync(endPoint, given.Token).AsTask());
        // 192.0.2.1 is an address that no interface here has.
        var foreign = new SocketDialer(static _ => IPAddress.Parse("192.0.2.1"));
        Assert.Equal("no source address for it", (await Assert.ThrowsAsync<DialException>(() => foreign.DialAsync(endPoint, CancellationToken.None).AsTask())).Message);
    }

    private sealed class Dialler : IDialer
    {
        private readonly ConcurrentDictionary<IPAddress, TaskCompletionSource<Stream>> _pending = new();

        public WaitingClock Clock { get; } = new();

        public ConcurrentQueue<IPAddress> Started { get; } = new();

        public ConcurrentQueue<IPAddress> GivenUp { get; } = new();

        public Task<StaggeredDial.Outcome> Begin(IPAddress[] addresses, CancellationToken cancel = default) =>
            Task.Run(() => new StaggeredDial(this, new DeliveryOptions { Hostname = "home.example" }, Clock).DialAsync(addresses, 25, cancel).AsTask());

        /// <summary>So many have been begun, and the time until the next one is running: a clock that is moved before that is moved in vain.</summary>
        public async Task Waits(int count)
        {
            await Dialled(count);
            await QueueBench.Until(() => Clock.Waits >= count, $"wait {count}");
        }

        public async Task Dialled(int count)
        {
            await QueueBench.Until(() => Started.Count >= count, $"dial {count}");
            Assert.Equal(count, Started.Count);
        }

        public void Succeed(IPAddress address) => _pending[address].SetResult(new MemoryStream());

        public void Fail(IPAddress address) => _pending[address].SetException(new DialException("connection refused"));

        public async ValueTask<Stream> DialAsync(IPEndPoint remote, CancellationToken cancel)
        {
            var pending = _pending[remote.Address] = new TaskCompletionSource<Stream>(TaskCreationOptions.RunContinuationsAsynchronously);
            Started.Enqueue(remote.Address);
            try
            {
                return await pending.Task.WaitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                GivenUp.Enqueue(remote.Address);
                throw;
            }
        }
    }

    /// <summary>Counts the waits between two that have begun.</summary>
    private sealed class WaitingClock() : FakeTimeProvider(Letters.Noon)
    {
        private int _waits;

        public int Waits => Volatile.Read(ref _waits);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime == new DeliveryOptions { Hostname = "home.example" }.Stagger)
                Interlocked.Increment(ref _waits);
            return timer;
        }
    }
}
