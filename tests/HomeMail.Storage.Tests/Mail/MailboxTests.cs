using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Crash;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

/// <summary>What IMAP asks of a mailbox.</summary>
public sealed class MailboxTests : IAsyncDisposable
{
    private readonly MailLab _lab = new();

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_message_has_what_the_delivery_said()
    {
        var date = DateTimeOffset.UnixEpoch.AddYears(40);
        var uid = await _lab.AddAsync("hello", new LocalDelivery("alice", "Inbox") { Flags = MessageFlags.Seen | MessageFlags.Flagged, Keywords = ["$Junk", "mine"], Reason = "rule 7", InternalDate = date });
        await _lab.RestartAsync();
        var info = MailLab.Info(_lab.Inbox, uid);
        Assert.Equal((1u, 5u, date, _lab.Clock.GetUtcNow()), (info.Uid, info.Size, info.InternalDate, info.SaveDate));
        Assert.Equal("Seen, Flagged $Junk mine", MailLab.Flags(_lab.Inbox, uid));
        Assert.Equal("rule 7", _lab.Inbox.Reason(uid));
        Assert.Equal("hello", Witness.Text(_lab.Inbox.OpenMessage(uid)));
        Assert.Null(_lab.Inbox.Reason(99));
    }

    [Fact]
    public async Task Status_counts()
    {
        for (var i = 0; i < 5; i++)
            await _lab.AddAsync(new string('x', i + 1));
        await _lab.StoreAsync(2, FlagOperation.Add, MessageFlags.Seen);
        await _lab.StoreAsync(3, FlagOperation.Add, MessageFlags.Deleted);
        var status = _lab.Inbox.Status();
        Assert.Equal((5, 6u, 4, 1, 15L), (status.Messages, status.UidNext, status.Unseen, status.Deleted, status.Bytes));
        Assert.NotEqual(0u, status.UidValidity);
        await _lab.Inbox.ExpungeAsync(MailLab.All);
        await _lab.RestartAsync();
        var later = _lab.Inbox.Status();
        Assert.Equal((4, 6u, 3, 0, 12L), (later.Messages, later.UidNext, later.Unseen, later.Deleted, later.Bytes));
        Assert.Equal(status.UidValidity, later.UidValidity);
        Assert.True(later.HighestModSeq > status.HighestModSeq);
    }

