using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests.Crash;

/// <summary>Each operation of the store, with the power gone after every step. The number of crash points is printed.</summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    private static readonly UidRange[] All = [new UidRange(1, uint.MaxValue)];

    private static readonly MessageId Queued = MessageId.New(TimeProvider.System);

    private CrashLab Lab(string name) => new(name, output);

    private static Task Nothing(DataFolder data, Witness witness) => Task.CompletedTask;

    /// <summary>Mailboxes with messages, flags and something expunged.</summary>
    private static async Task SomeMail(DataFolder data, Witness witness)
    {
        await CrashLab.CommitAsync(data, witness, "one", false, new LocalDelivery("alice", "INBOX"));
        await CrashLab.CommitAsync(data, witness, "two", false, new LocalDelivery("alice", "INBOX") { Flags = MessageFlags.Seen, Keywords = ["$k"] });
        var gone = await CrashLab.CommitAsync(data, witness, "three", false, new LocalDelivery("alice", "INBOX"));
        await CrashLab.CommitAsync(data, witness, "four", false, new LocalDelivery("alice", "Work/Old"));
        await data.Mail.Account("alice").Find("INBOX")!.ExpungeAsync([new UidRange(3, 3)], onlyDeleted: false);
        witness.Gone("alice/INBOX", gone);
    }

    private static async Task SomeQueue(DataFolder data, Witness witness) =>
        await CrashLab.CommitAsync(data, witness, Queued, "queued", true);

    [Fact]
    public Task Accept_for_one_mailbox() => Lab("accept for one mailbox").RunAsync(SomeMail, async (data, witness) =>
    {
        await CrashLab.CommitAsync(data, witness, "new", false, new LocalDelivery("alice", "INBOX"));
        await CrashLab.CommitAsync(data, witness, "newer", false, new LocalDelivery("alice", "INBOX") { Flags = MessageFlags.Flagged, Keywords = ["$new"], Reason = "because" });
    }, twice: true);

    [Fact]
    public Task Accept_on_an_empty_folder() => Lab("accept on an empty folder").RunAsync(Nothing, async (data, witness) =>
        await CrashLab.CommitAsync(data, witness, "first", false, new LocalDelivery("alice", "Junk")), twice: true);

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    public Task Several_for_one_mailbox_all_or_none(int count) => Lab($"{count} for one mailbox").RunAsync(SomeMail, async (data, witness) =>
    {
        await CrashLab.CommitAllAsync(data, witness, count, new LocalDelivery("alice", "INBOX") { Flags = MessageFlags.Draft, Keywords = ["$together"] });
        await CrashLab.CommitAsync(data, witness, "newer", false, new LocalDelivery("alice", "INBOX"));
    }, twice: count == 2);

    [Fact]
    public Task Accept_for_five_mailboxes() => Lab("accept for five mailboxes").RunAsync(SomeMail, async (data, witness) =>
        await CrashLab.CommitAsync(data, witness, "five", false,
            new LocalDelivery("alice", "INBOX"), new LocalDelivery("alice", "Work/Old") { Keywords = ["$a"] }, new LocalDelivery("bob", "INBOX"),
            new LocalDelivery("bob", "Lists") { Flags = MessageFlags.Seen }, new LocalDelivery("bob", "Junk")));

    [Fact]
    public Task Accept_for_mailbox_and_queue() => Lab("accept for mailbox and queue").RunAsync(SomeMail, async (data, witness) =>
        await CrashLab.CommitAsync(data, witness, "both", true, new LocalDelivery("alice", "INBOX"), new LocalDelivery("bob", "INBOX")), twice: true);

    [Fact]
    public Task Accept_for_the_queue() => Lab("accept for the queue").RunAsync(Nothing, async (data, witness) =>
        await CrashLab.CommitAsync(data, witness, "out", true), twice: true);

    [Fact]
    public Task Several_at_once() => Lab("several accepted at once").RunAsync(SomeMail, async (data, witness) =>
    {
        var first = CrashLab.CommitAsync(data, witness, "a", false, new LocalDelivery("alice", "INBOX"));
        var second = CrashLab.CommitAsync(data, witness, "b", false, new LocalDelivery("alice", "INBOX"), new LocalDelivery("bob", "INBOX"));
        var third = CrashLab.CommitAsync(data, witness, "c", true);
        await Task.WhenAll(first, second, third);
    });

    [Fact]
    public Task Retry() => Lab("retry").RunAsync(SomeQueue, async (data, witness) =>
    {
        var envelope = data.Spool.LoadEnvelope(Queued)!;
        envelope.Recipients[0].Status = RecipientStatus.Delivered;
        witness.Queued(Queued, null);
        await data.Spool.SaveAsync(envelope);
        witness.Queued(Queued, "D0 W0");
        envelope.Recipients[1].Attempts = 1;
        envelope.Recipients[1].LastReply = "450later";
        witness.Queued(Queued, null);
        await data.Spool.SaveAsync(envelope);
        witness.Queued(Queued, "D0 W1450later");
        envelope.Recipients[1].Status = RecipientStatus.Failed;
        witness.Queued(Queued, null);
        await data.Spool.SaveAsync(envelope);
        witness.Queued(Queued, "D0 F1450later");
    }, twice: true);

    [Fact]
    public Task Close() => Lab("close").RunAsync(SomeQueue, async (data, witness) =>
    {
        var envelope = data.Spool.LoadEnvelope(Queued)!;
        witness.Closing(Queued);
        await data.Spool.CloseAsync(envelope);
        witness.Closed(Queued);
    }, twice: true);

    [Fact]
    public Task Deliver_from_the_queue() => Lab("deliver from the queue").RunAsync(SomeQueue, async (data, witness) =>
    {
        var envelope = data.Spool.LoadEnvelope(Queued)!;
        witness.Queued(Queued, null);
        var result = await data.Spool.DeliverAsync(envelope, [(envelope.Recipients[1], new LocalDelivery("bob", "Late") { Keywords = ["$late"] })]);
        Assert.True(result.IsCommitted, result.Detail);
        var content = Witness.Text(data.Spool.OpenMessage(Queued));
        witness.Accepted("bob/Late", content);
        witness.Flagged("bob/Late", content, MessageFlags.None, "$late");
        witness.Closing(Queued);
        await data.Spool.CloseAsync(envelope);
        witness.Closed(Queued);
    }, twice: true);

    [Fact]
    public Task Flags() => Lab("flags").RunAsync(SomeMail, async (data, witness) =>
    {
        var inbox = data.Mail.Account("alice").Find("INBOX")!;
        var contents = Witness.Messages(inbox).Select(message => message.Content).ToList();
        contents.ForEach(content => witness.FlagsUnsure("alice/INBOX", content));
        await inbox.StoreAsync(new FlagRequest { Uids = All, Operation = FlagOperation.Add, Flags = MessageFlags.Answered, Keywords = ["$later"] });
        witness.Flagged("alice/INBOX", contents[0], MessageFlags.Answered, "$later");
        witness.Flagged("alice/INBOX", contents[1], MessageFlags.Answered | MessageFlags.Seen, "$k $later");
        witness.Look(data, CrashLab.Accounts);
        contents.ForEach(content => witness.FlagsUnsure("alice/INBOX", content));
        await inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(2, 2)], Operation = FlagOperation.Replace });
        witness.Flagged("alice/INBOX", contents[0], MessageFlags.Answered, "$later");
        witness.Flagged("alice/INBOX", contents[1], MessageFlags.None);
    }, twice: true);

    [Fact]
    public Task Expunge() => Lab("expunge").RunAsync(SomeMail, async (data, witness) =>
    {
        var inbox = data.Mail.Account("alice").Find("INBOX")!;
        foreach (var uid in (uint[])[1, 2])
        {
            var content = Witness.Text(inbox.OpenMessage(uid));
            witness.Unsure("alice/INBOX", content);
            await inbox.ExpungeAsync([new UidRange(uid, uid)], onlyDeleted: false);
            witness.Gone("alice/INBOX", content);
            witness.Look(data, CrashLab.Accounts);
        }
    }, twice: true);

    [Fact]
    public Task Copy() => Lab("copy").RunAsync(SomeMail, async (data, witness) =>
    {
        var account = data.Mail.Account("alice");
        var contents = Witness.Messages(account.Find("INBOX")!).Select(message => message.Content).ToList();
        var result = await account.Find("INBOX")!.CopyAsync(All, account.Find("Work/Old")!);
        Assert.Equal(2, result.Target.Count);
        contents.ForEach(content => witness.Accepted("alice/Work/Old", content));
        witness.Flagged("alice/Work/Old", contents[1], MessageFlags.Seen, "$k");
    }, twice: true);

    [Fact]
    public Task Move() => Lab("move").RunAsync(SomeMail, async (data, witness) =>
    {
        var account = data.Mail.Account("alice");
        var contents = Witness.Messages(account.Find("INBOX")!).Select(message => message.Content).ToList();
        contents.ForEach(content => witness.Moving("alice/INBOX", "alice/Work/Old", content));
        await account.Find("INBOX")!.MoveAsync(All, account.Find("Work/Old")!);
        contents.ForEach(content =>
        {
            witness.Gone("alice/INBOX", content);
            witness.Accepted("alice/Work/Old", content);
        });
        witness.Flagged("alice/Work/Old", contents[1], MessageFlags.Seen, "$k");
    }, twice: true);

    [Fact]
    public Task Create() => Lab("create").RunAsync(SomeMail, async (data, witness) =>
    {
        await data.Mail.Account("alice").CreateAsync("Some/Deep/One", SpecialUse.Archive);
        await data.Mail.Account("alice").SubscribeAsync("Some/Deep/One", true);
        await CrashLab.CommitAsync(data, witness, "deep", false, new LocalDelivery("alice", "Some/Deep/One"));
    }, twice: true);

    [Fact]
    public Task Rename() => Lab("rename").RunAsync(SomeMail, async (data, witness) =>
    {
        var account = data.Mail.Account("alice");
        var contents = Witness.Messages(account.Find("Work/Old")!).Select(message => message.Content).ToList();
        contents.ForEach(content => witness.Moving("alice/Work/Old", "alice/New/Old", content));
        await account.RenameAsync("Work", "New");
        contents.ForEach(content => witness.Accepted("alice/New/Old", content));
        witness.Look(data, CrashLab.Accounts);
        contents.ForEach(content => witness.Unsure("alice/New/Old", content));
        contents.ForEach(content => witness.Moved("alice/Work/Old", "alice/New/Old", content));
        contents.ForEach(content => witness.Moving("alice/New/Old", "alice/A/B/C", content));
        await account.RenameAsync("New/Old", "A/B/C");
        contents.ForEach(content => witness.Accepted("alice/A/B/C", content));
    }, twice: true);

    [Fact]
    public Task Rename_inbox() => Lab("rename INBOX").RunAsync(SomeMail, async (data, witness) =>
    {
        var account = data.Mail.Account("alice");
        var contents = Witness.Messages(account.Find("INBOX")!).Select(message => message.Content).ToList();
        contents.ForEach(content => witness.Moving("alice/INBOX", "alice/Saved", content));
        await account.RenameAsync("inbox", "Saved");
        contents.ForEach(content => witness.Gone("alice/INBOX", content));
        contents.ForEach(content => witness.Accepted("alice/Saved", content));
    }, twice: true);

    [Fact]
    public Task Delete() => Lab("delete").RunAsync(SomeMail, async (data, witness) =>
    {
        var account = data.Mail.Account("alice");
        await CrashLab.CommitAsync(data, witness, "five", false, new LocalDelivery("alice", "Work"));
        await CrashLab.CommitAsync(data, witness, "six", false, new LocalDelivery("alice", "Work"), new LocalDelivery("alice", "Work/Old"));
        foreach (var name in (string[])["Work", "Work/Old"])
        {
            var contents = Witness.Messages(account.Find(name)!).Select(message => message.Content).ToList();
            contents.ForEach(content => witness.Unsure("alice/" + name, content));
            await account.DeleteAsync(name);
            contents.ForEach(content => witness.Gone("alice/" + name, content));
        }
        Assert.False(account.Find("Work")!.IsSelectable);
        await CrashLab.CommitAsync(data, witness, "again", false, new LocalDelivery("alice", "Work/Old"));
    });

    [Fact]
    public Task Compact() => Lab("compact on open").RunAsync(async (data, witness) =>
    {
        await SomeMail(data, witness);
        var inbox = data.Mail.Account("alice").Find("INBOX")!;
        for (var i = 0; i < 2400; i++)
            await inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(1, 1)], Operation = i % 2 == 0 ? FlagOperation.Add : FlagOperation.Remove, Flags = MessageFlags.Draft });
    }, (data, witness) =>
    {
        data.Mail.Account("alice").Find("INBOX")!.Status();
        return Task.CompletedTask;
    }, twice: true);

    [Fact]
    public Task Close_in_order() => Lab("close in order").RunAsync(SomeMail, async (data, witness) =>
    {
        var inbox = data.Mail.Account("alice").Find("INBOX")!;
        var content = Witness.Text(inbox.OpenMessage(1));
        witness.FlagsUnsure("alice/INBOX", content);
        await inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(1, 1)], Operation = FlagOperation.Add, Flags = MessageFlags.Draft });
        witness.Flagged("alice/INBOX", content, MessageFlags.Draft);
        witness.Look(data, CrashLab.Accounts);
        await data.Mail.TrimAsync(TimeSpan.Zero);
        await CrashLab.CommitAsync(data, witness, "after", false, new LocalDelivery("alice", "INBOX"));
    }, twice: true);
}
