using System.Net.Sockets;
using System.Text.Json;
using HomeMail.Config;
using HomeMail.Server.Control;
using HomeMail.Storage;

namespace HomeMail.Cli;

/// <summary>What the commands have in common that ask the running server.</summary>
internal static class ServerCommand
{
    /// <summary>Reads the configuration, connects, asks, and tells what went wrong.</summary>
    /// <param name="call">The call.</param>
    /// <param name="withoutServer">Whether the data folder can be asked in this process while no server runs.</param>
    /// <param name="ask">Asks, giving the exit code.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<int> RunAsync(CommandCall call, bool withoutServer, Func<ControlClient, Task<int>> ask, CancellationToken cancel)
    {
        var load = SettingsFile.Load(call.ConfigPath);
        foreach (var error in load.Errors)
            await call.Streams.Error.WriteLineAsync(error.ToString());
        if (load.Settings is not { } settings)
            return ExitCode.FoundWanting;
        try
        {
            await using var client = await ControlClient.ConnectAsync(settings, cancel);
            if (client is not null)
                return await ask(client);
            if (!withoutServer)
                return await FailAsync(call, NotRunning(call, settings));
            await using var standIn = StandIn.Open(settings);
            await using var own = new ControlClient(standIn.Connection, settings.Server.Data);
            return await ask(own);
        }
        catch (SocketException)
        {
            return await FailAsync(call, $"the server runs, but this user may not ask it at {Paths(settings)}: only root and the server's own user may");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageClosedException)
        {
            return await FailAsync(call, error.Message);
        }
    }

    /// <summary>Asks for one thing and shows what comes: as it is with <c>--json</c>, else in words.</summary>
    /// <param name="call">The call.</param>
    /// <param name="withoutServer">Whether the data folder can be asked in this process while no server runs.</param>
    /// <param name="command">The command's name on the control socket.</param>
    /// <param name="request">Writes what else the request says, or null.</param>
    /// <param name="show">Shows a line in words.</param>
    /// <param name="showResult">Shows the last line in words, if it was done; or null.</param>
    /// <param name="cancel">Gives up.</param>
    public static Task<int> ShowAsync(
        CommandCall call, bool withoutServer, string command, Action<Utf8JsonWriter>? request, Func<JsonElement, Task> show,
        Func<JsonElement, Task>? showResult, CancellationToken cancel) =>
        RunAsync(call, withoutServer, async client =>
        {
            var asJson = call.Options.ContainsKey("--json");
            var answer = await client.AskAsync(command, request, line => asJson ? call.Streams.Out.WriteLineAsync(line.GetRawText()) : show(line), cancel);
            if (asJson)
                await call.Streams.Out.WriteLineAsync(answer.Line.GetRawText());
            else if (!answer.IsOk)
                return await FailAsync(call, answer.What ?? answer.Result);
            else if (showResult is not null)
                await showResult(answer.Line);
            return answer.IsOk ? ExitCode.Fine : ExitCode.FoundWanting;
        }, cancel);

    /// <summary>Says on standard error what is wrong.</summary>
    /// <param name="call">The call.</param>
    /// <param name="what">What.</param>
    public static async Task<int> FailAsync(CommandCall call, string what)
    {
        await call.Streams.Error.WriteLineAsync($"homemail {call.Command}: {Words.Printable(what)}");
        return ExitCode.FoundWanting;
    }

    /// <summary>Says on standard error how a command is to be called.</summary>
    /// <param name="call">The call.</param>
    /// <param name="what">What is wrong with it.</param>
    public static async Task<int> MisuseAsync(CommandCall call, string what)
    {
        await call.Streams.Error.WriteLineAsync($"homemail {call.Command}: {Words.Printable(what)}; see `homemail {call.Command} --help`");
        return ExitCode.Misuse;
    }

    private static string NotRunning(CommandCall call, Settings settings) =>
        $"the server does not run: nobody answers at {Paths(settings)} for the data folder {settings.Server.Data}. "
        + $"Start it (homemail run --config {call.ConfigPath}), or name the configuration of the one that runs with --config";

    private static string Paths(Settings settings) => string.Join(" or ", ControlSocket.Candidates(settings.Server.Socket, settings.Server.Data));
}
