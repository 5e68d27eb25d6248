using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

/// <summary>Mailboxes come, go and are renamed.</summary>
public sealed class StructureTests : IAsyncDisposable
{
    private readonly MailLab _lab = new();

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    private string Names => string.Join(' ', _lab.Alice.Mailboxes().Select(mailbox => mailbox.IsSelectable ? mailbox.Name : $"({mailbox.Name})"));

    private static async Task<StorageCondition> ConditionAsync(Task task) => (await Assert.ThrowsAsync<StorageException>(() => task)).Condition;

    [Fact]
    public async Task Inbox_is_there_and_stays()
    {
        Assert.Equal("INBOX", Names);
        Assert.Same(_lab.Alice.Find("INBOX"), _lab.Alice.Find("inBox"));
        Assert.Equal(StorageCondition.BadName, await ConditionAsync(_lab.Alice.DeleteAsync("inbox")));
        Assert.Equal(StorageCondition.Exists, await ConditionAsync(_lab.Alice.CreateAsync("Inbox")));
    }

    [Fact]
    public async Task What_is_above_is_made_too()
    {
        await _lab.Alice.CreateAsync("a/b/c");
        await _lab.Alice.CreateAsync("inbox/x");
        await _lab.RestartAsync();
        Assert.Equal("INBOX INBOX/x a a/b a/b/c", Names);
        Assert.Equal(StorageCondition.Exists, await ConditionAsync(_lab.Alice.CreateAsync("a/b")));
        Assert.Equal(StorageCondition.BadName, await ConditionAsync(_lab.Alice.CreateAsync("a//b")));
    }

