using System.Text.Json;

namespace HomeMail.Cli;

/// <summary><c>homemail status</c>: how the running server does, on one screen.</summary>
internal static class StatusCommand
{
    public static Task<int> RunAsync(CommandCall call, CancellationToken cancel) =>
        ServerCommand.ShowAsync(call, false, "status", null, line => ShowAsync(call, line), null, cancel);

    private static async Task ShowAsync(CommandCall call, JsonElement status)
    {
        var output = call.Streams.Out;
        await output.WriteLineAsync($"homemail     {status.Text("version")} at {status.Text("hostname")}");
        await output.WriteLineAsync($"up           {Words.Span(TimeSpan.FromSeconds(status.Number("uptimeSeconds")))}, since {(status.When("started") is { } started ? Words.Time(started) : "")}");
        foreach (var at in status.GetProperty("listening").EnumerateArray())
            await output.WriteLineAsync($"listens      {at.Text("at"),-24} {at.Text("service")}");
        await output.WriteLineAsync($"connections  {status.Number("connections")}");
        foreach (var way in status.GetProperty("waysOut").EnumerateArray())
            await output.WriteLineAsync($"sends        {Words.Printable(way.GetString() ?? "")}");
        await output.WriteLineAsync($"queue        {Words.Count(status.Number("queued"), "message")}, {status.Number("held")} held");
        if (status.TryGetProperty("today", out var today) && today.EnumerateObject().Any())
            await output.WriteLineAsync($"today        {string.Join(", ", today.EnumerateObject().Select(word => $"{word.Value.GetInt32()} {Words.Printable(word.Name)}"))} (since 00:00Z)");
        if (status.TryGetProperty("tlsToday", out var tls) && tls.EnumerateObject().Any())
            await output.WriteLineAsync($"sent by tls  {string.Join(", ", tls.EnumerateObject().Select(word => $"{word.Value.GetInt32()} {Words.Printable(word.Name)}"))} (since 00:00Z)");
        if (status.Number("residentBytes") is > 0 and var resident)
            await output.WriteLineAsync($"memory       {Words.Size(resident)} resident");
        if (status.Number("diskBytes") is > 0 and var disk)
            await output.WriteLineAsync($"disk         {Words.Size(status.Number("diskFreeBytes"))} free of {Words.Size(disk)}, for {status.Text("data")}");
    }
}
