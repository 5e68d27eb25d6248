using System.Net;
using HomeMail.Server.Net;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Net;

public class AuthenticationGuardTests
{
    private static readonly IPAddress Guesser = IPAddress.Parse("198.51.100.9");
    private static readonly IPAddress Home = IPAddress.Parse("203.0.113.4");
    private static readonly IPAddress Router = IPAddress.Parse("192.168.1.254");

    private readonly JumpingClock _clock = new();
    private readonly AuthenticationGuard _guard;

    public AuthenticationGuardTests() =>
        _guard = new AuthenticationGuard(_clock, address => address.Equals(Router)) { Limits = new AuthenticationLimits { SharedFailuresPerHour = 30 } };

    private async Task<TimeSpan> FailAsync(string name, IPAddress address)
    {
        var before = _clock.Waited;
        await _guard.FailedAsync(name, address, CancellationToken.None);
        return _clock.Waited - before;
    }

    private async Task<TimeSpan> LogInAsync(string name, IPAddress address)
    {
        var before = _clock.Waited;
        Assert.True(await _guard.AdmitAsync(name, address, CancellationToken.None));
        _guard.Succeeded(name, address);
        return _clock.Waited - before;
    }

    [Fact]
    public async Task Each_failure_of_a_pair_costs_more_up_to_a_limit()
    {
        var costs = new List<double>();
        for (var i = 0; i < 7; i++)
            costs.Add((await FailAsync("alice", Guesser)).TotalSeconds);
        Assert.Equal([1, 2, 4, 8, 16, 20, 20], costs);
    }

    [Fact]
    public async Task Many_failures_block_the_address_whatever_the_names_and_only_for_a_while()
    {
        for (var i = 0; i < 10; i++)
        {
            Assert.False(_guard.IsBlocked(Guesser));
            await FailAsync("name" + i, Guesser);
        }
        Assert.True(_guard.IsBlocked(Guesser));
        Assert.False(await _guard.AdmitAsync("alice", Guesser, CancellationToken.None));
        Assert.False(_guard.IsBlocked(Home));
        _clock.Advance(TimeSpan.FromMinutes(15));
        Assert.False(_guard.IsBlocked(Guesser));
        // It has not been forgotten: one more and it is out again.
        await FailAsync("name", Guesser);
        Assert.True(_guard.IsBlocked(Guesser));
        _clock.Advance(TimeSpan.FromMinutes(31));
        await FailAsync("name", Guesser);
        Assert.False(_guard.IsBlocked(Guesser));
    }

    [Fact]
    public async Task An_IPv6_network_counts_as_one_address()
    {
        for (var i = 0; i < 10; i++)
            await FailAsync("alice", IPAddress.Parse($"2001:db8:0:1::{i + 1:x}"));
        Assert.True(_guard.IsBlocked(IPAddress.Parse("2001:db8:0:1:ffff::1")));
        Assert.False(_guard.IsBlocked(IPAddress.Parse("2001:db8:0:2::1")));
    }

    [Fact]
    public async Task An_address_mapped_into_IPv6_is_the_same_address()
    {
        for (var i = 0; i < 10; i++)
            await FailAsync("alice", Guesser.MapToIPv6());
        Assert.True(_guard.IsBlocked(Guesser));
    }

    [Fact]
    public async Task The_owner_elsewhere_notices_nothing()
    {
        for (var i = 0; i < 200; i++)
            await FailAsync("alice", IPAddress.Parse($"198.51.100.{i + 1}"));
        Assert.Equal(TimeSpan.Zero, await LogInAsync("alice", Home));
        Assert.Equal(TimeSpan.FromSeconds(1), await FailAsync("alice", Home));
    }

    [Fact]
    public async Task The_right_password_from_where_somebody_guesses_waits_its_turn_and_then_is_forgiven()
    {
        for (var i = 0; i < 3; i++)
            await FailAsync("alice", Home);
        Assert.Equal(TimeSpan.Zero, await LogInAsync("alice", Home));
        for (var i = 0; i < 6; i++)
            await FailAsync("alice", Home);
        Assert.Equal(TimeSpan.FromSeconds(4), await LogInAsync("alice", Home));
        Assert.Equal(TimeSpan.Zero, await LogInAsync("alice", Home));
        Assert.Equal(TimeSpan.FromSeconds(1), await FailAsync("alice", Home));
    }

    [Fact]
    public async Task Never_blocking_is_a_setting()
    {
        _guard.Limits = new AuthenticationLimits { Block = null };
        for (var i = 0; i < 100; i++)
            await FailAsync("alice", Guesser);
        Assert.False(_guard.IsBlocked(Guesser));
    }

    [Fact]
    public async Task A_shared_address_is_never_blocked_but_its_budget_ends()
    {
        await LogInAsync("alice", Router);
        for (var i = 0; i < 30; i++)
        {
            Assert.True(_guard.MayTry("bob", Router));
            await FailAsync("guess" + i, Router);
        }
        Assert.False(_guard.IsBlocked(Router));
        // Who was there before gets in; who was not waits until the failures have worn off.
        Assert.True(_guard.MayTry("alice", Router));
        Assert.Equal(TimeSpan.Zero, await LogInAsync("alice", Router));
        for (var i = 0; i < 5; i++)
            await FailAsync("guess", Router);
        Assert.False(_guard.MayTry("bob", Router));
        Assert.True(_guard.MayTry("bob", Home));
        _clock.Advance(TimeSpan.FromMinutes(20));
        Assert.True(_guard.MayTry("bob", Router));
    }

    [Fact]
    public async Task A_storm_of_names_costs_a_bounded_memory_and_the_newest_are_kept()
    {
        for (var i = 0; i < 10_000; i++)
            await FailAsync("name" + i, IPAddress.Parse($"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}"));
        for (var i = 0; i < 10; i++)
            await FailAsync("alice", Guesser);
        Assert.True(_guard.IsBlocked(Guesser));
        Assert.InRange(_guard.Entries, 1, 4096);
    }
}
