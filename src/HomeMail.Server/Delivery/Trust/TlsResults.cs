using System.Globalization;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Delivery.Trust;

/// <summary>How often encryption to a domain has gone well and how it has not, on one day and under one kind of policy.</summary>
/// <param name="Day">The day (UTC).</param>
/// <param name="Domain">The policy domain (RFC 8460 1.1).</param>
/// <param name="PolicyType"><c>tlsa</c>, <c>sts</c> or <c>no-policy-found</c> (RFC 8460 4.2).</param>
/// <param name="Successes">Sessions that were as the policy asks.</param>
/// <param name="Failures">Sessions that were not, by result type and host: <c>certificate-expired mx.example.net</c>.</param>
public sealed record TlsTally(DateOnly Day, string Domain, string PolicyType, int Successes, IReadOnlyDictionary<string, int> Failures);

/// <summary>What became of encryption, counted by day and policy domain as reports ask for it (TLSRPT, RFC 8460), in state.</summary>
/// <param name="state">The store.</param>
/// <param name="clock">Time.</param>
public sealed class TlsResults(StateStore state, TimeProvider clock)
{
    private const string DayFormat = "yyyy-MM-dd";
    private const int MostKept = 5000;

    // A report is due the day after (RFC 8460 4.1); some more are kept for whoever looks.
    private static readonly TimeSpan Age = TimeSpan.FromDays(8);

    // Hosts are named by strangers' MX records; so many of them are told apart.
    private const int MostFailures = 40;

    private readonly StateCollection _tallies = state.Collection("tlsrpt", MostKept);
    private readonly Lock _gate = new();

    /// <summary>Counts one session, or one policy that could not be had.</summary>
    /// <param name="domain">The policy domain, in ASCII.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="result">What has become of it.</param>
    /// <param name="host">The host.</param>
    public void Add(string domain, TlsPolicyKind policy, TlsResult result, string host)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(host);
        if (domain.Length == 0)
            return;
        var now = clock.GetUtcNow();
        var key = string.Create(CultureInfo.InvariantCulture, $"{now.UtcDateTime.ToString(DayFormat, CultureInfo.InvariantCulture)} {policy.ReportType()} {domain.ToLowerInvariant()}");
        lock (_gate)
        {
            var successes = 0;
            var failures = new BsonDocument();
            if (_tallies.Find(key) is { } before)
            {
                successes = before["ok"].AsInt32;
                foreach (var (name, count) in before["bad"].AsDocument)
                    failures[name] = count;
            }
            // LiteDB has no dots in the names of fields.
            var kind = result.Name();
            var field = $"{kind} {host.ToLowerInvariant().Replace('.', '/')}";
            if (result == TlsResult.Success)
                successes++;
            else if (failures.ContainsKey(field) || failures.Count < MostFailures)
                failures[field] = failures[field].IsNull ? 1 : failures[field].AsInt32 + 1;
            else
                failures[kind] = failures[kind].IsNull ? 1 : failures[kind].AsInt32 + 1;
            _tallies.Upsert(key, new BsonDocument { ["ok"] = successes, ["bad"] = failures }, now + Age);
        }
    }

    /// <summary>What was counted on a day, by domain and kind of policy.</summary>
    /// <param name="day">The day (UTC).</param>
    public IReadOnlyList<TlsTally> Of(DateOnly day)
    {
        var prefix = day.ToString(DayFormat, CultureInfo.InvariantCulture) + " ";
        var found = new List<TlsTally>();
        foreach (var (key, document) in _tallies.All())
        {
            if (!key.StartsWith(prefix, StringComparison.Ordinal) || key.Split(' ') is not [_, var type, var domain])
                continue;
            found.Add(new TlsTally(
                day, domain, type, document["ok"].AsInt32,
                document["bad"].AsDocument.ToDictionary(pair => pair.Key.Replace('/', '.'), pair => pair.Value.AsInt32, StringComparer.Ordinal)));
        }
        found.Sort(static (a, b) => string.CompareOrdinal(a.Domain + " " + a.PolicyType, b.Domain + " " + b.PolicyType));
        return found;
    }

    /// <summary>Today's counts over all domains, by the names of results.</summary>
    public IReadOnlyDictionary<string, int> Today()
    {
        var sums = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var tally in Of(DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime)))
        {
            if (tally.Successes > 0)
                sums[TlsResult.Success.Name()] = sums.GetValueOrDefault(TlsResult.Success.Name()) + tally.Successes;
            foreach (var (failure, count) in tally.Failures)
                sums[failure.Split(' ')[0]] = sums.GetValueOrDefault(failure.Split(' ')[0]) + count;
        }
        return sums;
    }
}
