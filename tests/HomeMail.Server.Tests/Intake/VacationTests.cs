using System.Text;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>Answers of who is away (RFC 3834): few, and to nobody who did not write.</summary>
public sealed class VacationTests
{
    private const string Letter = "From: x@remote.example\r\nTo: bob@example.org\r\nSubject: Tea?\r\nMessage-ID: <one@remote.example>\r\nReferences: <zero@remote.example>\r\n\r\nhi";
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 7, 10, 9, 0, 0, TimeSpan.Zero));

    private TestHouse House(VacationText? text = null)
    {
        var house = new TestHouse(clock: _clock).With(
            [new HostedDomain("example.org", "home"), new HostedDomain("other.example", "work")],
            [
                TestHouse.Account("alice", "alice@example.org"),
                TestHouse.Account("bob", "bob@example.org", "robert@example.org") with { Vacation = text ?? new VacationText("Ich bin f\u00fcr\neine Woche weg.") },
                TestHouse.Account("carol", "carol@other.example"),
            ],
            ("all@example.org", ["bob@example.org"]));
        house.Zone.Txt("remote.example", "v=spf1 ip4:192.0.2.10 -all");
        return house;
    }

    private static async Task<string> Answer(TestHouse house)
    {
        var envelope = Assert.Single(house.Queued);
        Assert.Null(envelope.Sender);
        Assert.Equal("server", envelope.Principal);
        using var file = house.Data.Spool.OpenMessage(envelope.Id);
        var octets = new byte[file.Length];
        file.Read(octets, 0);
        await Task.CompletedTask;
        return Encoding.UTF8.GetString(octets);
    }

    [Fact]
    public async Task It_is_a_message_as_the_standard_asks()
    {
        await using var house = House();
        house.DkimKeys.Use("example.org", "hm1");
        await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", Letter);
        var text = await Answer(house);
        var message = MimeMessage.Load(new MemoryStream(Encoding.UTF8.GetBytes(text)));
        Assert.Equal("bob@example.org", message.From.Mailboxes.Single().Address);
        Assert.Equal("x@remote.example", message.To.Mailboxes.Single().Address);
        Assert.Equal("Auto: Tea?", message.Subject);
        Assert.Equal("auto-replied", message.Headers["Auto-Submitted"]);
        Assert.Equal("one@remote.example", message.InReplyTo);
        Assert.Equal(["zero@remote.example", "one@remote.example"], message.References);
        Assert.Equal("Ich bin f\u00fcr\neine Woche weg.\n", message.TextBody!.ReplaceLineEndings("\n"));
        Assert.Contains("DKIM-Signature: ", text, StringComparison.Ordinal);
        Assert.Contains("d=example.org", text, StringComparison.Ordinal);
        Assert.Single(house.Mailbox("bob"));
    }

    [Fact]
    public async Task Each_sender_is_answered_once_in_some_days()
    {
        await using var house = House();
        foreach (var (days, answers) in ((int, int)[])[(0, 1), (0, 1), (6, 1), (1, 2), (3, 2)])
        {
            _clock.Advance(TimeSpan.FromDays(days));
            await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", Letter);
            Assert.Equal(answers, house.Queued.Count);
        }
        await Post.DeliverAsync(house, "<y@remote.example>", "<bob@example.org>", Letter);
        Assert.Equal(3, house.Queued.Count);
    }

    [Fact]
    public async Task There_is_an_end_to_it_in_a_day()
    {
        await using var house = House();
        var answers = new VacationReplies(house.State.Collection("bounded"), _clock);
        var given = 0;
        for (var i = 0; i < VacationReplies.PerDay + 50; i++)
            given += answers.Answer(house.Names.Account("bob")!, TestHouse.A($"x{i}@remote.example"), house.Names, Encoding.ASCII.GetBytes(Letter), null) is null ? 0 : 1;
        Assert.Equal(VacationReplies.PerDay, given);
    }

    /// <summary>MAIL FROM, the message, and from where: none of these is answered.</summary>
    public static TheoryData<string, string> Unanswered => new()
    {
        { "<>", Letter },
        { "<x@unproven.example>", Letter },
        { "<mailer-daemon@remote.example>", Letter },
        { "<owner-list@remote.example>", Letter },
        { "<list-owner@remote.example>", Letter },
        { "<list-request@remote.example>", Letter },
        { "<list-bounces+bob=example.org@remote.example>", Letter },
        { "<noreply@remote.example>", Letter },
        { "<SRS0=ab=cd=first.example=joe@remote.example>", Letter },
        { "<x@remote.example>", "Auto-Submitted: auto-replied\r\n" + Letter },
        { "<x@remote.example>", "Auto-Submitted: auto-generated; by=cron\r\n" + Letter },
        { "<x@remote.example>", "List-Id: <l.remote.example>\r\n" + Letter },
        { "<x@remote.example>", "List-Unsubscribe: <mailto:u@remote.example>\r\n" + Letter },
        { "<x@remote.example>", "Precedence: bulk\r\n" + Letter },
        { "<x@remote.example>", "Precedence: LIST\r\n" + Letter },
        { "<x@remote.example>", "X-Auto-Response-Suppress: OOF, AutoReply\r\n" + Letter },
        { "<x@remote.example>", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n" + Letter },
        { "<x@remote.example>", Letter.Replace("To: bob@example.org", "To: all@example.org", StringComparison.Ordinal) },
        { "<x@remote.example>", Letter.Replace("To: bob@example.org", "To: undisclosed-recipients:;", StringComparison.Ordinal) },
        { "<x@remote.example>", Letter.Replace("To: bob@example.org\r\n", "", StringComparison.Ordinal) },
        { "<x@remote.example>", Letter.Replace("To: bob@example.org", "To: alice@example.org", StringComparison.Ordinal) },
    };

    [Theory, MemberData(nameof(Unanswered))]
    public async Task This_is_not_answered(string mail, string message)
    {
        await using var house = House();
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, mail, "<bob@example.org>", message), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
        Assert.Single(house.Mailbox("bob"));
    }

    [Theory]
    [InlineData("Auto-Submitted: no\r\n", "To: bob@example.org")]
    [InlineData("", "To: Robert <robert+x@example.org>")]
    [InlineData("", "To: y@remote.example\r\nCc: BOB@example.org")]
    public async Task This_is(string more, string to)
    {
        await using var house = House();
        await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", more + Letter.Replace("To: bob@example.org", to, StringComparison.Ordinal));
        Assert.Single(house.Queued);
    }

    [Theory]
    [InlineData("2026-07-11", null, false)]
    [InlineData("2026-07-10", null, true)]
    [InlineData(null, "2026-07-10", true)]
    [InlineData(null, "2026-07-09", false)]
    [InlineData("2026-07-01", "2026-07-21", true)]
    public async Task It_has_its_days(string? from, string? until, bool answered)
    {
        await using var house = House(new VacationText("away", "Away", from is null ? null : DateOnly.Parse(from), until is null ? null : DateOnly.Parse(until)));
        await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", Letter);
        Assert.Equal(answered ? 1 : 0, house.Queued.Count);
    }

    [Fact]
    public async Task One_of_the_house_is_answered_too_and_one_of_another_tenant_over_SMTP()
    {
        await using var house = House();
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", "From: alice@example.org\r\nTo: bob@example.org\r\n\r\nhi");
        Assert.Contains("Auto-Submitted: auto-replied", Assert.Single(house.Mailbox("alice")), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
        house.Zone.Txt("other.example", "v=spf1 ip4:192.0.2.10 -all");
        await Post.DeliverAsync(house, "<carol@other.example>", "<bob@example.org>", "From: carol@other.example\r\nTo: bob@example.org\r\n\r\nhi");
        Assert.Empty(house.Mailbox("carol"));
        Assert.Equal("carol@other.example", Assert.Single(house.Queued).Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task A_subject_cannot_make_fields()
    {
        await using var house = House();
        await Post.DeliverAsync(house, "<x@remote.example>", "<bob@example.org>", Letter.Replace("Tea?", "=?utf-8?Q?a=0D=0ABcc:_y@z.example?= \u00fc" + new string('s', 600), StringComparison.Ordinal));
        var text = await Answer(house);
        Assert.DoesNotContain("\nBcc", text, StringComparison.Ordinal);
        Assert.All(text.Split("\r\n"), line => Assert.True(line.Length < 200));
    }
}
