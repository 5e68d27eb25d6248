using System.Net;
using HomeMail.Server.Policy;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Learning;

/// <summary>
/// Who was asked to come again, and who came (RFC 6647). A client is remembered by the domain above the host name that reverse DNS proves, else by its network, never by
/// one address of a pool; together with the domain of MAIL FROM. In the state, bounded and aged.
/// </summary>
/// <param name="memory">Where it is kept.</param>
/// <param name="clock">Time.</param>
public sealed class Greylist(StateCollection memory, TimeProvider clock)
{
    private const string First = "f";
    private const string Visits = "n";
    private const string Passed = "p";

    // Who comes back under ever other networks has a queue all the same: that many visits, over that long.
    private const int EnoughVisits = 3;

    private static readonly TimeSpan LongEnough = TimeSpan.FromMinutes(30);

    // Honest servers come again within the day (RFC 6647 3: the window's end).
    private static readonly TimeSpan Window = TimeSpan.FromDays(2);

    // A monthly newsletter is not to wait each time.
    private static readonly TimeSpan Age = TimeSpan.FromDays(36);

    private readonly Lock _gate = new();

    /// <summary>How long a stranger has to wait.</summary>
    public static TimeSpan Wait { get; } = TimeSpan.FromMinutes(5);

    /// <summary>A message has come.</summary>
    /// <param name="client">The client's address.</param>
    /// <param name="provenName">Its host name, if reverse DNS leads there and back; else null.</param>
    /// <param name="senderDomain">The domain of MAIL FROM, or the HELO name.</param>
    /// <returns>When it may come again, or null if it may pass.</returns>
    public DateTimeOffset? Visit(IPAddress client, string? provenName, string senderDomain)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(senderDomain);
        var by = provenName is null ? NetworkName.Near(client) : SenderIdentities.PoolOf(provenName);
        lock (_gate)
        {
            var again = Visit($"{by} {senderDomain.ToLowerInvariant()}", 2, Wait);
            // An empty sender or none with a dot says too little to be remembered by alone.
            var roaming = senderDomain.Contains('.', StringComparison.Ordinal) ? Visit($"* {senderDomain.ToLowerInvariant()}", EnoughVisits, LongEnough) : again;
            return again is null || roaming is null ? null : again;
        }
    }

    private DateTimeOffset? Visit(string key, int visits, TimeSpan wait)
    {
        var now = clock.GetUtcNow();
        var seen = memory.Find(key);
        if (seen is null)
        {
            memory.Upsert(key, new BsonDocument { [First] = now.ToUnixTimeMilliseconds(), [Visits] = 1 }, now + Window);
            return now + wait;
        }
        var first = DateTimeOffset.FromUnixTimeMilliseconds(seen[First].AsInt64);
        // A clock that was ahead must keep nobody out.
        var due = first > now ? now : first + wait;
        var count = seen[Visits].AsInt32 + 1;
        if (seen.ContainsKey(Passed) || (now >= due && count >= visits))
        {
            memory.Upsert(key, new BsonDocument { [First] = seen[First], [Visits] = count, [Passed] = true }, now + Age);
            return null;
        }
        memory.Upsert(key, new BsonDocument { [First] = seen[First], [Visits] = count }, now + Window);
        return due > now ? due : now + wait;
    }
}
