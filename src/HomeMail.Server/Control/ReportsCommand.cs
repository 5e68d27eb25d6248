using System.Globalization;
using HomeMail.Server.Reports;

namespace HomeMail.Server.Control;

/// <summary>Tells what others have reported about our domains: one line a report.</summary>
/// <param name="reports">The reports.</param>
public sealed class ReportsCommand(ReceivedReports reports)
{
    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("dmarc-reports", RunAsync)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        var domain = call.OptionalText("domain");
        var all = reports.All(domain);
        var (passed, failed) = (0L, 0L);
        foreach (var report in all)
        {
            passed += report.IsVerified ? report.Passed : 0;
            failed += report.IsVerified ? report.Failed : 0;
            await call.Channel.WriteAsync(json =>
            {
                json.WriteString("day", report.Begin.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                json.WriteString("domain", report.Domain);
                json.WriteString("reporter", report.Reporter);
                json.WriteString("from", report.From);
                json.WriteBoolean("verified", report.IsVerified);
                json.WriteString("id", report.Id);
                json.WriteString("begin", report.Begin.UtcDateTime);
                json.WriteString("end", report.End.UtcDateTime);
                json.WriteString("policy", report.Policy);
                json.WriteNumber("passed", report.Passed);
                json.WriteNumber("failed", report.Failed);
                json.WriteStartArray("sources");
                foreach (var source in report.Sources)
                {
                    json.WriteStartObject();
                    json.WriteString("address", source.Address);
                    json.WriteNumber("passed", source.Passed);
                    json.WriteNumber("failed", source.Failed);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
            }, cancel).ConfigureAwait(false);
        }
        if (all.Count == 0)
            return ControlResult.NotFound(domain is null ? "no reports have come" : $"no reports about {domain} have come");
        return ControlResult.OkWith(json =>
        {
            json.WriteNumber("reports", all.Count);
            json.WriteNumber("passed", passed);
            json.WriteNumber("failed", failed);
        });
    }
}
