using System.Text.Json;

namespace HomeMail.Cli;

/// <summary><c>homemail explain</c>: in plain words, why a message was treated as it was.</summary>
internal static class ExplainCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Arguments is not [var id])
            return await ServerCommand.MisuseAsync(call, "the id of a message is needed; `homemail log ADDRESS` finds it");
        return await ServerCommand.ShowAsync(call, true, "explain", json => json.WriteString("id", id), line => ShowAsync(call, line), null, cancel);
    }

    private static Task ShowAsync(CommandCall call, JsonElement line) =>
        call.Streams.Out.WriteLineAsync($"{(line.When("time") is { } time ? Words.Time(time) : "")} {Words.Printable(line.Text("words"))}".TrimEnd());
}
