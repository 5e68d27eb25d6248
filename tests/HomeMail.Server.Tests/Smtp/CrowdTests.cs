using System.Diagnostics;
using System.Net;
using System.Text;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>Many who want nothing good: whoever does want something is answered all the same.</summary>
[Collection(nameof(Alone))]
public class CrowdTests
{
    [Fact]
    public async Task Two_thousand_idle_connections_leave_it_answering_others()
    {
        await using var house = new TestHouse();
        using var listener = house.Listen(new ConnectionGate(3000, 3000));
        var idle = new List<Client>();
        var before = GC.GetTotalMemory(true);
        for (var i = 0; i < 2000; i++)
        {
            var client = await Client.ConnectAsync(listener.EndPoint, $"127.1.{i >> 8}.{i & 255}");
            Assert.StartsWith("220 ", await client.ReplyAsync());
            idle.Add(client);
        }
        var each = (GC.GetTotalMemory(true) - before) / idle.Count;
        // The client's half, with a buffer of 4 kB for what it reads, is in it.
        Assert.InRange(each, 0, 16 * 1024);
        var watch = Stopwatch.StartNew();
        await using var other = await Client.ConnectAsync(listener.EndPoint, "127.2.0.1");
        Assert.StartsWith("250 2.6.0", await DeliverAsync(other));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        // They were not forgotten either.
        Assert.StartsWith("250 ", await idle[1234].AskAsync("NOOP"));
        foreach (var client in idle)
            await client.DisposeAsync();
    }

