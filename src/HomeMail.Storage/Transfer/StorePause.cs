using HomeMail.Storage.Commit;

namespace HomeMail.Storage.Transfer;

/// <summary>A time in which mail and queue stay as they are; see <see cref="DataFolder.PauseAsync"/>.</summary>
public sealed class StorePause : IAsyncDisposable
{
    private readonly PauseChange _pause;
    private readonly Task _done;

    internal StorePause(PauseChange pause, Task done)
    {
        _pause = pause;
        _done = done;
    }

    /// <summary>Goes on.</summary>
    /// <returns>Whether all stood still until now; false if the time was up before.</returns>
    public async Task<bool> EndAsync()
    {
        _pause.End();
        await _done.ConfigureAwait(false);
        return !_pause.HasLapsed;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAsync().ConfigureAwait(false);
}
