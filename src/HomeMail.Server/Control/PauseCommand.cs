using HomeMail.Storage;

namespace HomeMail.Server.Control;

/// <summary>
/// Lets whoever asks copy the data folder while nothing changes: after <c>{"paused":true}</c> mail and queue stand still until the next line comes, whatever it says, the
/// connection ends, or it has taken too long.
/// </summary>
/// <param name="data">The data folder.</param>
public sealed class PauseCommand(DataFolder data)
{
    // A client that delivers waits ten minutes for an answer (RFC 5321 4.5.3.2.6).
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("pause", RunAsync, Changes: true)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        await using var pause = await data.PauseAsync(Longest).ConfigureAwait(false);
        await call.Channel.WriteAsync(static json => json.WriteBoolean("paused", true), cancel).ConfigureAwait(false);
        await call.Channel.FlushAsync(cancel).ConfigureAwait(false);
        using var line = await call.Channel.ReadAsync(cancel).ConfigureAwait(false);
        return await pause.EndAsync().ConfigureAwait(false)
            ? ControlResult.Ok
            : new ControlResult("lapsed", $"the server could not wait any longer than {Longest.TotalMinutes:0} minutes");
    }
}