    [Fact]
    public async Task Five_hundred_who_send_an_octet_a_second_are_sent_away_and_meanwhile_others_get_through()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 14, 9, 0, 0, TimeSpan.Zero));
        await using var house = new TestHouse(clock: clock);
        var budget = new MemoryBudget(32 * 1024 * 1024);
        house.Options = house.Options with { Memory = budget };
        var wires = new List<Wire>();
        for (var i = 0; i < 500; i++)
        {
            var wire = new Wire();
            house.Serve(wire.Server, SmtpRole.Mta, $"10.0.{i >> 8}.{i & 255}");
            await wire.Client.WriteAsync("EHLO slow\r\nMAIL FROM:<x@remote.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"u8.ToArray());
            wires.Add(wire);
        }
        foreach (var wire in wires)
            await wire.AtRestAsync();
        for (var second = 0; second < 63; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            foreach (var wire in wires)
                await TryWriteAsync(wire, "x");
            if (second == 30)
            {
                Assert.InRange(budget.Reserved, 500, 8 * 1024 * 1024);
                await using var other = new Client(house.Connect());
                Assert.StartsWith("250 2.6.0", await DeliverAsync(other));
            }
        }
        foreach (var wire in wires)
        {
            await using var client = new Client(wire.Client);
            for (var i = 0; i < 5; i++)
                await client.ReplyAsync();
            Assert.Equal("421 4.4.2 Data come in too slowly, closing", await client.ReplyAsync());
            Assert.Null(await client.ReplyAsync());
        }
        Assert.Equal(0, budget.Reserved);
        Assert.Single(house.Mailbox("alice"));
    }

    [Fact]
    public async Task Five_hundred_who_never_end_a_command_line_are_sent_away()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 14, 9, 0, 0, TimeSpan.Zero));
        await using var house = new TestHouse(clock: clock);
        var wires = new List<Wire>();
        for (var i = 0; i < 500; i++)
        {
            var wire = new Wire();
            house.Serve(wire.Server, SmtpRole.Mta, $"10.0.{i >> 8}.{i & 255}");
            await wire.AtRestAsync();
            wires.Add(wire);
        }
        for (var second = 0; second <= 310; second += 10)
        {
            foreach (var wire in wires)
                await TryWriteAsync(wire, "x");
            clock.Advance(TimeSpan.FromSeconds(10));
        }
        foreach (var wire in wires)
        {
            await using var client = new Client(wire.Client);
            Assert.StartsWith("220 ", await client.ReplyAsync());
            Assert.Equal("421 4.4.2 Nothing heard for too long, closing", await client.ReplyAsync());
            Assert.Null(await client.ReplyAsync());
        }
    }

    [Fact]
    public async Task A_storm_of_transactions_costs_few_look_ups_and_has_an_end()
    {
        await using var house = new TestHouse();
        var wire = new Wire();
        house.Serve(wire.Server, SmtpRole.Mta, "192.0.2.66");
        var storm = new StringBuilder("EHLO storm.example\r\n");
        for (var i = 0; i < 1000; i++)
            storm.Append($"MAIL FROM:<x@d{i}.example>\r\nRCPT TO:<alice@example.org>\r\nRSET\r\n");
        var writing = TryWriteAsync(wire, storm.ToString());
        await using var client = new Client(wire.Client);
        Assert.StartsWith("220 ", await client.ReplyAsync());
        Assert.StartsWith("250 ", await client.ReplyAsync());
        for (var i = 0; i < 300; i++)
            Assert.StartsWith("250 ", await client.ReplyAsync());
        Assert.Equal("421 4.7.0 Too many commands, closing", await client.ReplyAsync());
        Assert.Null(await client.ReplyAsync());
        await writing;
        // Five transactions may look ahead, each with what SPF, the HELO name and the address's own name take.
        Assert.InRange(house.Zone.Queries.Count, 0, 5 * 20);
        Assert.DoesNotContain(house.Zone.Queries, q => q.Name.Contains("d99", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_too_many_is_told_so_and_a_place_that_is_left_is_free()
    {
        await using var house = new TestHouse();
        var gate = new ConnectionGate(3, 2);
        using var listener = house.Listen(gate);
        await using var first = await Client.ConnectAsync(listener.EndPoint, "127.3.0.1");
        var second = await Client.ConnectAsync(listener.EndPoint, "127.3.0.1");
        Assert.StartsWith("220 ", await first.ReplyAsync());
        Assert.StartsWith("220 ", await second.ReplyAsync());
        await using (var third = await Client.ConnectAsync(listener.EndPoint, "127.3.0.1"))
            Assert.Equal("421 4.7.0 Too many connections from your address", await third.ReplyAsync());
        await using var other = await Client.ConnectAsync(listener.EndPoint, "127.3.0.2");
        Assert.StartsWith("220 ", await other.ReplyAsync());
        await using (var full = await Client.ConnectAsync(listener.EndPoint, "127.3.0.3"))
            Assert.Equal("421 4.3.2 Too many connections, try again later", await full.ReplyAsync());
        Assert.StartsWith("221 ", await second.AskAsync("QUIT"));
        Assert.Null(await second.ReplyAsync());
        await second.DisposeAsync();
        while (gate.Count > 2)
            await Task.Yield();
        await using var fourth = await Client.ConnectAsync(listener.EndPoint, "127.3.0.1");
        Assert.StartsWith("220 ", await fourth.ReplyAsync());
    }

    [Fact]
    public async Task While_memory_is_short_mail_waits_and_while_it_is_critical_so_do_connections()
    {
        await using var house = new TestHouse();
        long used = 0;
        var budget = new MemoryBudget(1_000_000, () => used, () => { });
        house.Options = house.Options with { Memory = budget };
        using var listener = house.Listen(new ConnectionGate(10, 10));
        await using var client = await Client.ConnectAsync(listener.EndPoint);
        await client.ReplyAsync();
        await client.AskAsync("EHLO c");
        await client.AskAsync("MAIL FROM:<x@remote.example>");
        await client.AskAsync("RCPT TO:<alice@example.org>");
        Assert.StartsWith("354 ", await client.AskAsync("DATA"));
        used = 900_000;
        budget.CheckTime(0);
        Assert.StartsWith("452 4.3.1 Not enough memory now", await client.AskAsync("Subject: s\r\n\r\ntext\r\n."));
        Assert.StartsWith("452 4.3.1 Not enough memory now", await client.AskAsync("MAIL FROM:<x@remote.example>"));
        Assert.StartsWith("250 ", await client.AskAsync("NOOP"));
        await using (var late = await Client.ConnectAsync(listener.EndPoint))
            Assert.Equal("421 4.3.2 Too busy now, try again later", await late.ReplyAsync());
        used = 100_000;
        budget.CheckTime(1);
        Assert.StartsWith("250 ", await client.AskAsync("MAIL FROM:<x@remote.example>"));
        await using var now = await Client.ConnectAsync(listener.EndPoint);
        Assert.StartsWith("250 2.6.0", await DeliverAsync(now));
        Assert.Equal(0, budget.Reserved);
    }

    [Fact]
    public async Task Content_for_which_there_is_no_room_is_put_off_and_what_was_held_is_given_back()
    {
        await using var house = new TestHouse();
        // A quarter of it is for content: two sessions' worth of a small message. Another is for three transactions.
        var budget = new MemoryBudget(4 * 36 * 1024, static () => 0);
        house.Options = house.Options with { Memory = budget };
        var clients = new List<Client>();
        for (var i = 0; i < 3; i++)
        {
            var wire = new Wire();
            house.Serve(wire.Server, SmtpRole.Mta, $"192.0.2.{i + 1}");
            clients.Add(new Client(wire.Client));
            await clients[i].SayAsync("EHLO c\r\nMAIL FROM:<x@remote.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nSubject: s\r\n\r\ntext\r\n");
            await wire.AtRestAsync();
            for (var replies = 0; replies < 5; replies++)
                await clients[i].ReplyAsync();
        }
        Assert.StartsWith("452 4.3.1", await clients[2].AskAsync("."));
        Assert.StartsWith("250 2.6.0", await clients[0].AskAsync("."));
        Assert.StartsWith("250 2.6.0", await clients[1].AskAsync("."));
        Assert.Equal(0, budget.Reserved);
        Assert.Equal(2, house.Mailbox("alice").Count);
    }

    [Fact]
    public async Task Who_does_not_read_what_is_answered_is_cut_off()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 14, 9, 0, 0, TimeSpan.Zero));
        await using var house = new TestHouse(clock: clock);
        // The session stands at its first write when this returns.
        house.Serve(new DeafStream(), SmtpRole.Mta, "192.0.2.10");
        clock.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(2));
        Assert.DoesNotContain("info session", house.LogText, StringComparison.Ordinal);
        clock.Advance(TimeSpan.FromSeconds(32));
        await house.SessionsEnded().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Contains("end=time-out", house.LogText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_server_stops_sessions_are_told()
    {
        var house = new TestHouse();
        await using var client = new Client(house.Connect());
        Assert.StartsWith("220 ", await client.ReplyAsync());
        Assert.StartsWith("250 ", await client.AskAsync("EHLO c"));
        await house.DisposeAsync();
        Assert.StartsWith("421 4.3.2 ", await client.ReplyAsync());
        Assert.Null(await client.ReplyAsync());
    }

    private static async Task<string?> DeliverAsync(Client client)
    {
        Assert.StartsWith("220 ", await client.ReplyAsync());
        return await client.DeliverAsync();
    }

    private static async Task TryWriteAsync(Wire wire, string text)
    {
        try
        {
            await wire.Client.WriteAsync(Encoding.Latin1.GetBytes(text));
        }
        catch (IOException)
        {
            // Sent away.
        }
    }

    // A connection whose other side takes nothing and says nothing, until it is broken off.
    private sealed class DeafStream : Stream
    {
        private readonly TaskCompletionSource<int> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => new(_end.Task);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(_end.Task);

        protected override void Dispose(bool disposing)
        {
            _end.TrySetException(new IOException("broken off"));
            base.Dispose(disposing);
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }
}
