using System.Net;
using System.Text.Json;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>The RFC 7208 test suite, whole.</summary>
public sealed class SpfSuiteTests
{
    private const int TestsInSuite = 203;

    private static readonly DnsType[] Types = [DnsType.A, DnsType.Aaaa, DnsType.Mx, DnsType.Txt, DnsType.Ptr];

    [Fact]
    public async Task EveryTestGivesAnAllowedResult()
    {
        using var suite = JsonDocument.Parse(await File.ReadAllTextAsync(SharedData.Path("spf/rfc7208-tests.json")));
        var wrong = new List<string>();
        var count = 0;
        foreach (var scenario in suite.RootElement.EnumerateArray())
        {
            foreach (var test in scenario.GetProperty("tests").EnumerateArray())
            {
                count++;
                var zone = ReadZone(scenario.GetProperty("zone"));
                var outcome = await new SpfChecker(zone, TimeProvider.System).CheckAsync(ReadRequest(test), default);
                var id = test.GetProperty("id").GetString();
                var allowed = test.GetProperty("results").EnumerateArray().Select(r => r.GetString()!).ToArray();
                if (!allowed.Contains(ReceivedSpf.Name(outcome.Result)))
                    wrong.Add($"{id}: {ReceivedSpf.Name(outcome.Result)}, not {string.Join('/', allowed)} ({outcome.Problem})");
                if (test.TryGetProperty("explanation", out var explanation) && explanation.GetString() != (outcome.Explanation ?? "DEFAULT"))
                    wrong.Add($"{id}: explanation '{outcome.Explanation}', not '{explanation.GetString()}'");
                if (zone.Queries.Count != zone.Queries.Distinct().Count())
                    wrong.Add($"{id}: asked twice: {string.Join(' ', zone.Queries)}");
                if (outcome.Trace.Count == 0)
                    wrong.Add($"{id}: no trace");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(TestsInSuite, count);
    }

    private static SpfRequest ReadRequest(JsonElement test)
    {
        var mailFrom = test.GetProperty("mailfrom").GetString()!;
        var at = mailFrom.LastIndexOf('@');
        return SpfRequest.ForMailFrom(
            IPAddress.Parse(test.GetProperty("ip").GetString()!), mailFrom.Length == 0 ? null : mailFrom[..at],
            mailFrom.Length == 0 ? null : mailFrom[(at + 1)..], test.GetProperty("helo").GetString()!)
            with
        { WantExplanation = true, WantTrace = true };
    }

    private static ZoneResolver ReadZone(JsonElement zone)
    {
        var resolver = new ZoneResolver();
        foreach (var owner in zone.EnumerateObject())
        {
            var present = new HashSet<DnsType>();
            var timesOut = false;
            foreach (var record in owner.Value.EnumerateArray())
            {
                timesOut |= record.TryGetProperty("timeout", out _);
                if (!Enum.TryParse<DnsType>(record.GetProperty("type").GetString(), true, out var type) || !record.TryGetProperty("value", out var value))
                    continue; // of a type that SPF does not ask for
                present.Add(type);
                switch (type)
                {
                    case DnsType.A or DnsType.Aaaa:
                        resolver.Addresses(owner.Name, value.GetString()!);
                        break;
                    case DnsType.Mx:
                        resolver.Mx(owner.Name, value[0].GetInt32(), value[1].GetString()!);
                        break;
                    case DnsType.Txt:
                        resolver.Txt(owner.Name, string.Concat(value.EnumerateArray().Select(s => s.GetString())));
                        break;
                    case DnsType.Ptr:
                        resolver.Ptr(owner.Name, value.GetString()!);
                        break;
                    case DnsType.Cname:
                        resolver.Cname(owner.Name, value.GetString()!);
                        break;
                }
            }
            foreach (var type in Types)
                if (timesOut && !present.Contains(type))
                    resolver.Fail(owner.Name, "time-out", type);
            resolver.Empty(owner.Name);
        }
        return resolver;
    }
}
