using HomeMail.Server.Policy;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Learning;

/// <summary>
/// What each account's marks say of senders: counts of wanted mail and junk for each identity, and whom the user has written to. In the state, bounded
/// and aged: what is not seen for a year is forgotten.
/// </summary>
/// <param name="memory">Where it is kept.</param>
/// <param name="clock">Time.</param>
public sealed class Reputation(StateCollection memory, TimeProvider clock)
{
    private const string Good = "g";
    private const string Bad = "j";
    private const string Written = "w";

    // The share of one kind from which an identity is of that kind.
    private const double Clear = 0.8;

    // One mark says enough of an address; of what many share more are needed, and most of a network.
    private const int EnoughOfSender = 1;
    private const int EnoughOfDomain = 2;
    private const int EnoughOfNetwork = 4;

    // From this many on, with none of the other kind, mail is refused.
    private const int Hopeless = 8;

    private static readonly TimeSpan Age = TimeSpan.FromDays(365);

    private readonly Lock _gate = new();

    /// <summary>What is known of a sender.</summary>
    /// <param name="account">Whose memory.</param>
    /// <param name="identities">What the sender is known by, the most particular first.</param>
    /// <param name="recipient">Takes the answer: it is set in a copy of this.</param>
    public RecipientFacts Look(string account, IReadOnlyList<SenderIdentity> identities, RecipientFacts recipient)
    {
        ArgumentNullException.ThrowIfNull(identities);
        ArgumentNullException.ThrowIfNull(recipient);
        foreach (var identity in identities)
        {
            if (memory.Find(Key(account, identity)) is not { } counts)
                continue;
            var standing = StandingOf(identity.Kind, counts[Good].AsInt32, counts[Bad].AsInt32);
            if (identity.Kind == 's' && counts.ContainsKey(Written) && standing is Standing.Unknown or Standing.Good or Standing.Mixed)
                return recipient with { IsCorrespondent = true };
            if (standing != Standing.Unknown)
                return recipient with { Standing = standing, StandingOf = identity.ToString() };
        }
        return recipient;
    }

    /// <summary>Counts a mark, or takes one back.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="identities">What the sender is known by.</param>
    /// <param name="junk">The change of the count of junk.</param>
    /// <param name="good">The change of the count of wanted mail.</param>
    public void Count(string account, IReadOnlyList<SenderIdentity> identities, int junk, int good)
    {
        ArgumentNullException.ThrowIfNull(identities);
        lock (_gate)
        {
            foreach (var identity in identities)
            {
                var key = Key(account, identity);
                var counts = Copy(memory.Find(key));
                counts[Good] = Math.Max(0, counts[Good].AsInt32 + good);
                counts[Bad] = Math.Max(0, counts[Bad].AsInt32 + junk);
                memory.Upsert(key, counts, clock.GetUtcNow() + Age);
            }
        }
    }

    /// <summary>The user has written to somebody.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="address">The address as text.</param>
    public void WroteTo(string account, string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        lock (_gate)
        {
            var key = Key(account, new SenderIdentity('s', address.ToLowerInvariant()));
            var counts = Copy(memory.Find(key));
            counts[Written] = 1;
            memory.Upsert(key, counts, clock.GetUtcNow() + Age);
        }
    }

    private static Standing StandingOf(char kind, int good, int junk)
    {
        var all = good + junk;
        if (all < (kind switch { 's' => EnoughOfSender, 'n' => EnoughOfNetwork, _ => EnoughOfDomain }))
            return Standing.Unknown;
        if (good == 0 && junk >= Hopeless)
            return Standing.Hopeless;
        return junk >= Clear * all ? Standing.Bad : good >= Clear * all ? Standing.Good : Standing.Mixed;
    }

    private static BsonDocument Copy(BsonDocument? counts)
    {
        var copy = new BsonDocument { [Good] = counts?[Good].AsInt32 ?? 0, [Bad] = counts?[Bad].AsInt32 ?? 0 };
        if (counts?.ContainsKey(Written) == true)
            copy[Written] = 1;
        return copy;
    }

    private static string Key(string account, SenderIdentity identity) => $"{account}\t{identity.Kind}{identity.Name}";
}
