using MailKit;
using MailKit.Net.Imap;
using MailKit.Search;
using MimeKit;
using Xunit;

namespace HomeMail.Server.Tests.Imap;

/// <summary>MailKit as the client, over a connection within this process.</summary>
public class ImapMailKitTests
{
    [Fact]
    public async Task MailKit_reads_marks_sorts_and_moves()
    {
        await using var house = new ImapHouse();
        using var client = await ConnectAsync(house, "alice");
        var cancel = TestContext.Current.CancellationToken;
        var inbox = client.Inbox!;
        for (var i = 0; i < 3; i++)
            await inbox.AppendAsync(new MimeMessage([new MailboxAddress("A", "a@b.example")], [new MailboxAddress("B", "b@b.example")], $"Subject {i}", new TextPart("plain") { Text = $"Text {i}\r\n" }), MessageFlags.None, cancel);
        await inbox.OpenAsync(FolderAccess.ReadWrite, cancel);
        Assert.Equal(3, inbox.Count);
        var summaries = await inbox.FetchAsync(0, -1, MessageSummaryItems.Envelope | MessageSummaryItems.BodyStructure | MessageSummaryItems.Flags | MessageSummaryItems.UniqueId | MessageSummaryItems.PreviewText, cancel);
        Assert.Equal(["Subject 0", "Subject 1", "Subject 2"], summaries.Select(static s => s.Envelope!.Subject));
        Assert.Equal("Text 1", (await inbox.GetMessageAsync(1, cancel)).TextBody!.Trim());
        await inbox.AddFlagsAsync(summaries[0].UniqueId, MessageFlags.Flagged, silent: true, cancel);
        Assert.Equal([summaries[0].UniqueId], await inbox.SearchAsync(SearchQuery.Flagged, cancel));
        Assert.Equal([summaries[2].UniqueId, summaries[1].UniqueId, summaries[0].UniqueId], await inbox.SortAsync(SearchQuery.All, [OrderBy.ReverseSubject], cancel));
        Assert.Equal(3, (await inbox.ThreadAsync(ThreadingAlgorithm.References, SearchQuery.All, cancel)).Count);
        var kept = await client.GetFolder(client.PersonalNamespaces[0]).CreateAsync("Kept", true, cancel);
        Assert.NotNull(await inbox.MoveToAsync(summaries[1].UniqueId, kept!, cancel));
        Assert.Equal(2, inbox.Count);
        await inbox.AddFlagsAsync(summaries[0].UniqueId, MessageFlags.Deleted, silent: true, cancel);
        await inbox.ExpungeAsync(cancel);
        Assert.Equal(1, inbox.Count);
        await client.DisconnectAsync(true, cancel);
    }

    [Fact]
    public async Task MailKit_comes_back_by_CONDSTORE_and_QRESYNC()
    {
        await using var house = new ImapHouse();
        var cancel = TestContext.Current.CancellationToken;
        for (var i = 0; i < 10; i++)
            await house.DeliverAsync("alice", "INBOX", $"Subject: {i}\r\n\r\nx\r\n");
        using var first = await ConnectAsync(house, "alice");
        using var second = await ConnectAsync(house, "alice");
        var (here, there) = (first.Inbox!, second.Inbox!);
        await here.OpenAsync(FolderAccess.ReadWrite, cancel);
        await there.OpenAsync(FolderAccess.ReadWrite, cancel);
        var uids = (await here.FetchAsync(0, -1, MessageSummaryItems.UniqueId, cancel)).Select(static s => s.UniqueId).ToList();
        var (validity, known) = (here.UidValidity, here.HighestModSeq);
        Assert.NotEqual(0ul, known);

        // What has been changed since by somebody else is not changed again (RFC 7162 3.1.3).
        await there.AddFlagsAsync(uids[3], MessageFlags.Flagged, silent: true, cancel);
        var refused = await here.StoreAsync(uids[2..5], new StoreFlagsRequest(StoreAction.Add, MessageFlags.Answered) { UnchangedSince = known, Silent = true }, cancel);
        Assert.Equal([uids[3]], refused);
        var changed = await here.FetchAsync(0, -1, new FetchRequest(MessageSummaryItems.UniqueId | MessageSummaryItems.Flags) { ChangedSince = known }, cancel);
        Assert.Equal([uids[2], uids[3], uids[4]], changed.Select(static s => s.UniqueId));

        // Gone away and come back.
        await here.CloseAsync(false, cancel);
        await there.AddFlagsAsync([uids[0], uids[9]], MessageFlags.Deleted, silent: true, cancel);
        await there.ExpungeAsync(cancel);
        await there.AddFlagsAsync(uids[5], MessageFlags.Seen, silent: true, cancel);
        var (vanished, flagged) = (new List<UniqueId>(), new List<UniqueId?>());
        here.MessagesVanished += (_, e) => vanished.AddRange(e.UniqueIds);
        here.MessageFlagsChanged += (_, e) => flagged.Add(e.UniqueId);
        await here.OpenAsync(FolderAccess.ReadWrite, validity, known, uids, cancel);
        Assert.Equal([uids[0], uids[9]], vanished);
        Assert.Equal([uids[2], uids[3], uids[4], uids[5]], flagged.Select(static uid => uid!.Value));
        Assert.Equal(8, here.Count);
    }

