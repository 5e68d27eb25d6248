using HomeMail.Config;

namespace HomeMail.Cli;

/// <summary><c>homemail check</c>: says what is wrong with the configuration, all of it, and what is not yet in effect.</summary>
internal static class CheckCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var load = SettingsFile.Load(call.ConfigPath);
        var output = call.Streams.Out;
        foreach (var error in load.Errors)
            await output.WriteLineAsync(error.ToString());
        foreach (var note in load.Notes)
            await output.WriteLineAsync($"note: {note}");
        await output.WriteLineAsync(load.Settings is not null ? $"{call.ConfigPath}: fine"
            : load.Errors.Count == 1 ? $"{call.ConfigPath}: 1 error"
            : $"{call.ConfigPath}: {load.Errors.Count} errors");
        return load.Settings is null ? ExitCode.FoundWanting : ExitCode.Fine;
    }
}
