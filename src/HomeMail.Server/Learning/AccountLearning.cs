using HomeMail.Protocol.Message;
using HomeMail.Server.Policy;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;

namespace HomeMail.Server.Learning;

/// <summary>
/// What each account learns, and what it then says of new mail. Marks come from whoever serves the mailbox; each message counts once, however often it is marked,
/// and a mark that is taken back moves it to the other side. Safe for use from any thread.
/// </summary>
/// <param name="folder">Where the tables of words are kept, a file an account.</param>
/// <param name="reputation">What is known of senders.</param>
/// <param name="hostname">Our name, asked for anew each time.</param>
/// <param name="log">The log.</param>
public sealed class AccountLearning(string folder, Reputation reputation, Func<string> hostname, Log log)
{
    // Of mail from those whom the user writes to the classifier learns by itself, but not more than what there is of junk twice over.
    private const int SelfTaught = 200;

    private readonly Lock _gate = new();

    /// <summary>The user has said, or shown by moving it, that a message is junk.</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">The message's file.</param>
    public void Junk(string account, IFile message) => Mark(account, MessageSample.Of(message), junk: true);

    /// <summary>The user has said, or shown by moving it out of Junk or Rejects, that a message is none.</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">The message's file.</param>
    public void NotJunk(string account, IFile message) => Mark(account, MessageSample.Of(message), junk: false);

    /// <summary>The user has sent mail to somebody.</summary>
    /// <param name="account">The account.</param>
    /// <param name="recipient">To whom.</param>
    public void WroteTo(string account, Address recipient)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        reputation.WroteTo(account, recipient.Key);
    }

    /// <summary>What is known of a message that comes in.</summary>
    /// <param name="account">The account it is for.</param>
    /// <param name="identities">What its sender is known by.</param>
    /// <param name="sample">Makes the sample; called only where there is a table to hold it against.</param>
    public RecipientFacts Look(string account, IReadOnlyList<SenderIdentity> identities, Func<MessageSample> sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        var facts = reputation.Look(account, identities, new RecipientFacts { Account = account });
        if (facts.IsCorrespondent || facts.Standing == Standing.Good)
            return facts;
        return Use(account, create: false, table =>
            table is { Good: >= Classifier.EnoughOfEach, Junk: >= Classifier.EnoughOfEach } ? facts with { Junk = Classifier.Junk(table, sample().Tokens) } : facts, facts);
    }

    /// <summary>A message of somebody whom the user writes to was delivered: its words are those of wanted mail.</summary>
    /// <param name="account">The account.</param>
    /// <param name="sample">The message.</param>
    public void Delivered(string account, Func<MessageSample> sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        Use(account, create: true, table =>
        {
            if (table!.Good < SelfTaught + (2 * table.Junk))
                Learn(table, sample(), junk: false);
            return true;
        }, false);
    }

    private void Mark(string account, MessageSample sample, bool junk)
    {
        var before = Use(account, create: true, table => (Known: true, As: Learn(table!, sample, junk)), default);
        if (!before.Known || before.As == junk)
            return;
        var identities = sample.Identities(hostname());
        // What was learned by itself was never counted for the sender.
        var takenBack = before.As is null ? 0 : -1;
        reputation.Count(account, identities, junk ? 1 : takenBack, junk ? takenBack : 1);
    }

    /// <summary>As what the message was known before.</summary>
    private static bool? Learn(TokenTable table, MessageSample sample, bool junk)
    {
        var key = sample.Key;
        var before = table.LearnedAs(key);
        if (before == junk)
            return before;
        if (before is { } other)
            table.Learn(sample.Tokens, other, -1);
        table.Learn(sample.Tokens, junk, 1);
        table.Mark(key, junk);
        return before;
    }

    private T Use<T>(string account, bool create, Func<TokenTable?, T> action, T otherwise)
    {
        lock (_gate)
        {
            try
            {
                using var table = TokenTable.Open(Path.Combine(folder, account.ToLowerInvariant() + ".tokens"), create);
                return action(table);
            }
            catch (StorageException error)
            {
                log.Error("learning", ("account", account), ("what", error.Message), ("then", "words are not looked at"));
                return otherwise;
            }
        }
    }
}
