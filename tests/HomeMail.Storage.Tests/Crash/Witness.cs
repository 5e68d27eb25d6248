using System.Text;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests.Crash;

/// <summary>What was lost beyond what the crash took.</summary>
public enum Lost
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>Every journal: flags, and what was expunged.</summary>
    Journals,

    /// <summary>Every journal and every reservation.</summary>
    Reservations,
}

/// <summary>
/// What the world outside was told: which messages were accepted for whom, which UIDs meant which message, which flags stood.
/// After a crash the store is held to it.
/// </summary>
public sealed class Witness
{
    private readonly Dictionary<(uint Validity, string MailboxId, uint Uid), string> _seen = [];
    private readonly Dictionary<(string Mailbox, string Content), (MessageFlags Flags, string Keywords)> _flags = [];
    private readonly HashSet<(string Mailbox, string Content)> _accepted = [];
    private readonly HashSet<(string Mailbox, string Content)> _gone = [];
    private readonly Dictionary<string, (uint Validity, ulong ModSeq)> _modSeqs = [];

    private readonly Dictionary<MessageId, string?> _queued = [];
    private readonly HashSet<MessageId> _closed = [];
    private readonly HashSet<(string From, string To, string Content)> _moving = [];
    private readonly List<(string Mailbox, List<string> Contents)> _together = [];

    /// <summary>The whole text of each message that was ever begun: what is found must be one of these, unabridged.</summary>
    public HashSet<string> Contents { get; } = [];

    /// <summary>A message was answered 250 for a mailbox.</summary>
    public void Accepted(string mailbox, string content)
    {
        _accepted.Add((mailbox, content));
        _gone.Remove((mailbox, content));
    }

    /// <summary>Messages were acknowledged to be expunged from a mailbox.</summary>
    public void Gone(string mailbox, string content)
    {
        _accepted.Remove((mailbox, content));
        _gone.Add((mailbox, content));
        _flags.Remove((mailbox, content));
    }

    /// <summary>From now on nothing is known of this message in this mailbox: a change was begun and has not been answered.</summary>
    public void Unsure(string mailbox, string content)
    {
        _accepted.Remove((mailbox, content));
        _flags.Remove((mailbox, content));
    }

    /// <summary>A message is being moved: it must be in one of the two, and may be in both.</summary>
    public void Moving(string from, string to, string content)
    {
        Unsure(from, content);
        _moving.Add((from, to, content));
    }

    /// <summary>Messages come in as one: all of them are there, or none.</summary>
    public void Together(string mailbox, List<string> contents) => _together.Add((mailbox, contents));

    /// <summary>The move was acknowledged.</summary>
    public void Moved(string from, string to, string content) => _moving.Remove((from, to, content));

    /// <summary>Flags were acknowledged.</summary>
    public void Flagged(string mailbox, string content, MessageFlags flags, string keywords = "") => _flags[(mailbox, content)] = (flags, keywords);

    /// <summary>Flags are being changed.</summary>
    public void FlagsUnsure(string mailbox, string content) => _flags.Remove((mailbox, content));

    /// <summary>A message was answered 250 and is queued, its recipients having these statuses; null if they are being changed.</summary>
    public void Queued(MessageId id, string? statuses) => _queued[id] = statuses;

    /// <summary>A message is being closed: it may be there or not.</summary>
    public void Closing(MessageId id) => _queued.Remove(id);

    /// <summary>A message has been closed.</summary>
    public void Closed(MessageId id)
    {
        _queued.Remove(id);
        _closed.Add(id);
    }

    /// <summary>Checks what a start found queued.</summary>
    public void CheckQueue(DataFolder data, IReadOnlyList<QueueEntry> entries)
    {
        foreach (var entry in entries)
        {
            var envelope = data.Spool.LoadEnvelope(entry.Id);
            Assert.NotNull(envelope);
            Assert.Contains(Text(data.Spool.OpenMessage(entry.Id)), Contents);
            Assert.DoesNotContain(envelope.Recipients, recipient => recipient.Status == RecipientStatus.Local);
            Assert.DoesNotContain(entry.Id, _closed);
        }
        foreach (var (id, statuses) in _queued)
        {
            Assert.Contains(entries, entry => entry.Id == id);
            if (statuses is not null)
                Assert.Equal(statuses, Statuses(data.Spool.LoadEnvelope(id)!));
        }
    }

    /// <summary>The statuses of an envelope's remote recipients, with their last replies.</summary>
    public static string Statuses(Envelope envelope) =>
        string.Join(' ', envelope.Recipients.Where(recipient => recipient.Local is null).Select(recipient => $"{(char)recipient.Status}{recipient.Attempts}{recipient.LastReply}"));

