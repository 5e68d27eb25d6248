using HomeMail.Config;
using HomeMail.Server;

namespace HomeMail;

public static partial class Program
{
    /// <summary>Runs the server until it is told to stop.</summary>
    /// <param name="settings">What to run.</param>
    /// <param name="stop">Ends it: connections drain, then the task ends.</param>
    /// <returns>The exit code.</returns>
    public static Task<int> RunServerAsync(Settings settings, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var log = new Log(Console.Error, TimeProvider.System, settings.Server.Log);
        log.Error("start", ("host", settings.Server.Hostname), ("reason", "server not wired"));
        return Task.FromResult(1);
    }
}
