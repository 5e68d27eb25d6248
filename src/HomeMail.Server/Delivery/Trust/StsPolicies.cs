using HomeMail.Protocol.MtaSts;
using HomeMail.Server.Dns;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Delivery.Trust;

/// <summary>
/// The MTA-STS policies of destinations (RFC 8461): announced in DNS, fetched over HTTPS, kept in state for as long as they say. A policy that is kept holds
/// whatever DNS and the policy's host say or fail to say until it has run out; so nobody who stands in the way later can undo it.
/// </summary>
/// <param name="dns">Look-ups.</param>
/// <param name="fetch">Fetches policies.</param>
/// <param name="state">The store; <see cref="StateStore.MayExpire"/> says whether policies can run out.</param>
/// <param name="results">Takes failures, or null.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class StsPolicies(IMailResolver dns, PolicyFetch fetch, StateStore state, TlsResults? results, TimeProvider clock, Log log)
{
    private const int MostKept = 2000;
    private const int MostInMemory = 256;

    // RFC 8461 3.3: after a failure not more often than every five minutes; 5.1: looked at again daily.
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Refresh = TimeSpan.FromDays(1);

    private readonly StateCollection _kept = state.Collection("sts", MostKept);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Task<Entry?>> _fetching = new(StringComparer.Ordinal);

    /// <summary>The policy of a domain that counts now.</summary>
    /// <param name="domain">The domain, in ASCII.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The policy, perhaps of mode none, or null if there is none; and whether there may be one that could not be had.</returns>
    public async ValueTask<(StsPolicy? Policy, bool IsUncertain)> FindAsync(string domain, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(domain);
        domain = domain.ToLowerInvariant();
        var known = Recall(domain);
        var answer = await dns.TxtAsync("_mta-sts." + domain, cancel).ConfigureAwait(false);
        var id = answer.Status == DnsStatus.Found ? StsRecord.FindId(answer.Records) : null;
        if (id is null)
            return (known.Entry?.Policy, known.Entry is null && answer.Status == DnsStatus.TemporaryFailure);
        var isOther = known.Entry?.Id != id;
        if (isOther ? MayFetch(known, id) : IsDue(known))
        {
            var fetching = Fetch(domain, id);
            // What is only looked at again does not keep mail waiting.
            if (isOther)
                known = new Known(await fetching.WaitAsync(cancel).ConfigureAwait(false) ?? Recall(domain).Entry);
        }
        return (known.Entry?.Policy, known.Entry is null);
    }

    private bool MayFetch(Known known, string id) =>
        known.FailedId != id || clock.GetElapsedTime(known.FailedAt) >= AfterFailure;

    private bool IsDue(Known known) =>
        clock.GetUtcNow() - known.Entry!.Fetched >= Refresh && (known.FailedId is null || clock.GetElapsedTime(known.FailedAt) >= AfterFailure);

    private Task<Entry?> Fetch(string domain, string id)
    {
        lock (_gate)
        {
            if (!_fetching.TryGetValue(domain, out var running))
                _fetching[domain] = running = FetchAsync(domain, id);
            return running;
        }
    }

    private async Task<Entry?> FetchAsync(string domain, string id)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the caller's lock
        FetchedPolicy fetched;
        try
        {
            fetched = await fetch.FetchAsync(domain, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            log.Error("sts-bug", ("domain", domain), ("error", e.ToString()));
            fetched = new FetchedPolicy(null, TlsResult.StsPolicyFetchError, "an error of this server");
        }
        lock (_gate)
        {
            _fetching.Remove(domain);
            if (fetched.Policy is { } policy)
            {
                var entry = new Entry(id, policy, clock.GetUtcNow());
                Remember(domain, new Known(entry));
                _kept.Upsert(domain, entry.ToDocument(), entry.Expires);
                log.Info("sts-policy", ("domain", domain), ("id", id), ("mode", policy.Mode.ToString().ToLowerInvariant()), ("max-age", (long)policy.MaxAge.TotalSeconds));
                return entry;
            }
            Remember(domain, Recalled(domain) with { FailedId = id, FailedAt = clock.GetTimestamp() });
        }
        log.Info("sts-failed", ("domain", domain), ("id", id), ("what", fetched.Problem));
        results?.Add(domain, TlsPolicyKind.Sts, fetched.Result, "mta-sts." + domain);
        return null;
    }

    private Known Recall(string domain)
    {
        lock (_gate)
        {
            var known = Recalled(domain);
            Remember(domain, known);
            return known;
        }
    }

    private Known Recalled(string domain)
    {
        if (!_known.TryGetValue(domain, out var known))
            known = new Known(_kept.Find(domain) is { } document ? Entry.Of(document) : null);
        return known.Entry is { } entry && state.MayExpire && entry.Expires < clock.GetUtcNow() ? known with { Entry = null } : known;
    }

    private void Remember(string domain, Known known)
    {
        if (_known.Count >= MostInMemory && !_known.ContainsKey(domain))
            _known.Clear();
        _known[domain] = known;
    }

    private sealed record Known(Entry? Entry, string? FailedId = null, long FailedAt = 0);

    private sealed record Entry(string Id, StsPolicy Policy, DateTimeOffset Fetched)
    {
        public DateTimeOffset Expires => Fetched + Policy.MaxAge;

        public static Entry Of(BsonDocument document) => new(
            document["id"].AsString,
            new StsPolicy((StsMode)document["mode"].AsInt32, [.. document["mx"].AsArray.Select(mx => mx.AsString)], TimeSpan.FromSeconds(document["age"].AsInt64)),
            DateTimeOffset.FromUnixTimeMilliseconds(document["fetched"].AsInt64));

        public BsonDocument ToDocument() => new()
        {
            ["id"] = Id,
            ["mode"] = (int)Policy.Mode,
            ["mx"] = new BsonArray(Policy.Hosts.Select(host => new BsonValue(host))),
            ["age"] = (long)Policy.MaxAge.TotalSeconds,
            ["fetched"] = Fetched.ToUnixTimeMilliseconds(),
        };
    }
}
