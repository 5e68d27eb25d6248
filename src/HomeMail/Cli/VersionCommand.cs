namespace HomeMail.Cli;

/// <summary><c>homemail version</c>.</summary>
internal static class VersionCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        await call.Streams.Out.WriteLineAsync($"homemail {BuildFacts.Version}");
        return ExitCode.Fine;
    }
}
