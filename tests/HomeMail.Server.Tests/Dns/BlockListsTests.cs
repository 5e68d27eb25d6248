using System.Net;
using HomeMail.Server.Dns;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Dns;

public class BlockListsTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 14, 12, 0, 0, TimeSpan.Zero));
    private readonly ZoneResolver _zone = new();
    private readonly StringWriter _log = new();

    private BlockLists Lists(params string[] zones) => new(_zone, () => zones, _clock, new Log(_log, _clock));

    private static async Task<string> Find(BlockLists lists, string address) => string.Join(' ', await lists.FindAsync(IPAddress.Parse(address), default));

    [Fact]
    public async Task Addresses_of_both_families_are_found_reversed()
    {
        _zone.Addresses("2.0.0.127.bl.example", "127.0.0.2").Addresses("10.2.0.192.bl.example", "127.0.0.4")
            .Addresses("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example", "127.0.0.2");
        var lists = Lists("bl.example");
        Assert.Equal("bl.example", await Find(lists, "192.0.2.10"));
        Assert.Equal("bl.example", await Find(lists, "::ffff:192.0.2.10"));
        Assert.Equal("bl.example", await Find(lists, "2001:db8::5"));
        Assert.Equal("", await Find(lists, "192.0.2.11"));
        // The health of a list is asked for once.
        Assert.Single(_zone.Queries, q => q.Name == "2.0.0.127.bl.example");
    }

    [Fact]
    public async Task A_list_that_has_everything_is_switched_off()
    {
        _zone.Addresses("2.0.0.127.all.example", "127.0.0.2").Addresses("1.0.0.127.all.example", "127.0.0.2").Addresses("10.2.0.192.all.example", "127.0.0.2");
        var lists = Lists("all.example");
        Assert.Equal("", await Find(lists, "192.0.2.10"));
        Assert.Contains("127.0.0.1", Assert.Single(lists.Off).Trouble, StringComparison.Ordinal);
        Assert.DoesNotContain(_zone.Queries, q => q.Name == "10.2.0.192.all.example");
    }

    [Theory]
    [InlineData("203.0.113.1")]
    [InlineData("127.255.255.254")]
    public async Task An_answer_that_is_none_of_a_list_switches_it_off(string answer)
    {
        _zone.Addresses("2.0.0.127.bl.example", "127.0.0.2").Addresses("10.2.0.192.bl.example", answer);
        var lists = Lists("bl.example");
        Assert.Equal("", await Find(lists, "192.0.2.10"));
        Assert.Single(lists.Off);
        Assert.Contains("dnsbl", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_that_is_gone_is_not_asked_and_one_that_comes_back_is()
    {
        var lists = Lists("bl.example");
        Assert.Equal("", await Find(lists, "192.0.2.10"));
        Assert.Single(lists.Off);
        _zone.Addresses("2.0.0.127.bl.example", "127.0.0.2").Addresses("10.2.0.192.bl.example", "127.0.0.2");
        Assert.Equal("", await Find(lists, "192.0.2.10"));
        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal("bl.example", await Find(lists, "192.0.2.10"));
        Assert.Empty(lists.Off);
    }

    [Fact]
    public async Task A_list_that_does_not_answer_says_nothing_and_no_more_than_eight_are_asked()
    {
        _zone.Fail("2.0.0.127.bl0.example");
        Assert.Equal("", await Find(Lists([.. Enumerable.Range(0, 20).Select(i => $"bl{i}.example")]), "192.0.2.10"));
        Assert.InRange(_zone.Queries.Count, 1, 2 * BlockLists.Most);
    }
}
