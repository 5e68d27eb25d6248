using HomeMail.Server.Delivery;
using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>What an administrator can see and do.</summary>
public sealed partial class QueueRunner
{
    /// <summary>The queued messages, oldest first. Each envelope is read when its turn comes; one that is gone by then is left out.</summary>
    public IEnumerable<QueueView> List()
    {
        MessageId[] ids;
        lock (_gate)
            ids = [.. _messages.Select(static message => message.Id)];
        Array.Sort(ids);
        foreach (var id in ids)
            if (Show(id) is { } view)
                yield return view;
    }

    /// <summary>One message; null if it is not in the queue.</summary>
    /// <param name="id">Which.</param>
    /// <exception cref="IOException">Its envelope cannot be read now.</exception>
    public QueueView? Show(MessageId id)
    {
        QueuedMessage? message;
        Envelope? envelope;
        lock (_gate)
        {
            message = _messages.Find(id);
            if (message is null)
                return null;
            envelope = message.Open?.Envelope;
        }
        envelope ??= _store.LoadEnvelope(id);
        if (envelope is null)
            return null;
        lock (_gate)
        {
            var recipients = envelope.Recipients.Select(r => View(envelope, r)).ToList();
            return new QueueView(
                id, envelope.Arrived, envelope.Sender?.ToString() ?? "", envelope.Principal, envelope.Size, message.IsHeld, envelope.ReleaseAt,
                message.IsRunning, recipients);
        }
    }

    /// <summary>Tries a message at once, and forgets that its destinations could not be reached.</summary>
    /// <param name="id">Which.</param>
    /// <returns>False if it is not in the queue, or held.</returns>
    public bool Retry(MessageId id)
    {
        lock (_gate)
        {
            if (_messages.Find(id) is not { IsHeld: false } message)
                return false;
            TryNow(message);
        }
        Wake();
        return true;
    }

    /// <summary>Tries everything at once, within the limits: after an outage, or when addresses or routes have changed.</summary>
    /// <returns>How many messages are tried.</returns>
    public int RetryAll()
    {
        int count;
        lock (_gate)
        {
            foreach (var message in _messages)
                if (!message.IsHeld)
                    TryNow(message);
            count = _messages.Count - _held;
        }
        Wake();
        return count;
    }

    /// <summary>Tries at once what could not reach a host: the network has changed. What was put off by a reply keeps its time.</summary>
    public void NetworkChanged()
    {
        lock (_gate)
        {
            foreach (var lane in _lanes.Values)
            {
                lane.NotBefore = 0;
                foreach (var item in lane.TakeWaiters())
                    TryNow(item);
            }
        }
        Wake();
    }

    /// <summary>Takes new routes into use: every message is looked at again.</summary>
    /// <param name="routes">The routes.</param>
    public void UseRoutes(Routes routes)
    {
        lock (_gate)
        {
            _routes = routes;
            foreach (var message in _messages)
            {
                for (var item = message.First; item is not null; item = item.Next)
                    if (item.State != ItemState.Running)
                        Remove(item);
                if (!message.IsToBeRead)
                    Look(message, _clock.GetTimestamp());
            }
        }
        Wake();
    }

    /// <summary>Holds a message: no attempt begins until it is released. One that runs goes on.</summary>
    /// <param name="id">Which.</param>
    /// <returns>False if it is not in the queue.</returns>
    /// <exception cref="IOException">It could not be written down.</exception>
    public Task<bool> HoldAsync(MessageId id) => ChangeAsync(id, static envelope => envelope.Held = true);

    /// <summary>Releases a message, whether held by hand or until a time, and tries it at once.</summary>
    /// <param name="id">Which.</param>
    /// <returns>False if it is not in the queue.</returns>
    /// <exception cref="IOException">It could not be written down.</exception>
    public async Task<bool> ReleaseAsync(MessageId id)
    {
        var found = await ChangeAsync(id, static envelope =>
        {
            envelope.Held = false;
            envelope.ReleaseAt = null;
        }).ConfigureAwait(false);
        Retry(id);
        return found;
    }

