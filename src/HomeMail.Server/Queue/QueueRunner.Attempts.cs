using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>One item at work.</summary>
public sealed partial class QueueRunner
{
    private static readonly EnhancedStatusCode OwnTrouble = new(4, 3, 0);

    // Envelopes that have to be looked at are read one after the other: after a start there may be thousands.
    private async Task ReadAsync()
    {
        while (true)
        {
            QueuedMessage? item;
            lock (_gate)
            {
                if (_stopping || !_unread.TryDequeue(out item))
                {
                    _reading = false;
                    return;
                }
                if (item.State != ItemState.Ready)
                    continue;
                item.State = ItemState.Running;
            }
            try
            {
                await WithEnvelopeAsync(item, open => LookAsync(item, open)).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // One message must not keep all others from being looked at.
                _log.Error(e is IOException ? "queue-disk" : "queue-bug", ("id", item.Id.ToString()), ("error", e is IOException ? e.Message : e.ToString()));
            }
            Wake();
        }
    }

    private async Task LookAsync(QueuedMessage message, OpenEnvelope open)
    {
        var done = await SettleAsync(message, open).ConfigureAwait(false);
        lock (_gate)
        {
            if (done || message.State != ItemState.Running)
                return;
            Remove(message);
            Spread(message, open.Envelope!, open.IsUnsaved, In(_options.OwnRetry));
            if (message.HasNothingToDo)
                Forget(message);
            if (!message.IsHurried)
                return;
            message.IsHurried = false;
            for (var waiting = message.First; waiting is not null; waiting = waiting.Next)
                TryNow(waiting);
        }
    }

    private async Task AttemptAsync(LaneItem item, Lane lane, long started)
    {
        var reach = Reach.Untried;
        Diagnostic? failure = null;
        try
        {
            await WithEnvelopeAsync(item, async open =>
            {
                var envelope = open.Envelope!;
                if (!IsReleased(envelope))
                {
                    lock (_gate)
                        Schedule(item, In(ReleaseWait(envelope)));
                    return;
                }
                var recipients = Waiting(envelope, lane);
                if (recipients.Count == 0)
                {
                    // The routes have changed since it became due.
                    lock (_gate)
                    {
                        Remove(item);
                        Spread(item.Message, envelope, open.IsUnsaved, In(_options.OwnRetry));
                    }
                    return;
                }
                MailTransaction? mail = null;
                try
                {
                    using var content = new MailContent(_store.OpenMessage(envelope.Id), envelope.TravelOffset);
                    mail = new MailTransaction(envelope, content, recipients);
                    reach = await _delivery.DeliverAsync(mail, lane.Destination, PlaceAsync, _attempts.Token).ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    // Whatever was decided before it broke counts; the rest waits.
                    mail ??= new MailTransaction(envelope, null!, recipients);
                    if (e is not OperationCanceledException)
                    {
                        _log.Error("attempt-broken", ("id", envelope.Id.ToString()), ("destination", lane.Destination.Key), ("error", e is IOException ? e.Message : e.ToString()));
                        mail.SetOpen(new RecipientResult(DeliveryOutcome.Deferred, Diagnostic.Of(null, OwnTrouble, "this server could not read the message just now")));
                    }
                }
                failure = mail.Results.FirstOrDefault(r => r?.Outcome == DeliveryOutcome.Deferred)?.Diagnostic;
                item.WaitsForHost = reach == Reach.Unreachable;
                await ApplyAsync(item, open, mail).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        finally
        {
            Ended(item, lane, started, reach, failure);
        }
    }

    // Something is owed to the sender while the destination is left alone: what is known of it stands for an attempt.
    private async Task GiveUpOnHostAsync(LaneItem item, Lane lane)
    {
        try
        {
            await WithEnvelopeAsync(item, async open =>
            {
                var mail = new MailTransaction(open.Envelope!, null!, Waiting(open.Envelope!, lane));
                mail.SetOpen(new RecipientResult(
                    DeliveryOutcome.Deferred, lane.Failure ?? Diagnostic.Of(null, new EnhancedStatusCode(4, 4, 1), "the destination cannot be reached")));
                item.WaitsForHost = true;
                await ApplyAsync(item, open, mail).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        finally
        {
            Ended(item, lane, 0, Reach.Untried, null);
        }
    }

    private List<EnvelopeRecipient> Waiting(Envelope envelope, Lane lane) =>
        [.. envelope.Recipients.Where(r => r.Status == RecipientStatus.Waiting && _routes.To(r.Address.Domain, envelope.Sender?.Domain).Key == lane.Destination.Key)];

    private async Task WithEnvelopeAsync(QueueItem item, Func<OpenEnvelope, Task> work)
    {
        var message = item.Message;
        OpenEnvelope open;
        lock (_gate)
        {
            open = message.Open ??= new OpenEnvelope(() => _store.LoadEnvelope(message.Id));
            open.Users++;
        }
        try
        {
            if (open.Envelope is null)
            {
                _log.Error("queue-lost", ("id", message.Id.ToString()), ("reason", "its envelope is not there or was damaged"));
                lock (_gate)
                    Forget(message);
            }
            else if (!message.IsDropped)
            {
                await work(open).ConfigureAwait(false);
            }
        }
        catch (IOException e)
        {
            _log.Error("queue-disk", ("id", message.Id.ToString()), ("error", e.Message));
        }
        finally
        {
            lock (_gate)
            {
                // An item that nothing was decided about comes again.
                if (item is QueuedMessage { State: ItemState.Running })
                    Schedule(item, In(_options.OwnRetry));
            }
            await LeaveAsync(message, open).ConfigureAwait(false);
        }
    }

    /// <summary>One user of an envelope less. The last one carries out what was decided meanwhile: that the message goes.</summary>
    private async Task LeaveAsync(QueuedMessage message, OpenEnvelope open)
    {
        Envelope? dropped;
        lock (_gate)
        {
            var isLast = --open.Users == 0;
            dropped = isLast && message.IsDropped ? open.Loaded : null;
            if (isLast && (!open.IsUnsaved || message.IsDropped))
                message.Open = null;
        }
        if (dropped is not null)
            await RemoveDroppedAsync(message, dropped).ConfigureAwait(false);
    }

    private async ValueTask<IDisposable> PlaceAsync(CancellationToken cancel)
    {
        await _places.WaitAsync(cancel).ConfigureAwait(false);
        return new Place(_places);
    }

    private sealed class Place(SemaphoreSlim places) : IDisposable
    {
        private bool _given;

        public void Dispose()
        {
            if (!_given)
                places.Release();
            _given = true;
        }
    }
}
