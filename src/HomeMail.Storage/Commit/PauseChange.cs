namespace HomeMail.Storage.Commit;

/// <summary>No change at all, for a while: the writer stands still, and with it mail and queue.</summary>
internal sealed class PauseChange(TimeSpan atMost) : StoreChange
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _end = new();

    public override bool Alone => true;

    /// <summary>Ends when the writer stands still.</summary>
    public Task Begun => _begun.Task;

    /// <summary>Whether it ended by itself, before anybody said so.</summary>
    public bool HasLapsed { get; private set; }

    public void End() => _end.Set();

    public override bool Step(int step, SyncSet syncs)
    {
        _begun.SetResult();
        HasLapsed = !_end.Wait(atMost);
        return false;
    }
}
