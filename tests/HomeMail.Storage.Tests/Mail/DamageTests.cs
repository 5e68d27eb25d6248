using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Crash;
using HomeMail.Storage.Tests.Simulation;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

/// <summary>A mailbox whose files were lost, damaged, or changed by hand.</summary>
public sealed class DamageTests : IAsyncDisposable
{
    private const string Folder = "/data/mail/alice/INBOX/";

    private readonly MailLab _lab = new();

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    private async Task FillAsync(int count)
    {
        for (var i = 1; i <= count; i++)
            await _lab.AddAsync("m" + i, new LocalDelivery("alice", "INBOX") { Keywords = ["k"] });
    }

    [Fact]
    public async Task Uids_go_on_where_they_were_after_an_ordered_end_and_above_the_reservation_after_a_crash()
    {
        await FillAsync(3);
        await _lab.RestartAsync();
        Assert.Equal(4u, await _lab.AddAsync("m"));
        _lab.Crash();
        // What the block of 1,000 held may have been given away before the crash.
        var above = await _lab.AddAsync("m");
        Assert.InRange(above, 1004u, 1005u);
        Assert.Equal([1u, 2u, 3u, 4u, above], _lab.Inbox.Uids(out _));
        await _lab.RestartAsync();
        Assert.Equal(above + 1, await _lab.AddAsync("m"));
    }

    [Fact]
    public async Task Reservations_follow_one_another()
    {
        await FillAsync(2300);
        Assert.Equal(2300u, _lab.Inbox.Status().UidNext - 1);
        _lab.Crash();
        Assert.True(await _lab.AddAsync("m") > 2300u);
    }

    [Fact]
    public async Task Without_the_journal_messages_and_uids_stay_and_flags_are_lost_and_told()
    {
        await FillAsync(4);
        await _lab.Inbox.ExpungeAsync([new UidRange(2, 2), new UidRange(4, 4)], onlyDeleted: false);
        var before = _lab.Inbox.Status();
        await _lab.RestartAsync(files => files.Damage(Folder + ".journal", null));
        var after = _lab.Inbox.Status();
        Assert.Equal([1u, 3u], _lab.Inbox.Uids(out _));
        Assert.Equal("None", MailLab.Flags(_lab.Inbox, 1));
        Assert.Equal(before.UidValidity, after.UidValidity);
        Assert.True(after.UidNext >= before.UidNext);
        Assert.True(after.HighestModSeq > before.HighestModSeq);
        Assert.Equal("mailbox-damaged", Assert.Single(_lab.Notices).Kind);
        Assert.Equal(5u, await _lab.AddAsync("new"));
    }

    [Fact]
    public async Task Without_journal_and_reservation_uidvalidity_rises()
    {
        await FillAsync(3);
        var before = _lab.Inbox.Status();
        await _lab.RestartAsync(files =>
        {
            files.Damage(Folder + ".journal", null);
            files.Damage(Folder + ".mailbox", [1]);
        });
        Assert.True(_lab.Inbox.Status().UidValidity > before.UidValidity);
        Assert.Equal(3, _lab.Inbox.Status().Messages);
        Assert.Contains("UIDVALIDITY", Assert.Single(_lab.Notices).Detail);
        var validity = _lab.Inbox.Status().UidValidity;
        _lab.Crash();
        Assert.Equal(validity, _lab.Inbox.Status().UidValidity);
    }

    [Fact]
    public async Task Without_the_reservation_alone_the_journal_says_enough()
    {
        await FillAsync(3);
        await _lab.Inbox.ExpungeAsync([new UidRange(3, 3)], onlyDeleted: false);
        var before = _lab.Inbox.Status();
        await _lab.RestartAsync(files => files.Damage(Folder + ".mailbox", null));
        Assert.Equal(before.UidValidity, _lab.Inbox.Status().UidValidity);
        Assert.Equal("None k", MailLab.Flags(_lab.Inbox, 2));
        Assert.True(await _lab.AddAsync("new") > 3u);
    }

    [Fact]
    public async Task The_journal_of_another_mailbox_is_not_believed()
    {
        await FillAsync(3);
        await _lab.AddAsync("other", new LocalDelivery("alice", "Other") { Flags = MessageFlags.Deleted });
        await _lab.RestartAsync(files => files.Damage(Folder + ".journal", files.Read("/data/mail/alice/Other/.journal")));
        Assert.Equal("None", MailLab.Flags(_lab.Inbox, 1));
        Assert.Equal(3, _lab.Inbox.Status().Messages);
    }

    [Fact]
    public async Task Any_octet_of_the_journal_may_be_damaged()
    {
        await FillAsync(6);
        await _lab.Inbox.ExpungeAsync([new UidRange(2, 2)], onlyDeleted: false);
        await _lab.StoreAsync(3, FlagOperation.Add, MessageFlags.Seen);
        await _lab.Data.DisposeAsync();
        var journal = _lab.Files.Read(Folder + ".journal")!;
        for (var i = 0; i < journal.Length; i++)
        {
            var damaged = journal.ToArray();
            damaged[i] ^= (byte)(1 << (i % 8));
            _lab.Crash(Loss.Nothing, files => files.Damage(Folder + ".journal", damaged));
            var messages = Witness.Messages(_lab.Inbox).ToList();
            Assert.Equal([(1u, "m1"), (3u, "m3"), (4u, "m4"), (5u, "m5"), (6u, "m6")], messages);
            Assert.True(_lab.Inbox.Status().UidNext >= 7);
            await _lab.Data.DisposeAsync();
        }
        for (var length = 0; length < journal.Length; length++)
        {
            _lab.Crash(Loss.Nothing, files => files.Damage(Folder + ".journal", journal[..length]));
            Assert.Equal(5, Witness.Messages(_lab.Inbox).Count());
            await _lab.Data.DisposeAsync();
        }
        _lab.Crash(Loss.Nothing);
    }