    /// <summary>Takes a message out of the queue; nobody is told. An attempt that runs goes on, but nothing follows from it.</summary>
    /// <param name="id">Which.</param>
    /// <returns>False if it is not in the queue.</returns>
    /// <exception cref="IOException">Its files could not be removed; after a start it is there again.</exception>
    public async Task<bool> DropAsync(MessageId id)
    {
        QueuedMessage? message;
        lock (_gate)
        {
            message = _messages.Find(id);
            if (message is null)
                return false;
            message.IsDropped = true;
            if (message.Open is { Users: > 0 })
                return true;
        }
        if (_store.LoadEnvelope(id) is { } envelope)
            await RemoveDroppedAsync(message, envelope).ConfigureAwait(false);
        return true;
    }

    private async Task RemoveDroppedAsync(QueuedMessage message, Envelope envelope)
    {
        lock (_gate)
            Forget(message);
        await _store.CloseAsync(envelope).ConfigureAwait(false);
        History?.Add(envelope.Id, "", DeliveryWords.Dropped);
        _log.Info(DeliveryWords.Dropped, ("id", envelope.Id.ToString()));
    }

    private async Task<bool> ChangeAsync(MessageId id, Action<Envelope> change)
    {
        QueuedMessage? message;
        OpenEnvelope open;
        lock (_gate)
        {
            message = _messages.Find(id);
            if (message is null or { IsDropped: true })
                return false;
            open = message.Open ??= new OpenEnvelope(() => _store.LoadEnvelope(id));
            open.Users++;
        }
        try
        {
            if (open.Envelope is not { } envelope)
                return false;
            await open.Gate.WaitAsync().ConfigureAwait(false);
            try
            {
                change(envelope);
                await _store.SaveAsync(envelope).ConfigureAwait(false);
                open.IsUnsaved = false;
            }
            finally
            {
                open.Gate.Release();
            }
            lock (_gate)
            {
                Hold(message, envelope.Held);
                Replan(message);
                for (var item = message.First; item is not null; item = item.Next)
                    Replan(item);
            }
            var word = envelope.Held ? DeliveryWords.Held : DeliveryWords.Released;
            History?.Add(id, "", word);
            _log.Info(word, ("id", id.ToString()));
            return true;
        }
        finally
        {
            await LeaveAsync(message, open).ConfigureAwait(false);
            Wake();
        }
    }

    private void TryNow(QueuedMessage message)
    {
        if (message.IsToBeRead)
        {
            message.IsHurried = true;
            if (message.State == ItemState.Scheduled)
                Schedule(message, _clock.GetTimestamp());
        }
        for (var item = message.First; item is not null; item = item.Next)
            TryNow(item);
    }

    private void TryNow(LaneItem item)
    {
        item.Lane.NotBefore = 0;
        if (item.State == ItemState.Scheduled)
            Schedule(item, _clock.GetTimestamp());
    }

    // After a message was held or released.
    private void Replan(QueueItem item)
    {
        if (item.State is ItemState.Scheduled or ItemState.Ready or ItemState.Parked)
            Schedule(item, item.Due);
    }

    private QueueViewRecipient View(Envelope envelope, EnvelopeRecipient recipient)
    {
        var destination = _routes.To(recipient.Address.Domain, envelope.Sender?.Domain);
        var lane = _lanes.GetValueOrDefault(destination.Key);
        DateTimeOffset? next = null;
        if (recipient.Status == RecipientStatus.Waiting)
        {
            next = recipient.NextAttempt;
            if (lane is { NotBefore: > 0 } && _clock.GetUtcNow() + _clock.GetElapsedTime(_clock.GetTimestamp(), lane.NotBefore) is var open && open > next)
                next = open;
        }
        return new QueueViewRecipient(
            recipient.Address.ToString(), recipient.Status, recipient.Attempts, next,
            recipient.LastReply ?? (recipient.Status == RecipientStatus.Waiting ? lane?.Failure?.ToString() : null), destination.Key);
    }
}
