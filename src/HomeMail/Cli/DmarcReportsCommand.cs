using System.Text.Json;
using HomeMail.Protocol.Dns;

namespace HomeMail.Cli;

/// <summary><c>homemail dmarc --reports [DOMAIN]</c>: what others have reported about the domains of this house.</summary>
internal static class DmarcReportsCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        string? domain = null;
        if (call.Arguments is [var given, ..])
        {
            if (!InternationalName.TryToAscii(given, out var ascii) || !DnsName.IsValid(ascii))
                return await ServerCommand.MisuseAsync(call, $"'{given}' is no domain");
            domain = ascii.TrimEnd('.').ToLowerInvariant();
        }
        return await ServerCommand.ShowAsync(
            call, true, "dmarc-reports", json =>
            {
                if (domain is not null)
                    json.WriteString("domain", domain);
            },
            line => ShowAsync(call, line),
            last => call.Streams.Out.WriteLineAsync($"{last.Number("reports")} reports; of the verified ones {last.Number("passed")} messages passed, {last.Number("failed")} failed"),
            cancel);
    }

    // The addresses whose mail failed come first: they are what somebody has to look at.
    private static async Task ShowAsync(CommandCall call, JsonElement report)
    {
        var verified = report.TryGetProperty("verified", out var proven) && proven.ValueKind == JsonValueKind.True;
        await call.Streams.Out.WriteLineAsync(Words.Printable(
            $"{report.Text("day")} {report.Text("domain")} by {report.Text("reporter")}{(verified ? "" : $" (unverified, from {report.Text("from")})")}: "
            + $"{report.Number("failed")} failed, {report.Number("passed")} passed"));
        if (!report.TryGetProperty("sources", out var sources))
            return;
        foreach (var source in sources.EnumerateArray())
            await call.Streams.Out.WriteLineAsync(Words.Printable($"  {source.Text("address"),-39} {source.Number("failed"),7} failed {source.Number("passed"),7} passed"));
    }
}
