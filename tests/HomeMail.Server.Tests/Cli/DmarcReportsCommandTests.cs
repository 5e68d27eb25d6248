using System.Text.Json;
using HomeMail.Cli;
using HomeMail.Server.Control;
using HomeMail.Server.Reports;
using HomeMail.Storage.State;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

/// <summary><c>homemail dmarc --reports</c>, also while no server runs.</summary>
public sealed class DmarcReportsCommandTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hm-reports").FullName;

    public DmarcReportsCommandTests()
    {
        Directory.CreateDirectory(_root + "/data");
        File.WriteAllText(_root + "/h.ini", $"[server]\nhostname = mail.home.example\ndata = {_root}/data\nsocket = {_root}/control\n[domain:home.example]\n[domain:other.example]\n");
    }

    public void Dispose() => Directory.Delete(_root, true);

    private async Task<(int Code, string Out, string Error)> RunAsync(params string[] words)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.RunAsync(
            ["dmarc", "--config", _root + "/h.ini", .. words], new Streams(TextReader.Null, output, error, null), TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }

    [Fact]
    public async Task Failing_addresses_come_first_and_what_is_unproven_is_said()
    {
        Assert.Equal((1, "", "homemail dmarc: no reports have come\n"), await RunAsync("--reports"));
        using (var state = new StateStore(Path.Combine(_root, "data", DataCommands.StateFile), TimeProvider.System))
        {
            var reports = new ReceivedReports(state, TimeProvider.System);
            var report = new ReceivedReport
            {
                Domain = "home.example",
                Reporter = "Big\u001b[31m Mail",
                From = "big.example",
                IsVerified = true,
                Id = "1",
                Begin = DateTimeOffset.FromUnixTimeSeconds(1_795_478_400),
                End = DateTimeOffset.FromUnixTimeSeconds(1_795_564_799),
                Passed = 12,
                Failed = 3,
                Sources = [new ReportedSource("198.51.100.66", 0, 3), new ReportedSource("2001:db8::25", 12, 0)],
            };
            reports.Add(report);
            reports.Add(report with { IsVerified = false, From = "evil.example", Reporter = "x", Id = "2", Passed = 0, Failed = 9, Sources = [] });
        }
        var (code, text, error) = await RunAsync("--reports", "HOME.example");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(
            [
                "2026-11-24 home.example by Big?[31m Mail: 3 failed, 12 passed",
                "  198.51.100.66                                 3 failed       0 passed",
                "  2001:db8::25                                  0 failed      12 passed",
                "2026-11-24 home.example by x (unverified, from evil.example): 9 failed, 0 passed",
                "2 reports; of the verified ones 12 messages passed, 3 failed",
            ], text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        (code, text, _) = await RunAsync("--reports", "--json");
        using var last = JsonDocument.Parse(text.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        Assert.Equal((0, "ok", 3), (code, last.RootElement.GetProperty("result").GetString(), last.RootElement.GetProperty("failed").GetInt32()));
        Assert.Equal(1, (await RunAsync("--reports", "other.example")).Code);
        Assert.Equal(2, (await RunAsync("--reports", "a..b")).Code);
    }
}
