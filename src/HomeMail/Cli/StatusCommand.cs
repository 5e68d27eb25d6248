using System.Text.Json;

namespace HomeMail.Cli;

/// <summary><c>homemail status</c>: how the running server does, on one screen; with <c>--health</c>, whether it takes mail, for watchdogs.</summary>
internal static class StatusCommand
{
    // A server that does not answer by then does not take mail either.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (!call.Options.ContainsKey("--health"))
            return await ServerCommand.ShowAsync(call, false, "status", null, line => ShowAsync(call, line), null, cancel);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            var health = "failing";
            var code = await ServerCommand.ShowAsync(call, false, "status", null, async line =>
            {
                health = line.Text("health") ?? health;
                await TellAsync(call, line);
            }, null, patience.Token);
            return code == ExitCode.Fine && health == "failing" ? ExitCode.FoundWanting : code;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return await ServerCommand.FailAsync(call, $"the server does not answer within {Patience.TotalSeconds:0} seconds");
        }
    }

    private static async Task ShowAsync(CommandCall call, JsonElement status)
    {
        var output = call.Streams.Out;
        await output.WriteLineAsync($"homemail     {status.Text("version")} at {status.Text("hostname")}");
        await TellAsync(call, status);
        await output.WriteLineAsync($"up           {Words.Span(TimeSpan.FromSeconds(status.Number("uptimeSeconds")))}, since {(status.When("started") is { } started ? Words.Time(started) : "")}");
        if (Texts(status, "addresses") is { Count: > 0 } addresses)
            await output.WriteLineAsync($"addresses    {string.Join(", ", addresses)}");
        foreach (var at in status.GetProperty("listening").EnumerateArray())
            await output.WriteLineAsync($"listens      {at.Text("at"),-24} {at.Text("service")}");
        await output.WriteLineAsync($"connections  {status.Number("connections")}");
        foreach (var way in Texts(status, "waysOut"))
            await output.WriteLineAsync($"sends        {way}");
        await output.WriteLineAsync($"queue        {Words.Count(status.Number("queued"), "message")}, {status.Number("held")} held");
        if (status.TryGetProperty("today", out var today) && today.EnumerateObject().Any())
            await output.WriteLineAsync($"today        {string.Join(", ", today.EnumerateObject().Select(word => $"{word.Value.GetInt32()} {Words.Printable(word.Name)}"))} (since 00:00Z)");
        if (status.TryGetProperty("tlsToday", out var tls) && tls.EnumerateObject().Any())
            await output.WriteLineAsync($"sent by tls  {string.Join(", ", tls.EnumerateObject().Select(word => $"{word.Value.GetInt32()} {Words.Printable(word.Name)}"))} (since 00:00Z)");
        if (status.Number("residentBytes") is > 0 and var resident)
            await output.WriteLineAsync($"memory       {Words.Size(resident)} resident");
        if (status.Number("diskBytes") is > 0 and var disk)
            await output.WriteLineAsync($"disk         {Words.Size(status.Number("diskFreeBytes"))} free of {Words.Size(disk)}, for {status.Text("data")}");
        if (status.TryGetProperty("writtenTodayBytes", out var written))
            await output.WriteLineAsync($"written      {Words.Size(written.GetInt64())} to storage (since 00:00Z)");
    }

    private static async Task TellAsync(CommandCall call, JsonElement status)
    {
        var problems = Texts(status, "problems");
        await call.Streams.Out.WriteLineAsync($"health       {status.Text("health")}{(problems.Count > 0 ? ": " + problems[0] : "")}");
        foreach (var problem in problems.Skip(1))
            await call.Streams.Out.WriteLineAsync($"             {problem}");
    }

    private static List<string> Texts(JsonElement status, string name) =>
        status.TryGetProperty(name, out var list) ? [.. list.EnumerateArray().Select(static text => Words.Printable(text.GetString() ?? ""))] : [];
}