    [Fact]
    public async Task A_file_that_is_gone_is_a_message_that_vanished_and_one_that_comes_back_is_a_new_one()
    {
        await FillAsync(3);
        var known = _lab.Inbox.Status().HighestModSeq;
        await _lab.RestartAsync(files => files.Damage(Folder + "2.eml", null));
        List<UidRange> vanished = [];
        _lab.Inbox.ChangesSince(known, [], vanished);
        Assert.Equal([new UidRange(2, 2)], vanished);
        await _lab.RestartAsync(files => files.Damage(Folder + "2.eml", "m2"u8.ToArray()));
        Assert.Equal([1u, 3u, 4u], _lab.Inbox.Uids(out _));
        Assert.Equal("m2", Witness.Text(_lab.Inbox.OpenMessage(4)));
        Assert.Equal(5u, await _lab.AddAsync("m"));
        await _lab.RestartAsync();
        Assert.Equal([1u, 3u, 4u, 5u], _lab.Inbox.Uids(out _));
    }

    [Fact]
    public async Task A_file_put_there_by_hand_is_a_message()
    {
        await FillAsync(1);
        await _lab.RestartAsync(files =>
        {
            files.Damage(Folder + "77.eml", "by hand"u8.ToArray());
            files.Damage(Folder + "x.eml", "no message"u8.ToArray());
            files.Damage(Folder + "007.eml", "no message"u8.ToArray());
        });
        Assert.Equal([1u, 77u], _lab.Inbox.Uids(out _));
        Assert.Equal(78u, await _lab.AddAsync("m"));
    }

    [Fact]
    public async Task An_expunged_file_that_comes_back_goes_again()
    {
        await FillAsync(2);
        await _lab.Inbox.ExpungeAsync([new UidRange(1, 1)], onlyDeleted: false);
        _lab.Crash(Loss.Everything, files => files.Damage(Folder + "1.eml", "m1"u8.ToArray()));
        Assert.Equal([2u], _lab.Inbox.Uids(out _));
        Assert.Null(_lab.Files.Read(Folder + "1.eml"));
    }

    [Fact]
    public async Task The_journal_is_written_anew_when_it_has_grown_and_the_folder_is_synced_before()
    {
        await FillAsync(2);
        await _lab.AddAsync("told", new LocalDelivery("alice", "INBOX") { Reason = "why" });
        for (var i = 0; i < 2600; i++)
            await _lab.StoreAsync(1, i % 2 == 0 ? FlagOperation.Add : FlagOperation.Remove, MessageFlags.Seen);
        Assert.True(_lab.Files.Read(Folder + ".journal")!.Length < 70_000);
        var at = _lab.Files.Trace.FindLastIndex(step => step == "create " + Folder + ".journal.new");
        Assert.Equal("fsync " + Folder.TrimEnd('/'), _lab.Files.Trace[at - 2]);
        Assert.Equal("why", _lab.Inbox.Reason(3));
        _lab.Crash();
        Assert.Equal("None k", MailLab.Flags(_lab.Inbox, 1));
        Assert.Equal("why", _lab.Inbox.Reason(3));
    }

    [Fact]
    public async Task Keywords_that_no_message_has_make_room_when_the_journal_is_written_anew()
    {
        await FillAsync(1);
        for (var i = 0; i < 63; i++)
            await _lab.StoreAsync(1, FlagOperation.Replace, MessageFlags.None, "k" + i);
        Assert.False(_lab.Inbox.CanAddKeywords);
        _lab.Crash(Loss.Everything, files => files.Damage(Folder + ".mailbox", null));
        Assert.True(_lab.Inbox.CanAddKeywords);
        Assert.Equal("None k62", MailLab.Flags(_lab.Inbox, 1));
    }

    [Fact]
    public async Task What_vanished_too_long_ago_is_told_as_everything_that_is_not_there()
    {
        await FillAsync(2);
        var known = _lab.Inbox.Status().HighestModSeq;
        var mailbox = _lab.Inbox;
        for (var i = 0; i < 4300; i++)
        {
            var uid = await _lab.AddAsync("x");
            await mailbox.ExpungeAsync([new UidRange(uid, uid)], onlyDeleted: false);
        }
        var last = await _lab.AddAsync("x");
        List<UidRange> vanished = [];
        mailbox.ChangesSince(known, [], vanished);
        Assert.Equal([new UidRange(3, last - 1)], vanished);
        vanished.Clear();
        mailbox.ChangesSince(mailbox.Status().HighestModSeq - 3, [], vanished);
        Assert.Equal([new UidRange(last - 1, last - 1)], vanished);
    }
}
