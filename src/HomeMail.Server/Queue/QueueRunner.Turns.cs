using HomeMail.Server.Delivery;
using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>Whose turn it is. All under the lock.</summary>
public sealed partial class QueueRunner
{
    private void StartDue()
    {
        if (_stopping)
            return;
        _served = Volatile.Read(ref _requested);
        var now = _clock.GetTimestamp();
        if (now >= _nextSweep)
            Sweep();
        while (_schedule.First is { } item && item.Due <= now)
        {
            _schedule.Remove(item);
            MakeReady(item);
        }
        StartLanes(now);
        if (_unread.Count > 0 && !_reading)
        {
            _reading = true;
            Start(ReadAsync);
        }
        SetTimer(now);
    }

    private void MakeReady(QueueItem item)
    {
        item.State = ItemState.Ready;
        if (item is not LaneItem { Lane: var lane } planned)
        {
            _unread.Enqueue(item.Message);
            return;
        }
        lane.Ready.Enqueue(planned);
        List(lane);
    }

    private void List(Lane lane)
    {
        if (lane.IsListed || lane.Ready.Count == 0)
            return;
        lane.IsListed = true;
        _round.Enqueue(lane);
    }

    // Each lane starts one attempt in its turn. A lane that may not start another is left out of the round until one of its attempts ends.
    private void StartLanes(long now)
    {
        while (_running < _options.MaxAttempts && _round.TryDequeue(out var lane))
        {
            lane.IsListed = false;
            if (lane.NotBefore > now)
            {
                Postpone(lane, now);
                continue;
            }
            if (lane.Running >= (lane.HasAnswered ? _options.MaxPerDestination : 1) || !TryNext(lane, out var item))
                continue;
            item.State = ItemState.Running;
            lane.Running++;
            Start(() => AttemptAsync(item, lane, now));
            List(lane);
        }
    }

    // The destination is left alone. Only what is owed to a sender by now goes on, without a connection.
    private void Postpone(Lane lane, long now)
    {
        while (TryNext(lane, out var item))
        {
            if (item.Deadline > now)
            {
                item.WaitsForHost = true;
                Schedule(item, Math.Min(lane.NotBefore, item.Deadline));
                continue;
            }
            if (_running >= _options.MaxAttempts)
            {
                lane.Ready.Enqueue(item);
                List(lane);
                return;
            }
            item.State = ItemState.Running;
            lane.Running++;
            Start(() => GiveUpOnHostAsync(item, lane));
        }
    }

    private static bool TryNext(Lane lane, out LaneItem item)
    {
        while (lane.Ready.TryDequeue(out var next))
        {
            if (next.State != ItemState.Ready)
                continue;
            item = next;
            return true;
        }
        item = null!;
        return false;
    }

    private void Start(Func<Task> work)
    {
        _running++;
        _ = Task.Run(async () =>
        {
            try
            {
                await work().ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A bug must not stop the queue; whoever reads the log can report it.
                _log.Error("queue-bug", ("error", e.ToString()));
            }
            catch (OperationCanceledException)
            {
                // Shutdown.
            }
            lock (_gate)
            {
                if (--_running == 0)
                    _idle?.TrySetResult();
                StartDue();
            }
        });
    }

    private void SetTimer(long now)
    {
        var wait = LongestSleep;
        if (_schedule.First is { } next)
        {
            var until = _clock.GetElapsedTime(now, next.Due);
            wait = until < LongestSleep ? until : LongestSleep;
        }
        // A timer that fires a hair early finds nothing due and is set once more.
        _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    // Lanes that are empty are kept only to remember that nobody answers there; now and then that is over for some.
    private void Sweep()
    {
        foreach (var idle in _lanes.Values.Where(IsIdle).ToList())
            _lanes.Remove(idle.Destination.Key);
        _nextSweep = In(LongestSleep);
    }

    private void Ended(LaneItem item, Lane lane, long started, Reach reach, Diagnostic? failure)
    {
        lock (_gate)
        {
            lane.Running--;
            var now = _clock.GetTimestamp();
            if (reach == Reach.Reached)
            {
                lane.HasAnswered = true;
                if (lane.Failures > 0)
                    Recovered(lane, now);
            }
            // Attempts that began before it was known to be unreachable tell nothing new.
            else if (reach == Reach.Unreachable && failure is not null && (lane.Failures == 0 || started >= lane.FailedAt))
            {
                lane.Failures++;
                lane.FailedAt = now;
                lane.HasAnswered = false;
                lane.Failure = failure;
                lane.NotBefore = In(_retry.AfterFailure(lane.Failures));
                _log.Info("unreachable", ("destination", lane.Destination.Key), ("times", lane.Failures), ("reason", failure.ToString()));
            }
            if (item.State == ItemState.Running)
                Schedule(item, In(_options.OwnRetry));
            List(lane);
            if (IsIdle(lane))
                _lanes.Remove(lane.Destination.Key);
        }
    }

    private void Recovered(Lane lane, long now)
    {
        lane.Failures = 0;
        lane.NotBefore = 0;
        lane.Failure = null;
        foreach (var item in lane.TakeWaiters())
            Schedule(item, now);
    }
}