    [Fact]
    public async Task Flags_are_replaced_added_and_removed()
    {
        await _lab.AddAsync("a");
        await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.Seen, "One", "two");
        await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.Answered, "ONE", "three");
        Assert.Equal("Seen, Answered One two three", MailLab.Flags(_lab.Inbox, 1));
        await _lab.StoreAsync(1, FlagOperation.Remove, MessageFlags.Seen | MessageFlags.Draft, "TWO", "never");
        Assert.Equal("Answered One three", MailLab.Flags(_lab.Inbox, 1));
        Assert.Equal(-1, _lab.Inbox.KeywordNumber("never"));
        await _lab.StoreAsync(1, FlagOperation.Replace, MessageFlags.Draft, "two");
        Assert.Equal("Draft two", MailLab.Flags(_lab.Inbox, 1));
        await _lab.RestartAsync();
        Assert.Equal("Draft two", MailLab.Flags(_lab.Inbox, 1));
    }

    [Fact]
    public async Task What_changes_nothing_has_no_new_mod_sequence()
    {
        await _lab.AddAsync("a");
        var first = await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.Seen);
        var second = await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.Seen);
        Assert.Equal(new UidRange(1, 1), Assert.Single(first.Changed));
        Assert.Equal(MailLab.Info(_lab.Inbox, 1).ModSeq, first.ModSeq);
        Assert.Empty(second.Changed);
        Assert.Equal(0ul, second.ModSeq);
        Assert.Equal(first.ModSeq, _lab.Inbox.Status().HighestModSeq);
    }

    [Fact]
    public async Task Unchangedsince_passes_over_what_has_changed()
    {
        for (var i = 0; i < 4; i++)
            await _lab.AddAsync("x");
        var known = _lab.Inbox.Status().HighestModSeq;
        await _lab.StoreAsync(2, FlagOperation.Add, MessageFlags.Flagged);
        var result = await _lab.Inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(4, 4), new UidRange(1, 3)], Operation = FlagOperation.Add, Flags = MessageFlags.Seen, UnchangedSince = known });
        Assert.Equal([new UidRange(2, 2)], result.Modified);
        Assert.Equal([new UidRange(1, 1), new UidRange(3, 4)], result.Changed);
        Assert.Equal("Flagged", MailLab.Flags(_lab.Inbox, 2));
    }

    [Fact]
    public async Task There_are_64_keywords_and_then_no_more()
    {
        await _lab.AddAsync("a");
        for (var i = 0; i < 64; i++)
            Assert.False((await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.None, "k" + i)).IsKeywordRefused);
        Assert.False(_lab.Inbox.CanAddKeywords);
        var result = await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.Seen, "k64");
        Assert.True(result.IsKeywordRefused);
        Assert.Single(result.Changed);
        await _lab.AddAsync("b", new LocalDelivery("alice", "INBOX") { Keywords = ["k65"] });
        Assert.Equal("None", MailLab.Flags(_lab.Inbox, 2));
        await _lab.RestartAsync();
        Assert.Equal(65, MailLab.Flags(_lab.Inbox, 1).Split(' ').Length);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a(b")]
    [InlineData("a\r\nb")]
    [InlineData("")]
    [InlineData("käse")]
    [InlineData("\\Seen")]
    public async Task What_is_no_atom_is_no_keyword(string name)
    {
        await _lab.AddAsync("a");
        Assert.True((await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.None, name)).IsKeywordRefused);
        Assert.Equal("None", MailLab.Flags(_lab.Inbox, 1));
    }

    [Fact]
    public async Task Expunge_takes_only_what_is_deleted_and_asked_for()
    {
        for (var i = 0; i < 6; i++)
            await _lab.AddAsync("m" + i);
        await _lab.Inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(2, 5)], Operation = FlagOperation.Add, Flags = MessageFlags.Deleted });
        using var reading = _lab.Inbox.OpenMessage(3);
        Assert.Equal([new UidRange(2, 3)], await _lab.Inbox.ExpungeAsync([new UidRange(1, 3)]));
        Assert.Equal("m2", Witness.Text(reading));
        Assert.Equal(FileError.NotFound, Assert.Throws<StorageException>(() => _lab.Inbox.OpenMessage(3)).Error);
        Assert.Equal([new UidRange(4, 5)], await _lab.Inbox.ExpungeAsync(MailLab.All));
        Assert.Empty(await _lab.Inbox.ExpungeAsync(MailLab.All));
        Assert.Equal([1u, 6u], _lab.Inbox.Uids(out _));
        Assert.DoesNotContain(_lab.Files.Files("/data/mail/alice/INBOX"), path => path.EndsWith("/3.eml", StringComparison.Ordinal));
        Assert.Equal(7u, await _lab.AddAsync("next"));
    }

    [Fact]
    public async Task Copies_keep_flags_dates_and_identity()
    {
        var date = DateTimeOffset.UnixEpoch.AddYears(30);
        await _lab.AddAsync("a", new LocalDelivery("alice", "INBOX") { InternalDate = date, Flags = MessageFlags.Answered, Keywords = ["x", "y"] });
        await _lab.AddAsync("b");
        var target = await _lab.Alice.CreateAsync("Target");
        await target.StoreAsync(new FlagRequest { Uids = MailLab.All, Operation = FlagOperation.Add, Keywords = ["shift"] });
        _lab.Clock.Advance(TimeSpan.FromHours(1));
        var result = await _lab.Inbox.CopyAsync([new UidRange(2, 7), new UidRange(1, 1)], target);
        Assert.Equal([1u, 2u], result.Source);
        Assert.Equal([1u, 2u], result.Target);
        Assert.Equal(target.Status().UidValidity, result.UidValidity);
        var (from, to) = (MailLab.Info(_lab.Inbox, 1), MailLab.Info(target, 1));
        Assert.Equal((from.EmailId, from.InternalDate, from.Size), (to.EmailId, to.InternalDate, to.Size));
        Assert.NotEqual(MailLab.Info(target, 2).EmailId, to.EmailId);
        Assert.Equal(_lab.Clock.GetUtcNow(), to.SaveDate);
        Assert.Equal("Answered x y", MailLab.Flags(target, 1));
        var again = await target.CopyAsync([new UidRange(1, 1)], target);
        Assert.Equal([3u], again.Target);
        Assert.Empty((await target.CopyAsync([new UidRange(50, 60)], _lab.Inbox)).Source);
        await _lab.RestartAsync();
        Assert.Equal("Answered x y", MailLab.Flags(_lab.Alice.Find("Target")!, 3));
        Assert.Equal(2, _lab.Inbox.Status().Messages);
    }

    [Fact]
    public async Task A_move_leaves_nothing_behind()
    {
        for (var i = 0; i < 4; i++)
            await _lab.AddAsync("m" + i);
        var target = await _lab.Alice.CreateAsync("T");
        var known = _lab.Inbox.Status().HighestModSeq;
        var result = await _lab.Inbox.MoveAsync([new UidRange(2, 3)], target);
        Assert.Equal([2u, 3u], result.Source);
        Assert.Equal([1u, 2u], result.Target);
        Assert.Equal([1u, 4u], _lab.Inbox.Uids(out _));
        List<UidRange> vanished = [];
        _lab.Inbox.ChangesSince(known, [], vanished);
        Assert.Equal([new UidRange(2, 3)], vanished);
        Assert.Equal("m2", Witness.Text(target.OpenMessage(2)));
    }

    [Fact]
    public async Task Changes_since_tell_what_is_new_other_and_gone()
    {
        for (var i = 0; i < 5; i++)
            await _lab.AddAsync("m");
        var known = _lab.Inbox.Status().HighestModSeq;
        await _lab.StoreAsync(2, FlagOperation.Add, MessageFlags.Seen);
        await _lab.Inbox.ExpungeAsync([new UidRange(3, 3), new UidRange(5, 5)], onlyDeleted: false);
        await _lab.AddAsync("m");
        foreach (var restart in (bool[])[false, true])
        {
            if (restart)
                await _lab.RestartAsync();
            List<MessageInfo> changed = [];
            List<UidRange> vanished = [];
            var now = _lab.Inbox.ChangesSince(known, changed, vanished);
            Assert.Equal([2u, 6u], changed.Select(message => message.Uid));
            Assert.Equal([new UidRange(3, 3), new UidRange(5, 5)], vanished);
            Assert.Equal(_lab.Inbox.Status().HighestModSeq, now);
            changed.Clear();
            vanished.Clear();
            Assert.Equal(now, _lab.Inbox.ChangesSince(now, changed, vanished));
            Assert.Empty(changed);
            Assert.Empty(vanished);
        }
    }

    [Fact]
    public async Task A_session_is_woken_by_what_others_do_and_sees_it_then()
    {
        var calls = 0;
        ulong seen = 0;
        var inbox = _lab.Inbox;
        using (inbox.Subscribe(() =>
        {
            calls++;
            seen = inbox.Status().HighestModSeq;
        }))
        {
            await _lab.AddAsync("m");
            await _lab.StoreAsync(1, FlagOperation.Add, MessageFlags.Seen);
            Assert.Equal(2, calls);
            await inbox.ExpungeAsync(MailLab.All, onlyDeleted: false);
            Assert.Equal(3, calls);
            Assert.Equal(inbox.Status().HighestModSeq, seen);
        }
        await _lab.AddAsync("m");
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task Blocks_of_messages_are_read_in_order()
    {
        for (var i = 0; i < 10; i++)
            await _lab.AddAsync("m");
        await _lab.Inbox.ExpungeAsync([new UidRange(4, 5)], onlyDeleted: false);
        Assert.Equal([1u, 2u, 3u, 6u, 7u, 8u, 9u, 10u], MailLab.Read(_lab.Inbox).Select(message => message.Uid));
        Assert.Equal(MailLab.Read(_lab.Inbox).Select(message => message.Uid), _lab.Inbox.Uids(out _));
        Assert.Equal(0, _lab.Inbox.Read(11, new MessageInfo[4]));
        Assert.Equal(0, _lab.Inbox.Read(uint.MaxValue, new MessageInfo[4]));
    }

    [Fact]
    public async Task What_an_account_uses_is_known_without_opening_its_mailboxes()
    {
        await _lab.AddAsync(new string('a', 100));
        await _lab.AddAsync(new string('b', 50), new LocalDelivery("alice", "Other/Deep"));
        Assert.Equal(150, _lab.Data.Mail.UsedBytes("alice"));
        await _lab.RestartAsync();
        _lab.Files.Fault = (operation, path) => operation == "open" && path.EndsWith(".journal", StringComparison.Ordinal) ? FileError.Other : null;
        Assert.Equal(150, _lab.Data.Mail.UsedBytes("alice"));
        _lab.Files.Fault = null;
        await _lab.AddAsync("c");
        await _lab.Inbox.ExpungeAsync([new UidRange(1, 1)], onlyDeleted: false);
        Assert.Equal(51, _lab.Data.Mail.UsedBytes("alice"));
        _lab.Crash();
        Assert.Equal(51, _lab.Data.Mail.UsedBytes("alice"));
    }

    [Fact]
    public async Task Where_nobody_may_make_a_mailbox_none_is_made()
    {
        using var message = _lab.Data.Spool.Begin(MessageId.New(_lab.Clock));
        var result = await _lab.Data.Spool.CommitAsync(new CommitRequest { Message = message, Local = [new LocalDelivery("alice", "Nowhere") { MustExist = true }] });
        Assert.Equal(StorageCondition.NotFound, result.Condition);
        Assert.Null(_lab.Alice.Find("Nowhere"));
    }

    [Fact]
    public async Task An_unused_mailbox_leaves_memory_and_comes_back()
    {
        await _lab.AddAsync("m");
        var inbox = _lab.Inbox;
        await _lab.Data.Mail.TrimAsync(TimeSpan.FromMinutes(1));
        Assert.True(inbox.IsLoaded);
        _lab.Clock.Advance(TimeSpan.FromMinutes(2));
        using (inbox.Subscribe(() => { }))
        {
            await _lab.Data.Mail.TrimAsync(TimeSpan.FromMinutes(1));
            Assert.True(inbox.IsLoaded);
        }
        await _lab.Data.Mail.TrimAsync(TimeSpan.FromMinutes(1));
        Assert.False(inbox.IsLoaded);
        Assert.Equal(2u, await _lab.AddAsync("n"));
        Assert.Equal(2, inbox.Status().Messages);
    }
}
