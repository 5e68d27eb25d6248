using System.Globalization;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>What follows from an attempt: first it is written down, then the sender is told, then the message goes or is planned anew.</summary>
public sealed partial class QueueRunner
{
    private async Task ApplyAsync(LaneItem item, OpenEnvelope open, MailTransaction mail)
    {
        var envelope = open.Envelope!;
        var message = item.Message;
        var done = false;
        // Dropped meanwhile: whatever has come of it, nothing follows.
        if (message.IsDropped)
            return;
        await open.Gate.WaitAsync().ConfigureAwait(false);
        try
        {
            var now = _clock.GetUtcNow();
            for (var i = 0; i < mail.Recipients.Count; i++)
                if (mail.Results[i] is { } result)
                    Record(message, envelope, mail.Recipients[i], result, now);
            if (IsFinished(envelope) || await SaveAsync(open).ConfigureAwait(false))
                done = await TellAsync(message, open, mail.Recipients, now).ConfigureAwait(false);
        }
        finally
        {
            open.Gate.Release();
        }
        lock (_gate)
        {
            if (done)
                Forget(message);
            else
                Plan(item, open);
        }
    }

    private void Plan(LaneItem item, OpenEnvelope open)
    {
        var envelope = open.Envelope!;
        var message = item.Message;
        var waiting = Waiting(envelope, item.Lane);
        if (waiting.Count == 0)
        {
            Remove(item);
        }
        else
        {
            item.Deadline = waiting.Min(r => DeadlineOf(envelope, r));
            Schedule(item, waiting.Min(r => TimestampOf(r.NextAttempt)));
        }
        Spread(message, envelope, open.IsUnsaved, In(_options.OwnRetry));
    }

