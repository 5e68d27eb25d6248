using System.Globalization;
using HomeMail.Protocol.Dmarc;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Reports;

/// <summary>How one source address fared in a report.</summary>
/// <param name="Address">The address.</param>
/// <param name="Passed">How many messages passed DMARC.</param>
/// <param name="Failed">How many failed.</param>
public sealed record ReportedSource(string Address, long Passed, long Failed);

/// <summary>What is kept of a report that was received about one of our domains.</summary>
public sealed record ReceivedReport
{
    /// <summary>Our domain.</summary>
    public required string Domain { get; init; }

    /// <summary>Who reports, by its own name for itself.</summary>
    public required string Reporter { get; init; }

    /// <summary>The domain that the mail came from: proven if <see cref="IsVerified"/>, else only a claim.</summary>
    public required string From { get; init; }

    /// <summary>Whether the mail that brought it passed DMARC; anybody can send others.</summary>
    public bool IsVerified { get; init; }

    /// <summary>Its Report-ID.</summary>
    public required string Id { get; init; }

    /// <summary>The period's beginning.</summary>
    public required DateTimeOffset Begin { get; init; }

    /// <summary>Its end.</summary>
    public required DateTimeOffset End { get; init; }

    /// <summary>The policy that the reporter saw.</summary>
    public string Policy { get; init; } = "none";

    /// <summary>How many messages passed.</summary>
    public long Passed { get; init; }

    /// <summary>How many failed.</summary>
    public long Failed { get; init; }

    /// <summary>The sources, those with most failures first; not all of them if there are many.</summary>
    public IReadOnlyList<ReportedSource> Sources { get; init; } = [];
}

/// <summary>Counts the records of a report as they are read. It is bounded, whatever the report has.</summary>
public sealed class ReportSummary
{
    private const int MaxSources = 2_000;
    private const int MaxKept = 50;
    private const long MaxCount = 1_000_000_000_000;

    private readonly Dictionary<string, (long Passed, long Failed)> _sources = new(StringComparer.Ordinal);
    private long _passed;
    private long _failed;

    /// <summary>Counts a record.</summary>
    /// <param name="record">The record.</param>
    public void Add(ReportedRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var count = Math.Min(record.Count, MaxCount);
        (_passed, _failed) = record.Passed ? (_passed + count, _failed) : (_passed, _failed + count);
        if (!_sources.TryGetValue(record.Source, out var source) && _sources.Count >= MaxSources)
            return;
        _sources[record.Source] = record.Passed ? (source.Passed + count, source.Failed) : (source.Passed, source.Failed + count);
    }

    /// <summary>What is kept.</summary>
    /// <param name="report">What the report says of itself.</param>
    /// <param name="from">The domain that the mail came from.</param>
    /// <param name="isVerified">Whether that is proven.</param>
    public ReceivedReport Of(AggregateReport report, string from, bool isVerified)
    {
        ArgumentNullException.ThrowIfNull(report);
        return new ReceivedReport
        {
            Domain = report.Domain,
            Reporter = report.Organization.Length > 0 ? report.Organization : from,
            From = from,
            IsVerified = isVerified,
            Id = report.Id,
            Begin = DateTimeOffset.FromUnixTimeSeconds(report.Begin),
            End = DateTimeOffset.FromUnixTimeSeconds(report.End),
            Policy = report.Policy,
            Passed = _passed,
            Failed = _failed,
            Sources =
            [
                .. _sources.Select(s => new ReportedSource(s.Key, s.Value.Passed, s.Value.Failed)).OrderByDescending(s => s.Failed)
                    .ThenByDescending(s => s.Passed).ThenBy(s => s.Address, StringComparer.Ordinal).Take(MaxKept),
            ],
        };
    }
}

/// <summary>The reports that were received, in the state store: some months of proven ones, some days of others, each kind bounded.</summary>
/// <param name="state">The store.</param>
/// <param name="clock">Time.</param>
public sealed class ReceivedReports(StateStore state, TimeProvider clock)
{
    private const string Name = "dmarcreports";
    private const int MaxReports = 1_000;
    private const int MaxUnverifiedOfDay = 50;

    private static readonly TimeSpan Kept = TimeSpan.FromDays(90);

    // Those that anybody can send go first when there are too many.
    private static readonly TimeSpan UnverifiedKept = TimeSpan.FromDays(7);

    private readonly StateCollection _reports = state.Collection(Name, MaxReports);
    private readonly Lock _gate = new();
    private (DateOnly Day, int Count) _unverified;

    /// <summary>Keeps a report. One that comes again is one report (RFC 9990 3.5.4); an unproven one never replaces a proven one.</summary>
    /// <param name="report">The report.</param>
    /// <returns>False if it is not kept.</returns>
    public bool Add(ReceivedReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var now = clock.GetUtcNow();
        lock (_gate)
        {
            if (!report.IsVerified)
            {
                var today = DateOnly.FromDateTime(now.UtcDateTime);
                _unverified = _unverified.Day == today ? (today, _unverified.Count + 1) : (today, 1);
                if (_unverified.Count > MaxUnverifiedOfDay)
                    return false;
            }
            var key = string.Create(CultureInfo.InvariantCulture, $"{report.Domain}|{report.From}|{report.Begin.ToUnixTimeSeconds()}|{report.Id}");
            if (!report.IsVerified && _reports.Find(key) is { } known && known["v"].AsBoolean)
                return false;
            _reports.Upsert(key, new BsonDocument
            {
                ["d"] = report.Domain,
                ["o"] = report.Reporter,
                ["f"] = report.From,
                ["v"] = report.IsVerified,
                ["i"] = report.Id,
                ["b"] = report.Begin.ToUnixTimeSeconds(),
                ["e"] = report.End.ToUnixTimeSeconds(),
                ["p"] = report.Policy,
                ["y"] = report.Passed,
                ["n"] = report.Failed,
                ["s"] = string.Join('\n', report.Sources.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Address} {s.Passed} {s.Failed}"))),
            }, now + (report.IsVerified ? Kept : UnverifiedKept));
        }
        return true;
    }

    /// <summary>What there is, the newest day first.</summary>
    /// <param name="domain">The domain that is asked about, or null for all.</param>
    public IReadOnlyList<ReceivedReport> All(string? domain) =>
    [
        .. _reports.All().Select(pair => Read(pair.Value)).Where(r => domain is null || r.Domain.Equals(domain, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(r => r.Begin).ThenBy(r => r.Domain, StringComparer.Ordinal).ThenBy(r => r.Reporter, StringComparer.Ordinal),
    ];

    private static ReceivedReport Read(BsonDocument report) => new()
    {
        Domain = report["d"].AsString,
        Reporter = report["o"].AsString,
        From = report["f"].AsString,
        IsVerified = report["v"].AsBoolean,
        Id = report["i"].AsString,
        Begin = DateTimeOffset.FromUnixTimeSeconds(report["b"].AsInt64),
        End = DateTimeOffset.FromUnixTimeSeconds(report["e"].AsInt64),
        Policy = report["p"].AsString,
        Passed = report["y"].AsInt64,
        Failed = report["n"].AsInt64,
        Sources =
        [
            .. report["s"].AsString.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Where(parts => parts.Length == 3)
                .Select(parts => new ReportedSource(
                    parts[0], long.Parse(parts[1], CultureInfo.InvariantCulture), long.Parse(parts[2], CultureInfo.InvariantCulture))),
        ],
    };
}
