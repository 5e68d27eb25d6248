using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>What an account may send in a day.</summary>
public sealed class AccountLimitsTests
{
    private const string Letter = "From: alice@example.org\r\n\r\nhi";
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 14, 21, 30, 0, TimeSpan.Zero));

    private TestHouse House(int? sends, int? recipients) => new TestHouse(clock: _clock).With(
        [new HostedDomain("example.org", "home")],
        [TestHouse.Account("alice", "alice@example.org") with { SendsPerDay = sends, NewRecipientsPerDay = recipients }, TestHouse.Account("bob", "bob@example.org")]);

    private static Task<string> Send(TestHouse house, string rcpt) => Post.SubmitAsync(house, "alice", "<alice@example.org>", rcpt, Letter);

    [Fact]
    public async Task So_many_messages_and_the_reply_says_until_when()
    {
        await using var house = House(2, null);
        Assert.StartsWith("250 ", await Send(house, "<bob@example.org>"), StringComparison.Ordinal); // of the house, and it counts
        Assert.StartsWith("250 ", await Send(house, "<x@remote.example>"), StringComparison.Ordinal);
        Assert.Equal("450 4.7.1 Limit reached: 2 messages a day; possible again at 2026-03-15 00:00 UTC", await Send(house, "<bob@example.org>"));
        _clock.Advance(TimeSpan.FromHours(2.5));
        Assert.StartsWith("250 ", await Send(house, "<bob@example.org>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_many_new_recipients_and_old_ones_go_on()
    {
        await using var house = House(null, 3);
        Assert.StartsWith("250 ", await Send(house, "<a@remote.example> & <b@remote.example>"), StringComparison.Ordinal);
        Assert.Equal(
            "450 4.7.1 Limit reached: 3 new recipients a day; possible again at 2026-03-15 00:00 UTC", await Send(house, "<a@remote.example> & <c@remote.example> & <d@remote.example>"));
        Assert.StartsWith("250 ", await Send(house, "<b@remote.example> & <c@remote.example> & <A@Remote.Example>"), StringComparison.Ordinal);
        Assert.StartsWith("450 4.7.1", await Send(house, "<bob@example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await Send(house, "<a@remote.example>"), StringComparison.Ordinal);
        _clock.Advance(TimeSpan.FromHours(3));
        Assert.StartsWith("250 ", await Send(house, "<d@remote.example>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_refused_for_its_content_does_not_count()
    {
        await using var house = House(1, null);
        Assert.StartsWith("550 ", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", "From: bob@example.org\r\n\r\nhi"), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await Send(house, "<bob@example.org>"), StringComparison.Ordinal);
    }

    [Fact]
    public void Counters_survive_a_restart_and_a_race_cannot_pass_them()
    {
        var folder = Directory.CreateTempSubdirectory("homemail-limits-").FullName;
        try
        {
            var alice = TestHouse.Account("alice", "alice@example.org") with { SendsPerDay = 2, NewRecipientsPerDay = 2 };
            using (var state = new StateStore(Path.Combine(folder, "state.db"), _clock))
            {
                var limits = new AccountLimits(state.Collection("sent"), state.Collection("written"), _clock);
                Assert.Null(limits.CheckMessage(alice));
                Assert.Null(limits.Take(alice, [TestHouse.A("a@remote.example")]));
            }
            using (var state = new StateStore(Path.Combine(folder, "state.db"), _clock))
            {
                var limits = new AccountLimits(state.Collection("sent"), state.Collection("written"), _clock);
                Assert.NotNull(limits.Take(alice, [TestHouse.A("b@remote.example"), TestHouse.A("c@remote.example")]));
                Assert.Null(limits.CheckRecipient(alice, [], TestHouse.A("a@remote.example")));
                Assert.Null(limits.Take(alice, [TestHouse.A("b@remote.example")]));
                Assert.NotNull(limits.Take(alice, [TestHouse.A("a@remote.example")]));
                Assert.NotNull(limits.CheckMessage(alice));
                limits.GiveBack(alice);
                Assert.Null(limits.CheckMessage(alice));
            }
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public async Task An_alias_sends_on_so_much_and_no_more()
    {
        await using var house = new TestHouse(clock: _clock);
        var limits = new AccountLimits(house.State.Collection("sent"), house.State.Collection("written"), _clock);
        for (var i = 0; i < AccountLimits.ForwardsPerDay; i++)
            Assert.True(limits.TakeForward("family@example.org"));
        Assert.False(limits.TakeForward("family@example.org"));
        Assert.StartsWith("450 4.7.1", await Post.DeliverAsync(house, "<x@remote.example>", "<family@example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>"), StringComparison.Ordinal);
    }
}
