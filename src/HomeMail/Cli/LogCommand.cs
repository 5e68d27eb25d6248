using System.Text.Json;

namespace HomeMail.Cli;

/// <summary><c>homemail log</c>: what became of a message, or of an address's messages.</summary>
internal static class LogCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Arguments is not [var what])
            return await ServerCommand.MisuseAsync(call, "the id of a message or an address is needed");
        return await ServerCommand.ShowAsync(call, true, "log", json => json.WriteString("what", what), line => ShowAsync(call, line), null, cancel);
    }

    private static Task ShowAsync(CommandCall call, JsonElement line)
    {
        var address = line.Text("address");
        return call.Streams.Out.WriteLineAsync(
            $"{(line.When("time") is { } time ? Words.Time(time) : "")} {line.Text("id")} {line.Text("event"),-9} {(address.Length > 0 ? $"<{address}> " : "")}{line.Text("detail")}".TrimEnd());
    }
}
