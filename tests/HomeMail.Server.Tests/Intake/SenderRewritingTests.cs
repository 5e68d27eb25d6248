using HomeMail.Protocol.Message;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>Reverse-paths of what is sent on, and their way back.</summary>
public sealed class SenderRewritingTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 14, 9, 26, 53, TimeSpan.Zero));

    private SenderRewriting Make(string secret = "secret") => new(System.Text.Encoding.ASCII.GetBytes(secret), _clock, static () => true, null);

    [Theory]
    [InlineData("x@remote.example")]
    [InlineData("X.y+Z@Remote.Example")]
    [InlineData("a=b@remote.example")]
    [InlineData("\"a b\"@remote.example")]
    [InlineData("SRS0=AbCd=XY=first.example=joe@second.example")]
    [InlineData("SRS0+AbCd=XY=first.example=joe@second.example")]
    public void There_and_back(string sender)
    {
        var rewriting = Make();
        var there = rewriting.Rewrite(TestHouse.A(sender), "example.org", true)!;
        Assert.Equal("example.org", there.Domain);
        Assert.StartsWith(sender.StartsWith("SRS", StringComparison.Ordinal) ? "SRS1=" : "SRS0=", there.LocalPart, StringComparison.Ordinal);
        Assert.True(AddressSyntax.TryParseMailbox(there.ToString(), false, out var parsed));
        Assert.Equal(ReturnKind.ToSender, rewriting.Return(parsed!, out var original));
        Assert.Equal(TestHouse.A(sender), original);
        // Some hosts fold the case.
        Assert.Equal(ReturnKind.ToSender, rewriting.Return(new Address(there.LocalPart.ToLowerInvariant(), "EXAMPLE.org"), out original));
        Assert.Equal(sender.ToLowerInvariant(), original!.ToString().ToLowerInvariant());
    }

    [Fact]
    public void A_chain_stays_short_and_goes_back_to_its_first()
    {
        var first = Make("one").Rewrite(TestHouse.A("joe@a.example"), "b.example", true)!;
        var second = Make("two").Rewrite(first, "c.example", true)!;
        var third = Make("three").Rewrite(second, "d.example", true)!;
        Assert.StartsWith("SRS1=", third.LocalPart, StringComparison.Ordinal);
        Assert.True(third.LocalPart.Length <= second.LocalPart.Length);
        Make("three").Return(third, out var back);
        Assert.Equal(first, back);
        Make("one").Return(back!, out back);
        Assert.Equal("joe@a.example", back!.ToString());
    }

    [Fact]
    public void Null_stays_null() => Assert.Null(Make().Rewrite(null, "example.org", true));

    [Fact]
    public void It_ends_and_nobody_else_can_make_one()
    {
        var there = Make().Rewrite(TestHouse.A("x@remote.example"), "example.org", true)!;
        Assert.Equal(ReturnKind.Unknown, Make("other").Return(there, out _));
        Assert.Equal(ReturnKind.Unknown, Make().Return(new Address(there.LocalPart, "other.example"), out _));
        Assert.Equal(ReturnKind.Unknown, Make().Return(new Address(there.LocalPart.Replace("=x", "=y", StringComparison.Ordinal), "example.org"), out _));
        for (var i = 5; i < there.LocalPart.Length; i++)
        {
            var changed = there.LocalPart[i] == 'q' ? 'w' : 'q';
            Assert.Equal(ReturnKind.Unknown, Make().Return(new Address($"{there.LocalPart[..i]}{changed}{there.LocalPart[(i + 1)..]}", "example.org"), out _));
            Assert.Equal(ReturnKind.Unknown, Make().Return(new Address(there.LocalPart[..i], "example.org"), out _));
        }
        _clock.Advance(TimeSpan.FromDays(SenderRewriting.Lifetime));
        Assert.Equal(ReturnKind.ToSender, Make().Return(there, out _));
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(ReturnKind.Unknown, Make().Return(there, out _));
    }

    [Fact]
    public void Who_has_proven_nothing_gets_nothing_back()
    {
        var there = Make().Rewrite(TestHouse.A("x@remote.example"), "example.org", false)!;
        Assert.Equal(ReturnKind.ToPostmaster, Make().Return(there, out var original));
        Assert.Null(original);
    }

    [Fact]
    public async Task A_report_goes_back_and_nothing_else_does()
    {
        await using var house = new TestHouse(clock: _clock);
        house.Zone.Txt("remote.example", "v=spf1 ip4:192.0.2.10 -all");
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<x@remote.example>", "<family@example.org>"), StringComparison.Ordinal);
        var sender = Assert.Single(house.Queued).Sender!;
        Assert.EndsWith("=remote.example=x@example.org", sender.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("550 5.7.1", await Post.DeliverAsync(house, "<y@remote.example>", $"<{sender}>"), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<>", $"<{sender}>"), StringComparison.Ordinal);
        var report = house.Queued[1];
        Assert.Equal((null, "internet", "x@remote.example"), (report.Sender, report.Principal, Assert.Single(report.Recipients).Address.ToString()));
        for (var i = 1; i < SenderRewriting.ReturnsPerDay; i++)
            Assert.Equal(ReturnKind.ToSender, house.Rewriting.Return(sender, out _));
        Assert.StartsWith("450 4.7.1", await Post.DeliverAsync(house, "<>", $"<{sender}>"), StringComparison.Ordinal);
        // Our own DSN finds the same way.
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.True(await house.Intake.AcceptAsync(null, sender, "From: MAILER-DAEMON@mail.example.org\r\n\r\nsorry\r\n"u8.ToArray(), false, default));
        Assert.Equal("x@remote.example", house.Queued[^1].Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task What_is_too_long_for_an_address_is_kept_here()
    {
        await using var house = new TestHouse(clock: _clock);
        var sender = TestHouse.A($"{new string('l', 60)}@a-rather-long-name.remote.example");
        var there = house.Rewriting.Rewrite(sender, "example.org", true)!;
        Assert.True(there.LocalPart.Length <= 64);
        Assert.Equal(ReturnKind.ToSender, house.Rewriting.Return(there, out var original));
        Assert.Equal(sender, original);
    }

    [Fact]
    public async Task A_null_reverse_path_goes_on_as_one_and_a_circle_is_broken()
    {
        await using var house = new TestHouse(clock: _clock);
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<>", "<family@example.org>"), StringComparison.Ordinal);
        Assert.Null(Assert.Single(house.Queued).Sender);
        var hops = string.Concat(Enumerable.Repeat("Received: from x\r\n\tby mail.example.org (HomeMail) with ESMTP id 1; today\r\n", 5));
        Assert.StartsWith("554 5.4.6", await Post.DeliverAsync(house, "<x@remote.example>", "<family@example.org>", hops + "From: x@remote.example\r\n\r\nround"), StringComparison.Ordinal);
    }
}
