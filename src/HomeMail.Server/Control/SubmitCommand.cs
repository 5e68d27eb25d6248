using HomeMail.Server.Sendmail;

namespace HomeMail.Server.Control;

/// <summary>
/// The one command that every user of this machine may give: after <c>{"ready":true}</c> the connection is an SMTP session whose client is whoever the kernel says
/// is at its other end.
/// </summary>
/// <param name="sessions">Runs sessions.</param>
/// <param name="userName">The name of a user id, or null.</param>
public sealed class SubmitCommand(LocalSessions sessions, Func<uint, string?> userName)
{
    /// <summary>The command's name.</summary>
    public const string Name = "submit";

    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new(Name, RunAsync)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        if (userName(call.User) is not { } user)
            return ControlResult.Error(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"this machine has no user {call.User}"));
        await call.Channel.WriteAsync(static json => json.WriteBoolean("ready", true), cancel).ConfigureAwait(false);
        await call.Channel.FlushAsync(cancel).ConfigureAwait(false);
        await sessions.ServeAsync(call.Channel.Detach(), user, cancel).ConfigureAwait(false);
        return ControlResult.Detached;
    }
}
