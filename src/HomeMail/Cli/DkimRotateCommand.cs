using HomeMail.Config;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Authentication;

namespace HomeMail.Cli;

/// <summary><c>homemail dkim rotate DOMAIN</c>: has the running server make new signing keys, and says what to publish.</summary>
internal static class DkimRotateCommand
{
    private static readonly TimeSpan WaitForServer = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var load = SettingsFile.Load(call.ConfigPath);
        var name = call.Arguments[1];
        if (load.Settings is not { } settings)
            return await RefuseAsync($"{call.ConfigPath} has errors; see `homemail check`");
        if (settings.Domains.Values.FirstOrDefault(d => d.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } domain)
            return await RefuseAsync($"'{name}' is not hosted here");
        try
        {
            var request = new DkimRotationRequest(Path.Combine(settings.Server.Data, "dkim"), domain.Name, domain.DkimSelector);
            request.Write();
            for (var waited = TimeSpan.Zero; waited < WaitForServer; waited += LookAgain)
            {
                if (request.Keys() is { Count: > 0 } made)
                    return await TellAsync(new ResultWriter(call), made);
                await Task.Delay(LookAgain, cancel);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return await RefuseAsync(e.Message);
        }
        await new ResultWriter(call).WriteAsync(
            "the request is written; the server makes the keys as soon as it runs", ("result", "requested"), ("domain", domain.Name));
        return ExitCode.FoundWanting;

        async Task<int> RefuseAsync(string why)
        {
            await call.Streams.Error.WriteLineAsync($"homemail dkim: {why}");
            return ExitCode.Misuse;
        }
    }

    private static async Task<int> TellAsync(ResultWriter writer, IReadOnlyList<DkimKey> keys)
    {
        foreach (var key in keys)
            await writer.WriteAsync(
                $"{key.RecordName}. IN TXT {DkimKeyRecord.ToZoneFile(key.RecordText)}", ("publish", key.RecordName), ("text", key.RecordText));
        await writer.WriteAsync(
            $"publish these; the server signs with them as soon as it sees them. Keep the old records for {DkimRotation.KeepRetired.TotalDays} days after that",
            ("result", "made"), ("domain", keys[0].Domain));
        return ExitCode.Fine;
    }
}
