using HomeMail.Storage;
using HomeMail.Storage.Files;

namespace HomeMail;

/// <summary>What is done every minute, whatever else goes on.</summary>
internal sealed partial class HouseServer
{
    private static readonly TimeSpan KeepingInterval = TimeSpan.FromMinutes(1);

    // A mailbox that nobody reads is out of memory after this time.
    private static readonly TimeSpan MailboxIdle = TimeSpan.FromMinutes(5);

    private async Task KeepHouseAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(KeepingInterval, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                _history.MayExpire = IsClockSane();
                _history.Flush();
                _state.MayExpire = IsClockSane();
                _state.Flush();
                await TrimAsync();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or StorageClosedException)
        {
            // The end.
        }
    }

    private async Task TrimAsync()
    {
        try
        {
            await _data.Mail.TrimAsync(MailboxIdle);
        }
        catch (StorageException error)
        {
            _log.Error("store", ("what", error.Message));
        }
    }
}
