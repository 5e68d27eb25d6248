using HomeMail.Config;
using HomeMail.Privileges;

namespace HomeMail.Cli;

/// <summary><c>homemail check</c>: says what is wrong with the configuration, all of it, and what is worth knowing; or which paths a server of it uses.</summary>
internal static class CheckCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var load = SettingsFile.Load(call.ConfigPath);
        var output = call.Streams.Out;
        foreach (var error in load.Errors)
            await output.WriteLineAsync(error.ToString());
        if (load.Settings is not null && call.Options.ContainsKey("--paths"))
        {
            foreach (var rule in AllowedPaths.For(load.Settings))
                await output.WriteLineAsync($"{Word(rule.Access)} {rule.Path}");
            return ExitCode.Fine;
        }
        foreach (var note in load.Notes)
            await output.WriteLineAsync($"note: {note}");
        await output.WriteLineAsync(load.Settings is not null ? $"{call.ConfigPath}: fine"
            : load.Errors.Count == 1 ? $"{call.ConfigPath}: 1 error"
            : $"{call.ConfigPath}: {load.Errors.Count} errors");
        return load.Settings is null ? ExitCode.FoundWanting : ExitCode.Fine;
    }

    // What builds a jail reads these.
    private static string Word(PathAccess access) => access switch
    {
        PathAccess.Keep => "keep",
        PathAccess.Device => "device",
        PathAccess.Execute => "execute",
        _ => "read",
    };
}
