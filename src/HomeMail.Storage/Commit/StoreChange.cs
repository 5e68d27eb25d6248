namespace HomeMail.Storage.Commit;

/// <summary>
/// One change of the store, done by the <see cref="StoreWriter"/> in steps; between two steps, what the former asked for is synced,
/// together with what other changes of the batch asked for. When the steps of the whole batch are done, changes are published.
/// </summary>
internal abstract class StoreChange
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when the change is durable and visible, or has failed and left nothing.</summary>
    public Task Done => _done.Task;

    /// <summary>A thing that no other change of the same batch may have here: a mailbox whose messages are changed.</summary>
    public virtual object? Exclusive => null;

    /// <summary>Whether the change has a batch for itself: it changes which folders there are.</summary>
    public virtual bool Alone => false;

    /// <summary>What failed, or null.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Does the step of this number, from 0; false if it was the last one. What it asked of <paramref name="syncs"/> is done afterwards in either case.</summary>
    public abstract bool Step(int step, SyncSet syncs);

    /// <summary>Takes back what was done, as far as it goes. Must not throw.</summary>
    public virtual void Undo()
    {
    }

    /// <summary>Makes the durable change visible and cleans up. Must not throw.</summary>
    public virtual void Publish()
    {
    }

    /// <summary>Fails the change and takes it back; the first failure counts.</summary>
    public void Fail(Exception error)
    {
        if (Failure is not null)
            return;
        Failure = error;
        try
        {
            Undo();
        }
        catch (Exception second)
        {
            Failure = new AggregateException(error, second);
        }
    }

    /// <summary>Tells of a failure when it is too late to take anything back.</summary>
    public void FailAfterwards(Exception error) => Failure ??= error;

    public void Complete()
    {
        if (Failure is null)
            _done.SetResult();
        else
            _done.SetException(Failure);
    }
}
