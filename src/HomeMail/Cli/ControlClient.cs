using System.Net.Sockets;
using System.Text.Json;
using HomeMail.Config;
using HomeMail.Server.Control;

namespace HomeMail.Cli;

/// <summary>The last line of an answer.</summary>
/// <param name="Result">One word; <see cref="ControlResult.OkWord"/> if it was done.</param>
/// <param name="What">Why not, or null.</param>
/// <param name="Line">The whole line.</param>
internal sealed record ControlAnswer(string Result, string? What, JsonElement Line)
{
    /// <summary>Whether it was done.</summary>
    public bool IsOk => Result == ControlResult.OkWord;
}

/// <summary>A connection to the part that does what commands ask for: the running server, or a stand-in of this process on its data folder.</summary>
internal sealed class ControlClient(Stream stream, string? data) : IAsyncDisposable
{
    /// <summary>The connection, for commands that send or get messages.</summary>
    public ControlChannel Channel { get; } = new(stream, TimeProvider.System);

    /// <summary>Connects to the running server of a configuration.</summary>
    /// <param name="settings">The configuration.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The connection; null if no server of this data folder answers.</returns>
    /// <exception cref="SocketException">One is there, and this user may not reach it.</exception>
    public static Task<ControlClient?> ConnectAsync(Settings settings, CancellationToken cancel) => ConnectAsync(settings.Server.Socket, settings.Server.Data, cancel);

    /// <summary>Connects to the running server of a data folder.</summary>
    /// <param name="socket">The control socket, or null for the default.</param>
    /// <param name="data">The data folder.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The connection; null if no server of this data folder answers.</returns>
    /// <exception cref="SocketException">One is there, and this user may not reach it.</exception>
    public static async Task<ControlClient?> ConnectAsync(string? socket, string data, CancellationToken cancel)
    {
        SocketException? denied = null;
        foreach (var path in ControlSocket.Candidates(socket, data))
        {
            try
            {
                if (await ControlSocket.ConnectAsync(path, cancel) is { } stream)
                {
                    var client = new ControlClient(stream, data);
                    if (await client.IsMeantAsync(cancel))
                        return client;
                    await client.DisposeAsync();
                }
            }
            catch (SocketException error)
            {
                denied = error;
            }
        }
        return denied is null ? null : throw denied;
    }

    /// <summary>Asks for something, and gives on the lines of the answer.</summary>
    /// <param name="command">The command's name.</param>
    /// <param name="request">Writes what else the request says, or null.</param>
    /// <param name="line">Gets each line but the last, valid during the call.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The last line.</returns>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<ControlAnswer> AskAsync(string command, Action<Utf8JsonWriter>? request, Func<JsonElement, Task>? line, CancellationToken cancel)
    {
        await SendAsync(command, request, cancel);
        return await AnswerAsync(line, cancel);
    }

    /// <summary>Sends a request; the answer is read with <see cref="AnswerAsync"/>.</summary>
    /// <param name="command">The command's name.</param>
    /// <param name="request">Writes what else the request says, or null.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task SendAsync(string command, Action<Utf8JsonWriter>? request, CancellationToken cancel)
    {
        await Channel.WriteAsync(json =>
        {
            json.WriteString("command", command);
            json.WriteString("data", data);
            request?.Invoke(json);
        }, cancel);
        await Channel.FlushAsync(cancel);
    }

    /// <summary>Reads the lines of an answer to the last one.</summary>
    /// <param name="line">Gets each line but the last, valid during the call.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<ControlAnswer> AnswerAsync(Func<JsonElement, Task>? line, CancellationToken cancel)
    {
        while (await Channel.ReadAsync(cancel) is { } document)
        {
            using (document)
            {
                var root = document.RootElement;
                if (root.TryGetProperty("result", out var result))
                    return new ControlAnswer(result.GetString() ?? "", root.TryGetProperty("what", out var what) ? what.GetString() : null, root.Clone());
                if (line is not null)
                    await line(root);
            }
        }
        throw new IOException("the server has ended the connection");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Channel.DisposeAsync();

    private async Task<bool> IsMeantAsync(CancellationToken cancel)
    {
        try
        {
            var answer = await AskAsync("ping", null, null, cancel);
            return answer.Result == ControlResult.DeniedWord ? throw new SocketException((int)SocketError.AccessDenied) : answer.IsOk;
        }
        catch (IOException)
        {
            // It ends just now, or turns us away: by the kernel's word this user is neither root nor the server's.
            throw new SocketException((int)SocketError.AccessDenied);
        }
    }
}