    // For what is owed apart from an attempt: a state that could not be saved, a DSN that could not be stored.
    private async Task<bool> SettleAsync(QueuedMessage message, OpenEnvelope open)
    {
        var done = false;
        await open.Gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!open.IsUnsaved || IsFinished(open.Envelope!) || await SaveAsync(open).ConfigureAwait(false))
                done = await TellAsync(message, open, [], _clock.GetUtcNow()).ConfigureAwait(false);
        }
        finally
        {
            open.Gate.Release();
        }
        if (done)
        {
            lock (_gate)
                Forget(message);
        }
        return done;
    }

    private void Record(QueuedMessage message, Envelope envelope, EnvelopeRecipient recipient, RecipientResult result, DateTimeOffset now)
    {
        var sane = _options.ClockIsSane();
        recipient.Attempts++;
        recipient.LastReply = result.Diagnostic.ToString();
        string outcome;
        if (result.Outcome == DeliveryOutcome.Delivered)
        {
            // Where the next host has taken over the duty to tell of success, nothing is owed here any more (RFC 3461 5.2.1).
            recipient.Status = result.DsnPassedOn && recipient.Notify.HasFlag(DsnNotify.Success) ? RecipientStatus.Closed : RecipientStatus.Delivered;
            outcome = DeliveryWords.Delivered;
        }
        else if (sane && (result.Outcome == DeliveryOutcome.Failed || IsTooOld(message, envelope, recipient, now)))
        {
            recipient.Status = RecipientStatus.Failed;
            outcome = DeliveryWords.Failed;
        }
        else
        {
            recipient.NextAttempt = NextAttempt(message, envelope, recipient, now);
            outcome = DeliveryWords.Deferred;
        }
        History?.Add(envelope.Id, recipient.Address.ToString(), outcome, result.Security is null ? recipient.LastReply : $"{recipient.LastReply} ({result.Security})");
        _log.Info(outcome, ("id", envelope.Id.ToString()), ("to", recipient.Address.ToString()), ("attempt", recipient.Attempts),
            ("age", (long)(now - envelope.Arrived).TotalSeconds), ("reply", recipient.LastReply), ("tls", result.Security),
            ("next", outcome == DeliveryWords.Deferred ? recipient.NextAttempt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture) : null));
    }

    // Whatever is saved is what a crash leaves; so the state comes before the DSN, and the DSN before its mark: told twice perhaps, never not at all.
    private async Task<bool> TellAsync(QueuedMessage message, OpenEnvelope open, IReadOnlyList<EnvelopeRecipient> tried, DateTimeOffset now)
    {
        var envelope = open.Envelope!;
        var changed = false;
        foreach (var kind in (DsnKind[])[DsnKind.Failure, DsnKind.Success])
        {
            var recipients = envelope.Recipients.Where(r => DsnSender.IsOwed(r, kind)).ToList();
            if (recipients.Count == 0 || !await _dsn.SendAsync(envelope, recipients, kind, tried, null, _attempts.Token).ConfigureAwait(false))
                continue;
            foreach (var recipient in recipients)
                recipient.Status = RecipientStatus.Closed;
            changed = true;
        }
        var late = envelope.Recipients.Where(r => IsLate(message, envelope, r, now)).ToList();
        if (late.Count > 0
            && await _dsn.SendAsync(envelope, late, DsnKind.Delay, tried, ArrivedAt(message, envelope) + _options.Lifetime, _attempts.Token).ConfigureAwait(false))
        {
            foreach (var recipient in late)
                recipient.DelayTold = true;
            changed = true;
        }
        if (IsFinished(envelope))
            return await CloseAsync(open).ConfigureAwait(false);
        if (changed)
            await SaveAsync(open).ConfigureAwait(false);
        return false;
    }

    private static bool IsFinished(Envelope envelope) => !envelope.Recipients.Any(r => r.Status == RecipientStatus.Waiting || DsnSender.IsOwed(r));

    private async Task<bool> SaveAsync(OpenEnvelope open)
    {
        try
        {
            await _store.SaveAsync(open.Envelope!).ConfigureAwait(false);
            open.IsUnsaved = false;
            return true;
        }
        catch (Exception e) when (e is IOException or StorageClosedException)
        {
            // The envelope stays in memory, so that nobody gets the message twice while the disk is full.
            open.IsUnsaved = true;
            _log.Error("queue-disk", ("id", open.Envelope!.Id.ToString()), ("error", e.Message));
            return false;
        }
    }

    // What is closed does not come back, so its last state needs no save of its own.
    private async Task<bool> CloseAsync(OpenEnvelope open)
    {
        try
        {
            await _store.CloseAsync(open.Envelope!).ConfigureAwait(false);
            _log.Debug("closed", ("id", open.Envelope!.Id.ToString()));
            return true;
        }
        catch (Exception e) when (e is IOException or StorageClosedException)
        {
            _log.Error("queue-disk", ("id", open.Envelope!.Id.ToString()), ("error", e.Message));
        }
        // It may still be possible to write down that it is done; closing is tried again in any case.
        await SaveAsync(open).ConfigureAwait(false);
        open.IsUnsaved = true;
        return false;
    }

    private bool IsTooOld(QueuedMessage message, Envelope envelope, EnvelopeRecipient recipient, DateTimeOffset now) =>
        recipient.Attempts >= _options.LeastAttempts && now >= ArrivedAt(message, envelope) + _options.Lifetime;

    private bool IsLate(QueuedMessage message, Envelope envelope, EnvelopeRecipient recipient, DateTimeOffset now) =>
        recipient is { Status: RecipientStatus.Waiting, DelayTold: false } && recipient.Attempts > 0 && recipient.Notify.HasFlag(DsnNotify.Delay)
        && _options.ClockIsSane() && now >= ArrivedAt(message, envelope) + _options.DelayNotice;

    // A message that came while the clock was wrong is as old as we have known it with a right one.
    private DateTimeOffset ArrivedAt(QueuedMessage message, Envelope envelope)
    {
        if (envelope.Arrived >= _options.EarliestTime)
            return envelope.Arrived;
        if (!_options.ClockIsSane())
            return _clock.GetUtcNow();
        lock (_gate)
        {
            if (!_knownSince.TryGetValue(message.Id, out var since))
                _knownSince.Add(message.Id, since = _clock.GetUtcNow());
            return since;
        }
    }

    // By the schedule, but not past the moment at which the sender is to be told of the delay, or of the end.
    private DateTimeOffset NextAttempt(QueuedMessage message, Envelope envelope, EnvelopeRecipient recipient, DateTimeOffset now)
    {
        var next = now + _retry.AfterAttempt(recipient.Attempts);
        var arrived = ArrivedAt(message, envelope);
        foreach (var mark in (DateTimeOffset[])[arrived + _options.Lifetime, arrived + _options.DelayNotice])
        {
            var counts = mark == arrived + _options.Lifetime || (recipient.Notify.HasFlag(DsnNotify.Delay) && !recipient.DelayTold);
            if (counts && now < mark && mark < next)
                next = mark;
        }
        return next;
    }

    private long DueOf(Envelope envelope, EnvelopeRecipient recipient) =>
        TimestampOf(envelope.ReleaseAt is { } release && release > recipient.NextAttempt ? release : recipient.NextAttempt);

    private long DeadlineOf(Envelope envelope, EnvelopeRecipient recipient)
    {
        if (!_options.ClockIsSane() || envelope.Arrived < _options.EarliestTime)
            return long.MaxValue;
        var mark = envelope.Arrived + _options.Lifetime;
        if (recipient.Notify.HasFlag(DsnNotify.Delay) && !recipient.DelayTold && envelope.Arrived + _options.DelayNotice < mark)
            mark = envelope.Arrived + _options.DelayNotice;
        return In((mark > recipient.NextAttempt ? mark : recipient.NextAttempt) - _clock.GetUtcNow());
    }

    private bool IsReleased(Envelope envelope) =>
        envelope.ReleaseAt is not { } release || (_options.ClockIsSane() && release <= _clock.GetUtcNow());

    private TimeSpan ReleaseWait(Envelope envelope)
    {
        var wait = envelope.ReleaseAt!.Value - _clock.GetUtcNow();
        if (!_options.ClockIsSane() || wait > LongestSleep)
            wait = LongestSleep;
        return wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1);
    }
}
