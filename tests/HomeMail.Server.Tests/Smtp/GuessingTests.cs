using System.Net;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>Guessers at passwords, as sessions and listeners meet them.</summary>
public class GuessingTests
{
    private readonly JumpingClock _guardClock = new();

    private static string Plain(string name, string password) =>
        "AUTH PLAIN " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"\0{name}\0{password}"));

    private static async Task<Client> OpenAsync(Stream stream)
    {
        var client = new Client(stream);
        await client.SecureAsync();
        Assert.StartsWith("220 ", await client.ReplyAsync());
        Assert.StartsWith("250 ", await client.AskAsync("EHLO c"));
        return client;
    }

    private static async Task GuessAsync(TestHouse house, string name, string peer, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await using var client = await OpenAsync(house.Connect(SmtpRole.Submissions, peer));
            Assert.StartsWith("535 5.7.8 ", await client.AskAsync(Plain(name, "guess" + i)));
        }
    }

    [Fact]
    public async Task An_address_that_guesses_is_shut_out_of_submission_but_may_deliver_mail()
    {
        await using var house = new TestHouse(guardClock: _guardClock);
        using var submission = house.Listen(new ConnectionGate(100, 100), SmtpRole.Submission);
        using var smtp = house.Listen(new ConnectionGate(100, 100));
        await GuessAsync(house, "alice", "127.5.0.1", 10);
        await using (var shut = await Client.ConnectAsync(submission.EndPoint, "127.5.0.1"))
            Assert.Equal("421 4.7.0 Too many failed log-ins from your address, try again later", await shut.ReplyAsync());
        await using (var mail = await Client.ConnectAsync(smtp.EndPoint, "127.5.0.1"))
            Assert.StartsWith("220 ", await mail.ReplyAsync());
        await using (var neighbour = await Client.ConnectAsync(submission.EndPoint, "127.5.0.2"))
            Assert.StartsWith("220 ", await neighbour.ReplyAsync());
        _guardClock.Advance(TimeSpan.FromMinutes(16));
        await using var later = await Client.ConnectAsync(submission.EndPoint, "127.5.0.1");
        Assert.StartsWith("220 ", await later.ReplyAsync());
    }

    [Fact]
    public async Task The_owner_elsewhere_logs_in_without_delay_while_somebody_guesses()
    {
        await using var house = new TestHouse(guardClock: _guardClock);
        await GuessAsync(house, "alice", "198.51.100.1", 9);
        var before = _guardClock.Waited;
        await using var owner = await OpenAsync(house.Connect(SmtpRole.Submissions, "203.0.113.7"));
        Assert.StartsWith("235 ", await owner.AskAsync(Plain("alice", TestHouse.Password)));
        Assert.Equal(before, _guardClock.Waited);
    }

    [Fact]
    public async Task A_blocked_address_whose_session_is_open_is_closed_even_with_the_right_password()
    {
        await using var house = new TestHouse(guardClock: _guardClock);
        await using var open = await OpenAsync(house.Connect(SmtpRole.Submissions, "198.51.100.2"));
        await GuessAsync(house, "bob", "198.51.100.2", 10);
        Assert.StartsWith("421 4.7.0 ", await open.AskAsync(Plain("alice", TestHouse.Password)));
        Assert.Null(await open.ReplyAsync());
    }

    [Fact]
    public async Task Behind_a_router_that_masks_its_clients_nobody_is_blocked_but_the_guesses_have_a_budget()
    {
        await using var house = new TestHouse(guardClock: _guardClock);
        house.Shared.Add(IPAddress.Parse("192.168.1.254"));
        house.Guard.Limits = new AuthenticationLimits { SharedFailuresPerHour = 12 };
        await using (var owner = await OpenAsync(house.Connect(SmtpRole.Submissions, "192.168.1.254")))
            Assert.StartsWith("235 ", await owner.AskAsync(Plain("alice", TestHouse.Password)));
        // One more than the budget: meanwhile a little of it has come back.
        for (var i = 0; i < 13; i++)
            await GuessAsync(house, "name" + i, "192.168.1.254", 1);
        // More guesses bring nothing, not even with the right password; the one who was there before gets in.
        for (var i = 0; i < 3; i++)
        {
            await using var guesser = await OpenAsync(house.Connect(SmtpRole.Submissions, "192.168.1.254"));
            Assert.StartsWith("454 4.7.0 ", await guesser.AskAsync(Plain("bob", i == 0 ? TestHouse.Password : "guess")));
        }
        await using (var owner = await OpenAsync(house.Connect(SmtpRole.Submissions, "192.168.1.254")))
            Assert.StartsWith("235 ", await owner.AskAsync(Plain("alice", TestHouse.Password)));
        // Elsewhere nothing has happened.
        await using (var elsewhere = await OpenAsync(house.Connect(SmtpRole.Submissions, "203.0.113.7")))
            Assert.StartsWith("235 ", await elsewhere.AskAsync(Plain("bob", TestHouse.Password)));
        _guardClock.Advance(TimeSpan.FromMinutes(30));
        await using var again = await OpenAsync(house.Connect(SmtpRole.Submissions, "192.168.1.254"));
        Assert.StartsWith("235 ", await again.AskAsync(Plain("bob", TestHouse.Password)));
    }

    [Fact]
    public async Task Behind_such_a_router_who_says_nothing_is_sent_away_sooner()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var house = new TestHouse(clock: clock);
        house.Shared.Add(IPAddress.Parse("192.168.1.254"));
        var wire = new Wire();
        house.Serve(wire.Server, SmtpRole.Mta, "192.168.1.254");
        await wire.AtRestAsync();
        clock.Advance(TimeSpan.FromSeconds(32));
        await using var client = new Client(wire.Client);
        Assert.StartsWith("220 ", await client.ReplyAsync());
        Assert.StartsWith("421 4.4.2 ", await client.ReplyAsync());
    }
}
