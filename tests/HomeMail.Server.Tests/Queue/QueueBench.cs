using System.Collections.Concurrent;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Server.Intake;
using HomeMail.Server.Queue;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Queue;

/// <summary>A queue with a store, a network and an intake of its own, and a clock that moves only when told to.</summary>
internal sealed class QueueBench : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _end = new();
    private readonly Log _log;
    private Task _run = Task.CompletedTask;

    public QueueBench(QueueOptions? options = null, IEnumerable<Route>? routes = null, MemoryStore? store = null, FakeTimeProvider? clock = null, DeliveryHistory? history = null)
    {
        Clock = clock ?? new FakeTimeProvider(Letters.Noon);
        Store = store ?? new MemoryStore();
        _log = new Log(TextWriter.Synchronized(LogText), Clock, LogLevel.Info);
        Options = options ?? new QueueOptions { Jitter = 0 };
        Mail = new MemoryIntake(Store);
        var dsn = new DsnSender(Mail, Store, new DsnComposer("mail.home.example", Clock), Clock, _log);
        Runner = new QueueRunner(Store, Network, new Routes(routes ?? []), dsn, Options, new Random(1), Clock, _log) { History = history };
    }

    public FakeTimeProvider Clock { get; }

    public MemoryStore Store { get; }

    public MemoryIntake Mail { get; }

    public StubNetwork Network { get; } = new();

    public QueueOptions Options { get; }

    public QueueRunner Runner { get; }

    public StringWriter LogText { get; } = new();

    public QueueBench Start()
    {
        _run = Task.Run(() => Runner.RunAsync(_end.Token));
        return this;
    }

    public Envelope Add(Envelope envelope, string travels = Letters.Plain)
    {
        Store.Put(envelope, travels);
        Runner.Add(envelope);
        return envelope;
    }

    /// <summary>Waits for something that other threads bring about.</summary>
    public static async Task Until(Func<bool> condition, string what)
    {
        var end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < end, "waited in vain: " + what);
            await Task.Delay(2);
        }
    }

    public Task Attempts(int count) => Until(() => Network.Attempts.Count >= count && Network.Running == 0, $"{count} attempts, there were {Network.Attempts.Count}");

    public Task Empty() => Until(() => Runner.Count == 0, "an empty queue");

    /// <summary>Moves the clock on until something is attempted, and says how far.</summary>
    public async Task<TimeSpan> ToNextAttempt(TimeSpan step, TimeSpan most)
    {
        var before = Network.Attempts.Count;
        var start = Clock.GetUtcNow();
        while (Network.Attempts.Count == before)
        {
            Assert.True(Clock.GetUtcNow() - start <= most, "no attempt within " + most);
            await Settled();
            if (Network.Attempts.Count == before)
                Clock.Advance(step);
            await Settled();
        }
        await Settled();
        return Clock.GetUtcNow() - start;
    }

    /// <summary>Waits until the queue has nothing to do but wait.</summary>
    public Task Settled() => Until(() => Runner.IsResting, "rest");

    public async Task Stop()
    {
        await _end.CancelAsync();
        await _run.WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        await Runner.DisposeAsync();
        _end.Dispose();
        Assert.DoesNotContain("queue-bug", LogText.ToString(), StringComparison.Ordinal);
    }
}

/// <summary>Says what becomes of recipients, by their address, and remembers what was tried.</summary>
internal sealed class StubNetwork : IRemoteDelivery
{
    private int _running;

    public ConcurrentQueue<(MessageId Id, string Destination, string[] Recipients)> Attempts { get; } = new();

    /// <summary>The outcome for a recipient: <c>250</c>, <c>450 4.2.0 text</c>, <c>550 5.1.1 text</c>, <c>dead</c> (unreachable), <c>boom</c> (a bug), <c>dsn</c> (250 by a host that does DSN).</summary>
    public Func<string, string> Answer { get; set; } = static _ => "250";

    /// <summary>How sessions are encrypted.</summary>
    public string? Security { get; set; }

    /// <summary>What an attempt waits for before its outcome.</summary>
    public Func<Destination, CancellationToken, Task> Wait { get; set; } = static (_, _) => Task.CompletedTask;

    public int Running => Volatile.Read(ref _running);

    public int Most { get; private set; }

