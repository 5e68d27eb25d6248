using System.Text.Json;
using HomeMail.Storage;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Control;

/// <summary>
/// A control connection on the side that does what is asked: requests come one after the other, each a line, and each is answered by any number of lines of
/// which only the last has a <c>result</c>.
/// </summary>
/// <param name="commands">What can be asked.</param>
/// <param name="data">The data folder that this is about; a request that means another is refused.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class ControlSession(IReadOnlyList<ControlCommand> commands, string data, TimeProvider clock, Log log)
{
    /// <summary>How long a caller may take to send its first request.</summary>
    public static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long a caller may take over anything later.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Serves a connection to its end.</summary>
    /// <param name="stream">The connection; disposed here.</param>
    /// <param name="user">Who is at its other end, for the log.</param>
    /// <param name="cancel">The server stops.</param>
    public async Task RunAsync(Stream stream, uint user, CancellationToken cancel)
    {
        await using var channel = new ControlChannel(stream, clock) { Patience = FirstPatience };
        try
        {
            while (await channel.ReadAsync(cancel).ConfigureAwait(false) is { } request)
            {
                using (request)
                {
                    channel.Patience = Patience;
                    if (!await AnswerAsync(channel, request.RootElement, user, cancel).ConfigureAwait(false))
                        break;
                }
            }
        }
        catch (IOException error)
        {
            // Whoever asked is gone, or sends what is no request: there is nobody to be told.
            log.Debug("control-broken", ("uid", user), ("what", error.Message));
        }
        catch (OperationCanceledException)
        {
            // The server stops; the caller sees its connection end without a result.
        }
    }

    private async Task<bool> AnswerAsync(ControlChannel channel, JsonElement request, uint user, CancellationToken cancel)
    {
        var name = request.TryGetProperty("command", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        ControlResult result;
        try
        {
            result = await HandleAsync(name, new ControlCall(request, channel) { User = user }, cancel).ConfigureAwait(false);
        }
        catch (ControlRefusal refusal)
        {
            result = ControlResult.Error(refusal.Message);
        }
        catch (StorageClosedException)
        {
            result = ControlResult.Error("the server is stopping");
        }
        catch (Exception error) when (error is not (IOException or OperationCanceledException))
        {
            // A bug; it must not take the server with it.
            log.Error("control-bug", ("command", name), ("what", error.ToString()));
            result = ControlResult.Error("an error of the server itself; its log has it as control-bug");
        }
        if (Find(name) is { Changes: true } || result.Result == ControlResult.DeniedWord)
            log.Info("control", ("command", name), ("uid", user), ("result", result.Result));
        else
            log.Debug("control", ("command", name), ("uid", user), ("result", result.Result));
        if (ReferenceEquals(result, ControlResult.Detached))
            return false;
        await channel.WriteAsync(json =>
        {
            json.WriteString("result", result.Result);
            if (result.What is not null)
                json.WriteString("what", result.What);
            result.More?.Invoke(json);
        }, cancel).ConfigureAwait(false);
        await channel.FlushAsync(cancel).ConfigureAwait(false);
        return !result.IsLast;
    }

    /// <summary>What is said to a command that is not in the table.</summary>
    public Func<string, ControlResult> Unknown { get; init; } = static name => new ControlResult("unknown-command", $"there is no command '{name}' here");

    private async Task<ControlResult> HandleAsync(string name, ControlCall call, CancellationToken cancel)
    {
        // Who has two servers may reach the wrong one, for both may have had the same default socket.
        if (call.OptionalText("data") is { } meant && meant != data)
            return new ControlResult("other-server", $"the server here has the data folder {data}, not {meant}");
        if (Find(name) is not { } command)
            return Unknown(name);
        try
        {
            return await command.Handler(call, cancel).ConfigureAwait(false);
        }
        catch (StorageException error)
        {
            return ControlResult.Error(error.Message);
        }
    }

    private ControlCommand? Find(string name)
    {
        foreach (var command in commands)
            if (command.Name == name)
                return command;
        return null;
    }
}
