using HomeMail.Server.Delivery;
using HomeMail.Storage;
using HomeMail.Storage.State;

namespace HomeMail.Server.Queue;

/// <summary>
/// The queue: decides when which message is tried, and what follows from the outcome. One loop, one heap of next times, a lane for each destination.
/// A message is a few dozen octets here; its envelope is read when it is due. A destination that does not answer is asked by one message at a time, ever
/// less often, and holds up nobody else.
/// </summary>
public sealed partial class QueueRunner : IAsyncDisposable
{
    // Longer waits are cut into pieces: a clock that was wrong is corrected some time, and times set by it with it.
    private static readonly TimeSpan LongestSleep = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly MessageSet _messages = new();
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);
    private readonly Schedule _schedule = new();
    private readonly Queue<Lane> _round = new();
    private readonly Queue<QueuedMessage> _unread = new();

    // For a message that arrived while the clock was wrong: since when it is known with a right one. There are few.
    private readonly Dictionary<MessageId, DateTimeOffset> _knownSince = [];
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly SemaphoreSlim _places;

    // How often it was woken, and the last of these that the round has seen.
    private int _requested;
    private int _served;

    private readonly IQueueStore _store;
    private readonly IRemoteDelivery _delivery;
    private readonly DsnSender _dsn;
    private readonly QueueOptions _options;
    private readonly RetrySchedule _retry;
    private readonly TimeProvider _clock;
    private readonly Log _log;
    private readonly ITimer _timer;
    private readonly CancellationTokenSource _attempts = new();
    private Routes _routes;
    private TaskCompletionSource? _idle;
    private int _running;
    private int _held;
    private long _nextSweep;
    private bool _reading;
    private bool _stopping;

    /// <summary>Puts the parts together.</summary>
    /// <param name="store">Where messages are.</param>
    /// <param name="delivery">Makes attempts.</param>
    /// <param name="routes">Where what goes.</param>
    /// <param name="dsn">Tells senders.</param>
    /// <param name="options">How often, how long, how much at once.</param>
    /// <param name="random">Spreads retries.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="log">One line a recipient and outcome.</param>
    public QueueRunner(
        IQueueStore store, IRemoteDelivery delivery, Routes routes, DsnSender dsn, QueueOptions options, Random random, TimeProvider clock, Log log)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        _store = store;
        _delivery = delivery;
        _routes = routes;
        _dsn = dsn;
        _options = options;
        _retry = new RetrySchedule(options, random);
        _clock = clock;
        _log = log;
        _places = new SemaphoreSlim(options.MaxSending);
        _timer = clock.CreateTimer(static me => ((QueueRunner)me!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Is told what becomes of messages, or null.</summary>
    public DeliveryHistory? History { get; init; }

    /// <summary>How many messages are queued.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _messages.Count;
        }
    }

    /// <summary>How many times are planned; for tests of what the queue costs.</summary>
    internal int ScheduleSize
    {
        get
        {
            lock (_gate)
                return _schedule.Count;
        }
    }

    /// <summary>How many of them are held by hand.</summary>
    public int HeldCount
    {
        get
        {
            lock (_gate)
                return _held;
        }
    }

    /// <summary>How many destinations are remembered.</summary>
    internal int LaneCount
    {
        get
        {
            lock (_gate)
                return _lanes.Count;
        }
    }

    /// <summary>Whether nothing is due and nothing runs: the queue waits for a time or a message.</summary>
    public bool IsResting
    {
        get
        {
            lock (_gate)
            {
                return _running == 0 && _unread.Count == 0 && _round.Count == 0 && _served == Volatile.Read(ref _requested)
                    && !(_schedule.First?.Due <= _clock.GetTimestamp());
            }
        }
    }

    /// <summary>Takes over what the store has, after a start. Messages that are known already stay as they are.</summary>
    public void Recover()
    {
        _store.Recover(entry =>
        {
            lock (_gate)
            {
                if (_messages.Find(entry.Id) is not null)
                    return;
                var message = Keep(entry.Id, entry.Held);
                Look(message, entry.NextAttempt == DateTimeOffset.MinValue ? _clock.GetTimestamp() : TimestampOf(entry.NextAttempt));
            }
        });
        Wake();
    }

    /// <summary>Takes over a message that was just accepted. Its envelope is not kept; from now on it belongs to the queue.</summary>
    /// <param name="envelope">The envelope, saved.</param>
    public void Add(Envelope envelope)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        lock (_gate)
        {
            if (_messages.Find(envelope.Id) is not null)
                return;
            var message = Keep(envelope.Id, envelope.Held);
            Spread(message, envelope, isUnsaved: false, _clock.GetTimestamp());
            if (message.HasNothingToDo)
                Forget(message);
        }
        Wake();
    }

    /// <summary>Runs until cancelled; then lets running attempts end for a moment, and breaks them off.</summary>
    /// <param name="cancel">The end.</param>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            lock (_gate)
                StartDue();
            try
            {
                await _wake.WaitAsync(cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }
        Task? running;
        lock (_gate)
        {
            _stopping = true;
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            running = _running == 0 ? null : _idle.Task;
        }
        if (running is null)
            return;
        using var grace = new CancellationTokenSource();
        if (await Task.WhenAny(running, Task.Delay(_options.Grace, _clock, grace.Token)).ConfigureAwait(false) != running)
            await _attempts.CancelAsync().ConfigureAwait(false);
        await grace.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _attempts.CancelAsync().ConfigureAwait(false);
        _attempts.Dispose();
    }

    private void Wake()
    {
        Interlocked.Increment(ref _requested);
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake already.
        }
    }

    // Makes the items that a message lacks: one for each destination that recipients wait for, one that looks at what is owed. While an attempt runs
    // its recipients may seem to wait for a destination that nobody names; so the attempt's end comes first.
    private void Spread(QueuedMessage message, Envelope envelope, bool isUnsaved, long owedAt)
    {
        if (message.HasRunningAttempt)
            return;
        var senderDomain = envelope.Sender?.Domain;
        foreach (var recipient in envelope.Recipients)
        {
            if (recipient.Status != RecipientStatus.Waiting)
                continue;
            var lane = LaneOf(_routes.To(recipient.Address.Domain, senderDomain));
            var due = DueOf(envelope, recipient);
            var item = message.In(lane);
            if (item is { IsNew: false })
                continue;
            if (item is null)
            {
                item = AddItem(message, lane, due);
                item.IsNew = true;
            }
            if (due < item.Due)
                Schedule(item, due);
            item.Deadline = Math.Min(item.Deadline, DeadlineOf(envelope, recipient));
        }
        for (var item = message.First; item is not null; item = item.Next)
            item.IsNew = false;
        if ((isUnsaved || envelope.Recipients.Any(DsnSender.IsOwed)) && !message.IsToBeRead)
            Look(message, owedAt);
    }

    private Lane LaneOf(Destination destination)
    {
        if (!_lanes.TryGetValue(destination.Key, out var lane))
        {
            _lanes.Add(destination.Key, lane = new Lane(destination));
        }
        else if (!ReferenceEquals(lane.Destination.Route, destination.Route))
        {
            // The routes are new ones: what was found out by the old one says nothing of this.
            lane.Destination = destination;
            lane.NotBefore = 0;
        }
        return lane;
    }

    private bool IsIdle(Lane lane) => lane is { Items: 0, Running: 0 } && lane.NotBefore <= _clock.GetTimestamp();

    private QueuedMessage Keep(MessageId id, bool isHeld)
    {
        var message = new QueuedMessage(id);
        _messages.Add(message);
        Hold(message, isHeld);
        return message;
    }

    private void Hold(QueuedMessage message, bool isHeld)
    {
        if (message.IsHeld != isHeld)
            _held += isHeld ? 1 : -1;
        message.IsHeld = isHeld;
    }

    // Plans a look at the envelope.
    private void Look(QueuedMessage message, long due)
    {
        message.State = ItemState.Scheduled;
        Schedule(message, due);
    }

    private LaneItem AddItem(QueuedMessage message, Lane lane, long due)
    {
        var item = new LaneItem(message, lane) { State = ItemState.Scheduled };
        message.Append(item);
        lane.Items++;
        Schedule(item, due);
        return item;
    }

    private void Schedule(QueueItem item, long due)
    {
        if (item.State == ItemState.Gone)
            return;
        item.State = item.Message.IsHeld ? ItemState.Parked : ItemState.Scheduled;
        item.Due = due;
        if (item.State == ItemState.Scheduled)
            _schedule.Set(item, due);
        else
            _schedule.Remove(item);
        if (item is LaneItem { WaitsForHost: true } waiting)
            waiting.Lane.AddWaiter(waiting);
    }

    private void Remove(QueueItem item)
    {
        if (item.State == ItemState.Gone)
            return;
        item.State = ItemState.Gone;
        _schedule.Remove(item);
        if (item is not LaneItem { Lane: var lane } planned)
            return;
        planned.Message.TakeOut(planned);
        lane.Left();
        if (IsIdle(lane))
            _lanes.Remove(lane.Destination.Key);
    }

    private void Forget(QueuedMessage message)
    {
        Remove(message);
        for (var item = message.First; item is not null; item = item.Next)
            Remove(item);
        Hold(message, false);
        _messages.Remove(message);
        _knownSince.Remove(message.Id);
    }

    private long In(TimeSpan wait) =>
        _clock.GetTimestamp() + (long)(Math.Max(0, Math.Min(wait.TotalSeconds, TimeSpan.FromDays(60).TotalSeconds)) * _clock.TimestampFrequency);

    // Times of day become timestamps as soon as they come in, so that a clock that is set does not move what was already planned. What lies absurdly
    // far ahead was planned by a wrong clock.
    private long TimestampOf(DateTimeOffset time)
    {
        var wait = time - _clock.GetUtcNow();
        return In(wait < _options.LongestRetry * 2 ? wait : _options.LongestRetry);
    }
}