    public async Task<Reach> DeliverAsync(MailTransaction mail, Destination destination, TakePlace place, CancellationToken cancel)
    {
        var running = Interlocked.Increment(ref _running);
        lock (Attempts)
            Most = Math.Max(Most, running);
        try
        {
            Attempts.Enqueue((mail.Envelope.Id, destination.Key, mail.Recipients.Select(r => r.Address.ToString()).ToArray()));
            var reach = Reach.Untried;
            for (var i = 0; i < mail.Recipients.Count; i++)
            {
                var answer = Answer(mail.Recipients[i].Address.ToString());
                if (answer == "boom")
                    throw new InvalidOperationException("boom");
                if (answer != "dead" && reach == Reach.Untried)
                {
                    using var _ = await place(cancel);
                    reach = Reach.Reached;
                    await Wait(destination, cancel);
                }
                else if (answer == "dead")
                {
                    reach = Reach.Unreachable;
                    await Wait(destination, cancel);
                }
                mail.Security = Security;
                mail.Set(i, Result(answer));
            }
            return reach;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private static RecipientResult Result(string answer)
    {
        if (answer == "dead")
            return new RecipientResult(DeliveryOutcome.Deferred, Diagnostic.Of("mx.dead.example", new EnhancedStatusCode(4, 4, 1), "connection timed out"));
        var reply = answer is "250" or "dsn" ? new RemoteReply(250, new EnhancedStatusCode(2, 0, 0), "ok") : Parse(answer);
        var outcome = reply.IsPositive ? DeliveryOutcome.Delivered : reply.IsTransient ? DeliveryOutcome.Deferred : DeliveryOutcome.Failed;
        return new RecipientResult(outcome, Diagnostic.Of("mx.example.net", reply), DsnPassedOn: answer == "dsn");
    }

    private static RemoteReply Parse(string answer)
    {
        var parser = new SmtpReplyParser();
        Assert.Equal(ReplyProgress.Complete, parser.Read(Encoding.UTF8.GetBytes(answer + "\r\n"), out _));
        return parser.Reply!;
    }
}

/// <summary>A spool in memory: what was saved is kept apart from what is in memory, so that a crash can be played.</summary>
internal sealed class MemoryStore : IQueueStore
{
    private readonly ConcurrentDictionary<MessageId, Envelope> _saved = new();
    private readonly ConcurrentDictionary<MessageId, byte[]> _messages = new();

    public int Saves { get; private set; }

    public int Count => _saved.Count;

    public bool IsFull { get; set; }

    public bool IsUnreadable { get; set; }

    /// <summary>Is called before an envelope is read, or written.</summary>
    public Action<MessageId> Before { get; set; } = static _ => { };

    public void Put(Envelope envelope, string travels)
    {
        _messages[envelope.Id] = Encoding.Latin1.GetBytes(Letters.Local + travels);
        _saved[envelope.Id] = Copy(envelope);
    }

    public Envelope? Saved(MessageId id) => _saved.GetValueOrDefault(id);

    public void Damage(MessageId id) => _saved.TryRemove(id, out _);

    public void Recover(Action<QueueEntry> found)
    {
        foreach (var entry in Recover())
            found(entry);
    }

    public IReadOnlyList<QueueEntry> Recover() => [.. _saved.Values.OrderBy(e => e.Id.Value, StringComparer.Ordinal).Select(e => new QueueEntry(e.Id,
        e.Recipients.Any(DsnSender.IsOwed) ? DateTimeOffset.MinValue : e.Recipients.Min(r => r.NextAttempt), e.Held))];

    public Envelope? LoadEnvelope(MessageId id)
    {
        Before(id);
        if (IsUnreadable)
            throw new StorageException(FileError.Other, "read", "memory");
        return _saved.TryGetValue(id, out var envelope) ? Copy(envelope) : null;
    }

    public Task SaveAsync(Envelope envelope)
    {
        Before(envelope.Id);
        if (IsFull)
            return Task.FromException(new StorageException(FileError.NoSpace, "write", "memory"));
        Saves++;
        _saved[envelope.Id] = Copy(envelope);
        return Task.CompletedTask;
    }

    public Task CloseAsync(Envelope envelope)
    {
        if (IsFull)
            return Task.FromException(new StorageException(FileError.NoSpace, "unlink", "memory"));
        _saved.TryRemove(envelope.Id, out _);
        _messages.TryRemove(envelope.Id, out _);
        return Task.CompletedTask;
    }

    public IFile OpenMessage(MessageId id) =>
        _messages.TryGetValue(id, out var octets) ? new MemoryFile(octets) : throw new StorageException(FileError.NotFound, "open", id.Value);

    private static Envelope Copy(Envelope e) => new()
    {
        Id = e.Id,
        Arrived = e.Arrived,
        Sender = e.Sender,
        Principal = e.Principal,
        SenderVerified = e.SenderVerified,
        TravelOffset = e.TravelOffset,
        Size = e.Size,
        EnvelopeId = e.EnvelopeId,
        Return = e.Return,
        EightBit = e.EightBit,
        SmtpUtf8 = e.SmtpUtf8,
        RequireTls = e.RequireTls,
        ReleaseAt = e.ReleaseAt,
        Held = e.Held,
        Recipients = [.. e.Recipients.Select(r => new EnvelopeRecipient
        {
            Address = r.Address,
            OriginalRecipient = r.OriginalRecipient,
            Notify = r.Notify,
            Status = r.Status,
            Attempts = r.Attempts,
            NextAttempt = r.NextAttempt,
            DelayTold = r.DelayTold,
            LastReply = r.LastReply,
            Local = r.Local,
        })],
    };
}

/// <summary>Takes what the server writes.</summary>
internal sealed class MemoryIntake(MemoryStore store) : IGeneratedMail
{
    public ConcurrentQueue<(Address? Sender, Address? Recipient, string Text, bool SmtpUtf8)> Accepted { get; } = new();

    /// <summary>The states of all saved recipients at the time of each acceptance.</summary>
    public ConcurrentQueue<string> States { get; } = new();

    public bool IsFull { get; set; }

    public int Refused { get; private set; }

    public ValueTask<bool> AcceptAsync(Address? sender, Address? recipient, ReadOnlyMemory<byte> message, bool smtpUtf8, CancellationToken cancel)
    {
        if (IsFull)
        {
            Refused++;
            return ValueTask.FromResult(false);
        }
        States.Enqueue(string.Join(' ', store.Recover().SelectMany(e => store.Saved(e.Id)?.Recipients ?? []).Select(r => (char)r.Status)));
        Accepted.Enqueue((sender, recipient, Encoding.UTF8.GetString(message.Span), smtpUtf8));
        return ValueTask.FromResult(true);
    }
}