    /// <summary>A copy, to be held against one state.</summary>
    public Witness Copy()
    {
        var copy = new Witness();
        foreach (var (key, value) in _seen)
            copy._seen.Add(key, value);
        foreach (var (key, value) in _flags)
            copy._flags.Add(key, value);
        foreach (var (key, value) in _modSeqs)
            copy._modSeqs.Add(key, value);
        foreach (var (key, value) in _queued)
            copy._queued.Add(key, value);
        copy._accepted.UnionWith(_accepted);
        copy._gone.UnionWith(_gone);
        copy._closed.UnionWith(_closed);
        copy._moving.UnionWith(_moving);
        copy._together.AddRange(_together);
        copy.Contents.UnionWith(Contents);
        return copy;
    }

    /// <summary>A client looks at all mailboxes and remembers what it sees.</summary>
    public void Look(DataFolder data, params string[] accounts)
    {
        foreach (var account in accounts)
            foreach (var mailbox in data.Mail.Account(account).Mailboxes())
            {
                if (!mailbox.IsSelectable)
                    continue;
                foreach (var (uid, content) in Messages(mailbox))
                    Remember(mailbox, uid, content);
                var status = mailbox.Status();
                _modSeqs[account + "/" + mailbox.Name] = (status.UidValidity, status.HighestModSeq);
            }
    }

    /// <summary>A UID was told.</summary>
    public void Remember(Mailbox mailbox, uint uid, string content)
    {
        var key = (mailbox.Status().UidValidity, mailbox.Account.Name + "/" + mailbox.MailboxId, uid);
        Assert.True(!_seen.TryGetValue(key, out var before) || before == content, $"UID {uid} of {mailbox.Name} meant '{before}' and means '{content}'");
        _seen[key] = content;
    }

    /// <summary>Checks everything after a crash, and perhaps the loss of more.</summary>
    public void Check(DataFolder data, Lost lost, params string[] accounts)
    {
        var flagsKnown = lost == Lost.Nothing;
        var found = new Dictionary<(string Mailbox, string Content), MessageInfo>();
        foreach (var account in accounts)
            foreach (var mailbox in data.Mail.Account(account).Mailboxes())
            {
                if (!mailbox.IsSelectable)
                    continue;
                var name = account + "/" + mailbox.Name;
                foreach (var (uid, content) in Messages(mailbox))
                {
                    Assert.True(Contents.Contains(content), $"{name} {uid} is torn: '{content}'");
                    Assert.True(mailbox.TryGet(uid, out var info));

                    // With journal and reservation gone nobody knows what an intent's UID meant: it may come twice then.
                    Assert.True(found.TryAdd((name, content), info) || lost == Lost.Reservations, $"'{content}' is twice in {name}");
                    Assert.Equal(content.Length, (int)info.Size);
                    if (flagsKnown && _flags.TryGetValue((name, content), out var flags))
                        Assert.Equal(flags, (info.Flags, string.Join(' ', mailbox.KeywordNames(info.Keywords))));
                }
                var status = mailbox.Status();
                if (_modSeqs.TryGetValue(name, out var told) && told.Validity == status.UidValidity)
                    Assert.True(status.HighestModSeq >= told.ModSeq, $"HIGHESTMODSEQ of {name} fell");
            }
        foreach (var (mailbox, content) in _accepted)
            Assert.True(found.ContainsKey((mailbox, content)), $"'{content}' was accepted for {mailbox} and is not there");
        foreach (var (from, to, content) in _moving)
            Assert.True(found.ContainsKey((from, content)) || found.ContainsKey((to, content)), $"'{content}' was moved from {from} to {to} and is in neither");
        if (flagsKnown)
            foreach (var (mailbox, contents) in _together)
                Assert.Single(contents.Select(content => found.ContainsKey((mailbox, content))).Distinct());
        if (flagsKnown)
            foreach (var (mailbox, content) in _gone)
                Assert.False(found.ContainsKey((mailbox, content)), $"'{content}' was expunged from {mailbox} and is there again");
        Look(data, accounts);
    }

    public static IEnumerable<(uint Uid, string Content)> Messages(Mailbox mailbox)
    {
        foreach (var uid in mailbox.Uids(out _))
            yield return (uid, Text(mailbox.OpenMessage(uid)));
    }

    public static string Text(IFile file)
    {
        using (file)
        {
            var octets = new byte[file.Length];
            file.Read(octets, 0);
            return Encoding.UTF8.GetString(octets);
        }
    }
}
