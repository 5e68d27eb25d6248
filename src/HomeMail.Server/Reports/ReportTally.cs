using System.Globalization;
using System.Text;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Delivery;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Reports;

/// <summary>What is reported to one DMARC Policy Domain about one day.</summary>
/// <param name="Day">The day, in UTC.</param>
/// <param name="Domain">The domain.</param>
/// <param name="Record">Its policy record as it was last seen on that day.</param>
/// <param name="Records">What came in its name.</param>
public sealed record ReportDay(DateOnly Day, string Domain, DmarcRecord Record, IReadOnlyList<ReportedRecord> Records);

/// <summary>
/// The results of DMARC, counted for aggregate reports (RFC 9989 5.3.7): by day in UTC, policy domain, and everything that tells one record of a report
/// from another. Only for owners that ask for reports. They are in the state store, may be lost, and are bounded: a forger who makes up identities fills
/// his own domain's share of one day, and no more.
/// </summary>
/// <param name="state">Where they are kept.</param>
/// <param name="clock">Time.</param>
public sealed class ReportTally(StateStore state, TimeProvider clock)
{
    private const string Name = "dmarcresults";
    private const int MaxRows = 5_000;
    private const int MaxRowsOfDomain = 400;
    private const int MaxPending = 1_000;
    private const int MaxDkim = 10;
    private const int MaxName = 255;

    // A report that could not be made in this time is of no use any more.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(5);

