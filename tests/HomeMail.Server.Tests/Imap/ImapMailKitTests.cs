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
        using var client = new ImapClient { ServerCertificateValidationCallback = static (_, _, _, _) => true };
        var stream = await Smtp.TestHouse.SecureAsync(house.Connect(Server.Imap.ImapRole.Imaps));
        var cancel = TestContext.Current.CancellationToken;
        await client.ConnectAsync(stream, "mail.example.org", 993, MailKit.Security.SecureSocketOptions.None, cancel);
        await client.AuthenticateAsync("alice", Smtp.TestHouse.Password, cancel);
        await client.EnableQuickResyncAsync(cancel);
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
}
