using System.Text.Json;

namespace HomeMail.Cli;

/// <summary><c>homemail queue</c>: shows the running server's queue and steers it.</summary>
internal static class QueueCommand
{
    public static Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var arguments = call.Arguments;
        switch (arguments)
        {
            case [] or ["list"]:
                return ServerCommand.ShowAsync(call, false, "queue-list", null, line => ShowAsync(call, line), line => SumAsync(call, line), cancel);
            case ["show", var id]:
                return ServerCommand.ShowAsync(call, false, "queue-show", json => json.WriteString("id", id), line => ShowWholeAsync(call, line), null, cancel);
            case ["retry", var what]:
                return ServerCommand.ShowAsync(
                    call, false, "queue-retry", json => json.WriteString("what", what), static _ => Task.CompletedTask,
                    line => call.Streams.Out.WriteLineAsync($"{Words.Count(line.Number("tried"), "message")} tried now"), cancel);
            case ["hold" or "release" or "drop", var id]:
                var done = arguments[0] switch { "hold" => "held", "release" => "released", _ => "dropped" };
                return ServerCommand.ShowAsync(
                    call, false, "queue-" + arguments[0], json => json.WriteString("id", id), static _ => Task.CompletedTask,
                    _ => call.Streams.Out.WriteLineAsync($"{id} {done}"), cancel);
            case ["list", ..]:
                return ServerCommand.MisuseAsync(call, $"'{arguments[1]}' is too much");
            case ["show" or "hold" or "release" or "drop"]:
                return ServerCommand.MisuseAsync(call, $"{arguments[0]} needs the id of a message");
            case ["retry"]:
                return ServerCommand.MisuseAsync(call, "retry needs the id of a message, a domain, or all");
            default:
                return ServerCommand.MisuseAsync(call, $"there is no '{arguments[0]}'; allowed: list, show, retry, hold, release, drop");
        }
    }

    // One line a message, and one a recipient that is not done with.
    private static async Task ShowAsync(CommandCall call, JsonElement message)
    {
        var now = TimeProvider.System.GetUtcNow();
        var state = message.IsTrue("held") ? "held" : message.IsTrue("running") ? "sending" : message.When("releaseAt") is { } release && release > now ? "until " + Words.Time(release) : "waiting";
        var sender = message.Text("sender");
        await call.Streams.Out.WriteLineAsync(
            $"{message.Text("id")} {Words.Span(now - (message.When("arrived") ?? now)),5} {Words.Size(message.Number("size")),6}  {state,-7}  <{sender}>");
        foreach (var recipient in message.GetProperty("recipients").EnumerateArray())
            if (recipient.Text("status") is not ("delivered" or "closed"))
                await call.Streams.Out.WriteLineAsync($"    {Recipient(recipient, now, message.IsTrue("held"))}");
    }

    private static string Recipient(JsonElement recipient, DateTimeOffset now, bool held)
    {
        var next = recipient.When("nextAttempt") is { } time && !held ? time > now ? $", next in {Words.Span(time - now)}" : ", next now" : "";
        var reply = recipient.Text("lastReply") is { Length: > 0 } text ? ": " + text : "";
        return $"<{recipient.Text("address")}> {recipient.Text("status")}, {Words.Count(recipient.Number("attempts"), "attempt")}{next}{reply}";
    }

    private static Task SumAsync(CommandCall call, JsonElement line) =>
        call.Streams.Out.WriteLineAsync(line.Number("messages") == 0 ? "the queue is empty" : $"{Words.Count(line.Number("messages"), "message")} in the queue");

    private static async Task ShowWholeAsync(CommandCall call, JsonElement message)
    {
        var output = call.Streams.Out;
        var now = TimeProvider.System.GetUtcNow();
        await output.WriteLineAsync($"message     {message.Text("id")}");
        await output.WriteLineAsync($"arrived     {(message.When("arrived") is { } arrived ? Words.Time(arrived) : "")}");
        await output.WriteLineAsync($"sender      <{message.Text("sender")}>");
        await output.WriteLineAsync($"principal   {message.Text("principal")}");
        await output.WriteLineAsync($"size        {message.Number("size")}");
        await output.WriteLineAsync($"held        {(message.IsTrue("held") ? "yes" : "no")}");
        if (message.When("releaseAt") is { } release)
            await output.WriteLineAsync($"not before  {Words.Time(release)}");
        foreach (var recipient in message.GetProperty("recipients").EnumerateArray())
        {
            await output.WriteLineAsync($"recipient   {Recipient(recipient, now, message.IsTrue("held"))}");
            await output.WriteLineAsync($"  goes to   {recipient.Text("destination")}");
        }
        if (message.TryGetProperty("header", out var header))
            foreach (var field in header.EnumerateObject())
                await output.WriteLineAsync($"{field.Name,-11} {Words.Printable(field.Value.GetString() ?? "")}");
    }
}
