using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Intake;

/// <summary>
/// How much each account sends: messages, and recipients that it has never written to. A stolen password is to send hundreds of messages and not a hundred
/// thousand. A day is one of UTC, so that what a reply promises is the same for everybody and one number is all there is to keep. Counters are in state: they
/// survive a restart, and begin anew where state is lost.
/// </summary>
/// <param name="counters">What was sent today, by account.</param>
/// <param name="known">Whom each account has written to.</param>
/// <param name="clock">The time.</param>
public sealed class AccountLimits(StateCollection counters, StateCollection known, TimeProvider clock)
{
    /// <summary>How many messages one alias or rule may send on to the outside in a day.</summary>
    public const int ForwardsPerDay = 1000;

    // Whom one has not written to for so long is new again.
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(400);

    // What is known is written again only now and then: each write is flash.
    private static readonly TimeSpan Refreshed = TimeSpan.FromDays(60);

    private readonly Lock _gate = new();

    /// <summary>Asks whether an account may send one message more today.</summary>
    /// <param name="account">The account.</param>
    /// <returns>Null if so, otherwise the reply, which says until when not.</returns>
    public SmtpReply? CheckMessage(HostedAccount account)
    {
        ArgumentNullException.ThrowIfNull(account);
        lock (_gate)
            return MessageLimit(account, Today(account.Name).Messages);
    }

    /// <summary>Asks whether an account may write to one recipient more.</summary>
    /// <param name="account">The account.</param>
    /// <param name="fresh">Those of the message's recipients that it has never written to, by their keys; gets this one, if it is let in and is such.</param>
    /// <param name="recipient">The recipient.</param>
    /// <returns>Null if so, otherwise the reply, which says until when not.</returns>
    public SmtpReply? CheckRecipient(HostedAccount account, HashSet<string> fresh, Address recipient)
    {
        ArgumentNullException.ThrowIfNull(account);
        ArgumentNullException.ThrowIfNull(fresh);
        ArgumentNullException.ThrowIfNull(recipient);
        if (account.NewRecipientsPerDay is not { } most)
            return null;
        lock (_gate)
        {
            if (!IsNew(account.Name, recipient) || !fresh.Add(recipient.Key) || Today(account.Name).Recipients + fresh.Count <= most)
                return null;
            fresh.Remove(recipient.Key);
            return NewLimit(most);
        }
    }

    /// <summary>Counts a message that is about to be accepted. Two sessions may have asked before either counted, so it is asked once more.</summary>
    /// <param name="account">The account.</param>
    /// <param name="recipients">The recipients it named.</param>
    /// <returns>Null if it is counted, otherwise the reply, and nothing is.</returns>
    public SmtpReply? Take(HostedAccount account, IReadOnlyList<Address> recipients)
    {
        ArgumentNullException.ThrowIfNull(account);
        ArgumentNullException.ThrowIfNull(recipients);
        lock (_gate)
        {
            var (messages, before) = Today(account.Name);
            if (MessageLimit(account, messages) is { } full)
                return full;
            var fresh = New(account.Name, recipients);
            if (account.NewRecipientsPerDay is { } most && fresh.Count > 0 && before + fresh.Count > most)
                return NewLimit(most);
            Set(account.Name, messages + 1, before + fresh.Count);
            var now = clock.GetUtcNow();
            foreach (var recipient in recipients)
                if (known.Find(Pair(account.Name, recipient)) is not { } found || now - Seen(found) > Refreshed)
                    known.Upsert(Pair(account.Name, recipient), new BsonDocument { ["seen"] = now.ToUnixTimeSeconds() }, now + Remembered);
            return null;
        }
    }

    /// <summary>Takes back a message that was counted and could not be stored; whom it was for stays known.</summary>
    /// <param name="account">The account.</param>
    public void GiveBack(HostedAccount account)
    {
        ArgumentNullException.ThrowIfNull(account);
        lock (_gate)
        {
            var (messages, recipients) = Today(account.Name);
            Set(account.Name, Math.Max(0, messages - 1), recipients);
        }
    }

    /// <summary>Asks whether an alias or rule may send one message more to the outside today.</summary>
    /// <param name="by">The alias's address or the account's name.</param>
    public bool MayForward(string by)
    {
        lock (_gate)
            return Today(Forwarder(by)).Messages < ForwardsPerDay;
    }

    /// <summary>Counts a message that is sent on. False if it may not be.</summary>
    /// <param name="by">The alias's address or the account's name.</param>
    public bool TakeForward(string by)
    {
        lock (_gate)
        {
            var (messages, _) = Today(Forwarder(by));
            if (messages >= ForwardsPerDay)
                return false;
            Set(Forwarder(by), messages + 1, 0);
            return true;
        }
    }

    /// <summary>The reply to what an alias may not send on today.</summary>
    public SmtpReply ForwardLimit() => SmtpReplies.AccountLimit($"{ForwardsPerDay} messages a day are sent on from this address", Midnight());

    private SmtpReply? MessageLimit(HostedAccount account, int messages) =>
        account.SendsPerDay is { } most && messages >= most ? SmtpReplies.AccountLimit($"{most} messages a day", Midnight()) : null;

    private SmtpReply NewLimit(int most) => SmtpReplies.AccountLimit($"{most} new recipients a day", Midnight());

    private DateTimeOffset Midnight() => new DateTimeOffset(clock.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero).AddDays(1);

    private HashSet<string> New(string account, IEnumerable<Address> recipients) =>
        [.. recipients.Where(recipient => IsNew(account, recipient)).Select(static recipient => recipient.Key)];

    private bool IsNew(string account, Address recipient) => known.Find(Pair(account, recipient)) is null;

    private (int Messages, int Recipients) Today(string name) =>
        counters.Find(name.ToLowerInvariant()) is { } found && found["day"].AsInt32 == Day() ? (found["messages"].AsInt32, found["recipients"].AsInt32) : (0, 0);

    private void Set(string name, int messages, int recipients) => counters.Upsert(
        name.ToLowerInvariant(), new BsonDocument { ["day"] = Day(), ["messages"] = messages, ["recipients"] = recipients }, Midnight());

    private int Day() => (int)(clock.GetUtcNow().ToUnixTimeSeconds() / 86_400);

    private static DateTimeOffset Seen(BsonDocument found) => DateTimeOffset.FromUnixTimeSeconds(found["seen"].AsInt64);

    // No account's name has a space.
    private static string Forwarder(string by) => "forward " + by;

    private static string Pair(string account, Address recipient) => $"{account.ToLowerInvariant()} {recipient.Key}";
}