    private readonly StateCollection _rows = state.Collection(Name, MaxRows);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Day, string Domain, string Text, long Count)> _pending = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _sizes = new(StringComparer.Ordinal);

    /// <summary>Whether something is to be counted at all; a message of which nobody wants to know costs nothing.</summary>
    /// <param name="facts">What was found out about the message.</param>
    public static bool IsReportable(OriginFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts.Dmarc is { Record.ReportAddresses.Count: > 0, PolicyDomain: not null } && facts.Author.Kind == AuthorDomainKind.One
            // What is known of an inner or masked address, or by help of another one, says nothing of the domain's senders (design: no report of it).
            && facts is { SpfNote: null, IsOurs: false, IsAddressUnknown: false, IsSpfRewritten: false } && !SpecialPurpose.Is(facts.Client);
    }

    /// <summary>Counts one message.</summary>
    /// <param name="facts">What was found out about it; to be <see cref="IsReportable"/>.</param>
    /// <param name="recipient">The domain of its recipient, or null where there are several.</param>
    /// <param name="handling">What was done with it because of the policy: nothing, or as with quarantine or reject.</param>
    /// <param name="reason">Why that is not what the owner asks for (RFC 9990 3.1.6), or null for a reason that is seen in the facts.</param>
    public void Add(OriginFacts facts, string? recipient, DmarcPolicy handling, string? reason = null)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var day = Day(clock.GetUtcNow());
        var domain = Clean(facts.Dmarc.PolicyDomain!);
        var row = ReportedRowText.Write(Record(facts, recipient, handling, reason));
        lock (_gate)
        {
            Count(day, domain, row, 1);
            // The last policy of the day is the one that is told (RFC 9990 3.1).
            _pending[Key(day, domain, "")] = (day, domain, facts.Dmarc.Record!.Text, 0);
        }
    }

    /// <summary>Hands what was counted since the last time to the state store; called before it is flushed.</summary>
    public void Save()
    {
        lock (_gate)
        {
            var expires = clock.GetUtcNow() + Kept;
            foreach (var (key, (day, domain, text, count)) in _pending)
            {
                var before = count > 0 && _rows.Find(key) is { } known ? known["n"].AsInt64 : 0;
                _rows.Upsert(key, new BsonDocument { ["y"] = day, ["d"] = domain, ["t"] = text, ["n"] = before + count }, expires);
            }
            _pending.Clear();
            if (_sizes.Count > MaxPending)
                _sizes.Clear();
        }
    }

    /// <summary>What there is to be reported about days that are over, the oldest first.</summary>
    public IReadOnlyList<ReportDay> Past()
    {
        var today = Day(clock.GetUtcNow());
        var groups = new Dictionary<(string Day, string Domain), (string? Policy, List<ReportedRecord> Records)>();
        foreach (var (_, row) in _rows.All())
        {
            var key = (row["y"].AsString, row["d"].AsString);
            if (string.CompareOrdinal(key.Item1, today) >= 0)
                continue;
            var group = groups.GetValueOrDefault(key, (null, []));
            if (row["n"].AsInt64 == 0)
                group.Policy = row["t"].AsString;
            else if (ReportedRowText.Read(row["t"].AsString) is { } record)
                group.Records.Add(record with { Count = row["n"].AsInt64 });
            groups[key] = group;
        }
        var past = new List<ReportDay>();
        foreach (var ((day, domain), (policy, records)) in groups)
            if (policy is not null && records.Count > 0 && DmarcRecord.TryParse(policy, out var record)
                && DateOnly.TryParseExact(day, "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
                past.Add(new ReportDay(date, domain, record, records));
        return [.. past.OrderBy(p => p.Day).ThenBy(p => p.Domain, StringComparer.Ordinal)];
    }

    /// <summary>Forgets what was reported.</summary>
    /// <param name="day">The day.</param>
    /// <param name="domain">The policy domain.</param>
    public void Forget(DateOnly day, string domain)
    {
        var text = day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        foreach (var (key, row) in _rows.All())
            if (row["y"].AsString == text && row["d"].AsString == domain)
                _rows.Remove(key);
    }

    private void Count(string day, string domain, string row, long count)
    {
        var key = Key(day, domain, row);
        if (_pending.TryGetValue(key, out var known))
        {
            _pending[key] = known with { Count = known.Count + count };
            return;
        }
        var size = Key(day, domain, "size");
        var rows = _sizes.GetValueOrDefault(size);
        // Beyond what a domain may have only rows are counted that are there already.
        if (_pending.Count >= MaxPending || (rows >= MaxRowsOfDomain && _rows.Find(key) is null))
            return;
        _sizes[size] = rows + 1;
        _pending[key] = (day, domain, row, count);
    }

    private static ReportedRecord Record(OriginFacts facts, string? recipient, DmarcPolicy handling, string? reason)
    {
        var dmarc = facts.Dmarc;
        var passed = dmarc.Result == DmarcResult.Pass;
        var wanted = Published(facts);
        return new ReportedRecord
        {
            Source = facts.Client.ToString(),
            Disposition = passed ? (dmarc.Policy == DmarcPolicy.None ? "none" : "pass") : AggregateReportWriter.Name(handling),
            DkimAligned = dmarc.AlignedDkim is not null,
            SpfAligned = dmarc.AlignedSpf is not null,
            // RFC 9990 3.1.1.9: told wherever a message failed and was not treated as published.
            Reason = passed || handling == wanted ? null
                : reason ?? (dmarc.Result == DmarcResult.TempError ? "other" : handling == dmarc.Policy ? "policy_test_mode" : "local_policy"),
            HeaderFrom = Clean(facts.Author.Domain),
            EnvelopeFrom = facts.Sender is null ? "" : Clean(facts.SpfRequest.Domain),
            EnvelopeTo = recipient is null ? null : Clean(recipient),
            // RFC 9990 3.1.3: the aligned one, others that passed, the rest.
            Dkim =
            [
                .. facts.Dkim.Where(v => v.Signature is not null)
                    .OrderBy(v => v.PassedDomain is null ? 2 : v.PassedDomain == dmarc.AlignedDkim ? 0 : 1)
                    .Take(MaxDkim)
                    .Select(v => new ReportedDkim(Clean(v.Signature!.Domain), Clean(v.Signature.Selector), ResultsField.Name(v.Result))),
            ],
            SpfDomain = Clean(facts.SpfRequest.Domain),
            SpfResult = ReceivedSpf.Name(facts.Spf.Result),
        };
    }

    // What the record says for this author's domain, without the testing mode.
    private static DmarcPolicy Published(OriginFacts facts) =>
        facts.Dmarc is { Policy: var policy, Record.Testing: true } && policy != DmarcPolicy.Reject
            && (policy != DmarcPolicy.None || facts.Dmarc.Record.Policy != DmarcPolicy.None) ? policy + 1 : facts.Dmarc.Policy;

    private static string Key(string day, string domain, string row) => $"{day}|{domain}|{row}";

    private static string Day(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    /// <summary>A name as it may stand in a row: what came from strangers has none of the characters that rows are cut at.</summary>
    private static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length);
        foreach (var c in name.AsSpan(0, Math.Min(name.Length, MaxName)))
            clean.Append(c is > ' ' and < '\x7f' and not (',' or '|' or '~') ? char.ToLowerInvariant(c) : '?');
        return clean.ToString();
    }
}
