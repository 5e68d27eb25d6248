using System.Runtime.InteropServices;
using HomeMail.Config;
using HomeMail.Privileges;

namespace HomeMail.Cli;

/// <summary><c>homemail run</c>: reads the configuration and runs the server until SIGTERM or SIGINT.</summary>
internal static class RunCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var load = SettingsFile.Load(call.ConfigPath);
        foreach (var error in load.Errors)
            await call.Streams.Error.WriteLineAsync(error.ToString());
        if (load.Settings is null)
            return ExitCode.FoundWanting;
        // What must not be had while serving is given up before anything is opened; what follows is said and done in the second start.
        if (Confinement.Enter(load.Settings) is { } trouble)
        {
            await call.Streams.Error.WriteLineAsync(trouble);
            return ExitCode.FoundWanting;
        }
        foreach (var note in load.Notes)
            await call.Streams.Error.WriteLineAsync($"note: {note}");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // Cancelled signals do not end the process by themselves: the server first finishes what it has begun.
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        return await Program.RunServerAsync(load.Settings, stop.Token);
    }
}