    [Fact]
    public async Task Odd_names_come_back()
    {
        foreach (var name in (string[])["..", ".journal", "1.eml", "a%b/..", "Käse & Brot", "日本語", "C:\\x", "end. "])
            await _lab.Alice.CreateAsync(name);
        await _lab.RestartAsync();
        foreach (var name in (string[])["..", ".journal", "1.eml", "a%b/..", "Käse & Brot", "日本語", "C:\\x", "end. "])
            Assert.NotNull(_lab.Alice.Find(name));
        Assert.DoesNotContain(_lab.Files.Files("/data"), path => !path.StartsWith("/data/mail/alice/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_deleted_mailbox_with_others_below_it_remains_as_a_name()
    {
        await _lab.AddAsync("x", new LocalDelivery("alice", "a/b/c"));
        await _lab.AddAsync("x", new LocalDelivery("alice", "a"));
        var gone = _lab.Alice.Find("a")!;
        await _lab.Alice.DeleteAsync("a");
        Assert.True(gone.IsDeleted);
        Assert.Throws<StorageException>(() => gone.Status());
        await _lab.RestartAsync();
        Assert.Equal("INBOX (a) a/b a/b/c", Names);
        Assert.Equal(StorageCondition.Exists, await ConditionAsync(_lab.Alice.DeleteAsync("a")));
        Assert.Equal(StorageCondition.NotFound, await ConditionAsync(_lab.Alice.DeleteAsync("nothing")));
        Assert.DoesNotContain(_lab.Files.Files("/data/mail/alice/a"), path => path == "/data/mail/alice/a/1.eml");
        await _lab.Alice.CreateAsync("a");
        Assert.Equal(0, _lab.Alice.Find("a")!.Status().Messages);
        await _lab.Alice.DeleteAsync("a/b/c");
        Assert.Equal("INBOX a a/b", Names);
    }

    [Fact]
    public async Task A_mailbox_of_the_same_name_has_a_higher_uidvalidity()
    {
        uint last = 0;
        for (var i = 0; i < 4; i++)
        {
            var validity = (await _lab.Alice.CreateAsync("m")).Status().UidValidity;
            Assert.True(validity > last);
            last = validity;
            await _lab.Alice.DeleteAsync("m");
            if (i == 1)
                await _lab.RestartAsync();
            // Without the file only the clock is left to tell old from new: a clock that stands as well is more than can be borne.
            if (i == 2)
            {
                _lab.Clock.Advance(TimeSpan.FromMinutes(1));
                await _lab.RestartAsync(files => files.Damage("/data/mail/alice/.uidvalidity", null));
            }
        }
    }

    [Fact]
    public async Task A_rename_takes_all_below_along()
    {
        await _lab.AddAsync("x", new LocalDelivery("alice", "a/b") { Keywords = ["k"] });
        var moved = _lab.Alice.Find("a/b")!;
        var validity = moved.Status().UidValidity;
        var id = moved.MailboxId;
        await _lab.Alice.RenameAsync("a", "new/place");
        Assert.Equal("INBOX new new/place new/place/b", Names);
        Assert.Equal("new/place/b", moved.Name);
        Assert.Equal("None k", MailLab.Flags(moved, 1));
        Assert.Equal(2u, await _lab.AddAsync("y", new LocalDelivery("alice", "new/place/b")));
        await _lab.RestartAsync();
        var found = _lab.Alice.Find("new/place/b")!;
        Assert.Equal((validity, id, 2), (found.Status().UidValidity, found.MailboxId, found.Status().Messages));
        Assert.Equal(StorageCondition.Exists, await ConditionAsync(_lab.Alice.RenameAsync("new", "INBOX")));
        Assert.Equal(StorageCondition.NotFound, await ConditionAsync(_lab.Alice.RenameAsync("no", "yes")));
        Assert.Equal(StorageCondition.BadName, await ConditionAsync(_lab.Alice.RenameAsync("new", "new/place/x")));
    }

    [Fact]
    public async Task Inbox_renamed_gives_its_messages_away()
    {
        await _lab.AddAsync("x");
        await _lab.AddAsync("y");
        await _lab.Alice.RenameAsync("INBOX", "Old");
        Assert.Equal((0, 2), (_lab.Inbox.Status().Messages, _lab.Alice.Find("Old")!.Status().Messages));
        Assert.Equal(3u, _lab.Inbox.Status().UidNext);
    }

    [Fact]
    public async Task Subscriptions_are_names_that_need_not_exist()
    {
        await _lab.Alice.SubscribeAsync("b", true);
        await _lab.Alice.SubscribeAsync("a/ä", true);
        await _lab.Alice.SubscribeAsync("b", false);
        await _lab.Alice.SubscribeAsync("inbox", true);
        await _lab.RestartAsync();
        Assert.Equal(["INBOX", "a/ä"], _lab.Alice.Subscriptions());
        await _lab.RestartAsync(files => files.Damage("/data/mail/alice/.subscriptions", [1, 2, 3]));
        Assert.Empty(_lab.Alice.Subscriptions());
        Assert.Equal("subscriptions-damaged", Assert.Single(_lab.Notices).Kind);
    }

    [Fact]
    public async Task A_use_finds_its_mailbox_whatever_it_is_called()
    {
        await _lab.AddAsync("x", new LocalDelivery("alice", "") { Use = SpecialUse.Junk });
        Assert.Equal(SpecialUse.Junk, _lab.Alice.Find("Junk")!.Use);
        await _lab.Alice.RenameAsync("Junk", "Werbung");
        await _lab.RestartAsync();
        Assert.Equal("Werbung", _lab.Alice.FindUse(SpecialUse.Junk)!.Name);
        await _lab.AddAsync("y", new LocalDelivery("alice", "") { Use = SpecialUse.Junk });
        Assert.Equal(2, _lab.Alice.Find("Werbung")!.Status().Messages);
        await _lab.Alice.CreateAsync("Trash");
        await _lab.AddAsync("z", new LocalDelivery("alice", "") { Use = SpecialUse.Trash });
        Assert.Equal(1, _lab.Alice.Find("Trash")!.Status().Messages);
        await _lab.Alice.CreateAsync("Gesendet", SpecialUse.Sent);
        Assert.Equal("Gesendet", _lab.Alice.FindUse(SpecialUse.Sent)!.Name);
        Assert.Null(_lab.Alice.FindUse(SpecialUse.Drafts));
    }

    [Fact]
    public async Task Changes_of_the_list_are_told()
    {
        var calls = 0;
        using var _ = _lab.Alice.Subscribe(() => calls++);
        await _lab.Alice.CreateAsync("a");
        await _lab.Alice.RenameAsync("a", "b");
        await _lab.Alice.SubscribeAsync("b", true);
        await _lab.Alice.DeleteAsync("b");
        Assert.Equal(4, calls);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    public void What_is_no_account_name_gets_no_folder(string name) => Assert.Throws<StorageException>(() => _lab.Data.Mail.Account(name));

    [Fact]
    public void Accounts_are_found_by_their_folders()
    {
        _lab.Data.Mail.Account("..");
        _lab.Data.Mail.Account("alice");
        Assert.Equal(["..", "alice"], _lab.Data.Mail.AccountNames());
    }
}
