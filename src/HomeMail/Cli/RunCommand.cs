using System.Runtime.InteropServices;
using HomeMail.Config;

namespace HomeMail.Cli;

/// <summary><c>homemail run</c>: reads the configuration and runs the server until SIGTERM or SIGINT.</summary>
internal static class RunCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var load = SettingsFile.Load(call.ConfigPath);
        foreach (var error in load.Errors)
            await call.Streams.Error.WriteLineAsync(error.ToString());
        foreach (var note in load.Notes)
            await call.Streams.Error.WriteLineAsync($"note: {note}");
        if (load.Settings is null)
            return ExitCode.FoundWanting;

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
