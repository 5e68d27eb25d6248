using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using HomeMail.Server.Control;

namespace HomeMail.Cli;

/// <summary><c>mailq</c> and <c>sendmail -q</c>: the queue as scripts that read Postfix's expect it.</summary>
internal static class SendmailQueue
{
    private const int Unavailable = 69;
    private const int NotPermitted = 77;

    /// <summary>Lists the queue.</summary>
    /// <param name="socket">The control socket, or null for the default.</param>
    /// <param name="data">The data folder.</param>
    /// <param name="streams">Where to write.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<int> ListAsync(string? socket, string data, Streams streams, CancellationToken cancel)
    {
        try
        {
            await using var client = await ControlClient.ConnectAsync(socket, data, cancel);
            if (client is null)
            {
                await streams.Error.WriteLineAsync("mailq: the mail server does not run");
                return Unavailable;
            }
            var (messages, octets) = (0, 0L);
            var answer = await client.AskAsync("queue-list", null, async message =>
            {
                if (messages++ == 0)
                    await streams.Out.WriteLineAsync("-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------");
                octets += message.Number("size");
                await WriteAsync(streams.Out, message);
            }, cancel);
            if (!answer.IsOk)
                throw new IOException(answer.What ?? answer.Result);
            await streams.Out.WriteLineAsync(messages == 0 ? "Mail queue is empty"
                : string.Create(CultureInfo.InvariantCulture, $"-- {(octets + 1023) / 1024} Kbytes in {messages} Request{(messages == 1 ? "" : "s")}."));
            return 0;
        }
        catch (SocketException)
        {
            await streams.Error.WriteLineAsync("mailq: only root and the server's own user may look into the queue");
            return NotPermitted;
        }
        catch (IOException error)
        {
            await streams.Error.WriteLineAsync($"mailq: {Words.Printable(error.Message)}");
            return Unavailable;
        }
    }

    /// <summary>Tries the queue now, if the caller may; scripts call this by the clock and care for no answer.</summary>
    /// <param name="socket">The control socket, or null for the default.</param>
    /// <param name="data">The data folder.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<int> FlushAsync(string? socket, string data, CancellationToken cancel)
    {
        try
        {
            await using var client = await ControlClient.ConnectAsync(socket, data, cancel);
            if (client is not null)
                await client.AskAsync("queue-retry", static json => json.WriteString("what", "all"), null, cancel);
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            // The server tries by itself.
        }
        return 0;
    }

    private static async Task WriteAsync(TextWriter output, JsonElement message)
    {
        var arrived = message.GetProperty("arrived").GetDateTime();
        var mark = message.GetProperty("held").GetBoolean() ? '!' : message.GetProperty("running").GetBoolean() ? '*' : ' ';
        var sender = message.Text("sender") is { Length: > 0 } path ? path : "MAILER-DAEMON";
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{message.Text("id")}{mark} {message.Number("size"),8} {arrived:ddd MMM dd HH:mm:ss}  {Words.Printable(sender)}"));
        foreach (var recipient in message.GetProperty("recipients").EnumerateArray())
        {
            if (recipient.Text("status") is not ("waiting" or "local"))
                continue;
            if (recipient.TryGetProperty("lastReply", out var reply))
                await output.WriteLineAsync($"({Words.Printable(reply.GetString() ?? "")})");
            await output.WriteLineAsync($"{"",41}{Words.Printable(recipient.Text("address") ?? "")}");
        }
        await output.WriteLineAsync();
    }
}