    [Fact]
    public async Task MailKit_is_told_in_IDLE_what_arrives_and_what_goes()
    {
        await using var house = new ImapHouse();
        var cancel = TestContext.Current.CancellationToken;
        var uid = await house.DeliverAsync("alice", "INBOX", "Subject: first\r\n\r\nx\r\n");
        using var client = await ConnectAsync(house, "alice");
        var inbox = client.Inbox!;
        await inbox.OpenAsync(FolderAccess.ReadOnly, cancel);
        using var done = new CancellationTokenSource();
        var (came, went) = (new TaskCompletionSource(), new TaskCompletionSource());
        inbox.CountChanged += (_, _) =>
        {
            if (inbox.Count == 2)
                came.TrySetResult();
        };
        inbox.MessagesVanished += (_, e) =>
        {
            if (e.UniqueIds[0].Id == uid)
                went.TrySetResult();
        };
        var idle = client.IdleAsync(done.Token, cancel);
        await house.DeliverAsync("alice", "INBOX", "Subject: second\r\n\r\nx\r\n");
        await came.Task.WaitAsync(TimeSpan.FromSeconds(20), cancel);
        await house.Account("alice").Find("INBOX")!.ExpungeAsync([new(uid, uid)], onlyDeleted: false);
        await went.Task.WaitAsync(TimeSpan.FromSeconds(20), cancel);
        await done.CancelAsync();
        await idle;
        Assert.Equal(1, inbox.Count);
    }

    [Fact]
    public async Task MailKit_knows_the_quota_and_compresses_where_it_is_offered()
    {
        await using var house = new ImapHouse();
        var cancel = TestContext.Current.CancellationToken;
        await house.DeliverAsync("bob", "INBOX", "Subject: x\r\n\r\n" + new string('x', 20_000) + "\r\n");
        using var client = await ConnectAsync(house, "bob");
        if (client.Capabilities.HasFlag(ImapCapabilities.Compress))
            await client.CompressAsync(cancel);
        var quota = await client.Inbox!.GetQuotaAsync(cancel);
        Assert.Equal((1024u, 20u), (quota.StorageLimit!.Value, quota.CurrentStorageSize!.Value));
        await client.Inbox.OpenAsync(FolderAccess.ReadOnly, cancel);
        Assert.Equal(20_000, (await client.Inbox.GetMessageAsync(0, cancel)).TextBody!.Trim().Length);
    }

    [Fact]
    public async Task A_sort_that_there_is_no_memory_for_is_refused()
    {
        await using var house = new ImapHouse();
        var cancel = TestContext.Current.CancellationToken;
        var memory = new Server.Net.MemoryBudget(400, static () => 0, static () => { });
        house.Options = house.Options with { Memory = memory };
        for (var i = 0; i < 3; i++)
            await house.DeliverAsync("alice", "INBOX", $"Subject: {i}\r\n\r\nx\r\n");
        using var client = await ConnectAsync(house, "alice");
        await client.Inbox!.OpenAsync(FolderAccess.ReadOnly, cancel);
        await Assert.ThrowsAsync<ImapCommandException>(() => client.Inbox.SortAsync(SearchQuery.All, [OrderBy.Subject], cancel));
        await Assert.ThrowsAsync<ImapCommandException>(() => client.Inbox.ThreadAsync(ThreadingAlgorithm.References, SearchQuery.All, cancel));
        Assert.Single(await client.Inbox.SortAsync(SearchQuery.SubjectContains("2"), [OrderBy.Subject], cancel));
        Assert.Equal(0, memory.Reserved);
    }

    internal static async Task<ImapClient> ConnectAsync(ImapHouse house, string account)
    {
        var cancel = TestContext.Current.CancellationToken;
        var client = new ImapClient { ServerCertificateValidationCallback = static (_, _, _, _) => true };
        await client.ConnectAsync(await Smtp.TestHouse.SecureAsync(house.Connect(Server.Imap.ImapRole.Imaps)), "mail.example.org", 993, MailKit.Security.SecureSocketOptions.None, cancel);
        await client.AuthenticateAsync(account, Smtp.TestHouse.Password, cancel);
        await client.EnableQuickResyncAsync(cancel);
        return client;
    }
}
