using HomeMail.Storage.State;
using LiteDB;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Storage.Tests;

public sealed class StateTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private readonly List<StorageNotice> _notices = [];

    public void Dispose() => Directory.Delete(_root, true);

    private string FilePath => Path.Combine(_root, "state.db");

    private StateStore Open() => new(FilePath, _clock, _notices.Add);

    private static BsonDocument Number(int number) => new() { ["n"] = number };

    private DateTimeOffset InHours(int hours) => _clock.GetUtcNow().AddHours(hours);

    [Theory]
    [InlineData("")]
    [InlineData("written-today")]
    [InlineData("Grey")]
    [InlineData("9")]
    [InlineData("a b")]
    [InlineData("$files")]
    public void A_name_that_the_file_could_not_hold_is_refused_at_once_and_costs_nothing(string name)
    {
        using var state = Open();
        state.Collection("grey").Upsert("a", Number(1), InHours(1));
        Assert.Throws<ArgumentException>(() => state.Collection(name));
        state.Flush();
        Assert.Equal(1, state.Collection("grey").Find("a")!["n"].AsInt32);
        Assert.Empty(_notices);
    }

    [Fact]
    public void What_is_asked_again_is_not_read_from_the_file_again_until_the_flush()
    {
        using var state = Open();
        var grey = state.Collection("grey");
        grey.Upsert("a", Number(1), InHours(1));
        state.Flush();
        Assert.Equal(1, grey.Find("a")!["n"].AsInt32);
        Assert.Null(grey.Find("nobody"));

        // A query of the file takes some ten thousand octets.
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            Assert.NotNull(grey.Find("a"));
            Assert.Null(grey.Find("nobody"));
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000);

        grey.Upsert("nobody", Number(2), InHours(1));
        Assert.Equal(2, grey.Find("nobody")!["n"].AsInt32);
        grey.Remove("a");
        Assert.Null(grey.Find("a"));
        state.Flush();
        Assert.Null(grey.Find("a"));
        Assert.Equal(2, grey.Find("nobody")!["n"].AsInt32);
        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Null(grey.Find("nobody"));
    }

    [Fact]
    public void What_was_read_goes_with_all_the_rest()
    {
        using var state = Open();
        var grey = state.Collection("grey");
        grey.Upsert("a", Number(1), InHours(1));
        state.Flush();
        Assert.NotNull(grey.Find("a"));
        grey.Clear();
        Assert.Null(grey.Find("a"));
    }

    [Fact]
    public void What_is_set_is_found_before_and_after_the_flush_and_by_the_next_process()
    {
        using (var state = Open())
        {
            var grey = state.Collection("grey");
            grey.Upsert("a", Number(1), InHours(1));
            Assert.Equal(1, grey.Find("a")!["n"].AsInt32);
            state.Flush();
            Assert.Equal(1, grey.Find("a")!["n"].AsInt32);
            grey.Upsert("a", Number(2), InHours(1));
            grey.Upsert("b", Number(3), InHours(2));
            grey.Upsert(new string('k', 5000), Number(4), InHours(2));
            Assert.Equal(2, grey.Find("a")!["n"].AsInt32);
            Assert.Null(state.Collection("other").Find("a"));
        }
        using (var state = Open())
        {
            var grey = state.Collection("grey");
            Assert.Equal(2, grey.Find("a")!["n"].AsInt32);
            Assert.Equal(4, grey.Find(new string('k', 5000))!["n"].AsInt32);
            grey.Remove("b");
            Assert.Null(grey.Find("b"));
            Assert.Equal(2, grey.All().Count);
            _clock.Advance(TimeSpan.FromHours(1.5));
            Assert.Null(grey.Find("a"));
            state.MayExpire = false;
            Assert.NotNull(grey.Find("a"));
            state.MayExpire = true;
            Assert.Single(grey.All());
        }
        Assert.Empty(_notices);
    }

    [Fact]
    public void What_the_disk_does_not_take_is_told_and_written_later()
    {
        var folder = Path.Combine(_root, "absent");
        using var state = new StateStore(Path.Combine(folder, "state.db"), _clock, _notices.Add);
        var grey = state.Collection("grey", maximum: 3);
        for (var i = 0; i < 5; i++)
            grey.Upsert($"{i}", Number(i), InHours(1));
        state.Flush();
        Assert.Contains(_notices, n => n.Kind == "state-not-used");
        Assert.Equal(2, grey.Find("2")!["n"].AsInt32);
        Assert.Null(grey.Find("4"));

        Directory.CreateDirectory(folder);
        state.Flush();
        using var next = new StateStore(Path.Combine(folder, "state.db"), _clock);
        Assert.Equal(3, next.Collection("grey").All().Count);
    }

    [Fact]
    public void Nothing_is_on_disk_until_the_flush()
    {
        using var state = Open();
        state.Collection("x").Upsert("a", Number(1), InHours(1));
        Assert.False(File.Exists(FilePath));
        state.Flush();
        Assert.True(File.Exists(FilePath));
    }

    [Fact]
    public void What_expires_first_goes_when_there_is_too_much()
    {
        using var state = Open();
        var few = state.Collection("few", maximum: 10);
        for (var i = 0; i < 50; i++)
            few.Upsert("k" + i, Number(i), InHours(100 - i));
        state.Flush();
        Assert.Equal(10, few.All().Count);
        Assert.Null(few.Find("k49"));
        Assert.NotNull(few.Find("k0"));
        few.Clear();
        Assert.Empty(few.All());
    }

    [Theory]
    [InlineData(0, 8192)]
    [InlineData(8000, 9000)]
    [InlineData(0, 40)]
    public void A_damaged_file_is_moved_aside_and_begun_anew(int from, int to)
    {
        using (var state = Open())
            for (var i = 0; i < 500; i++)
                state.Collection("c").Upsert("k" + i, Number(i), InHours(1));
        var octets = File.ReadAllBytes(FilePath);
        new Random(1).NextBytes(octets.AsSpan(from, to - from));
        File.WriteAllBytes(FilePath, octets);
        using (var state = Open())
        {
            for (var i = 0; i < 500; i++)
                state.Collection("c").Find("k" + i);
            state.Collection("c").Upsert("new", Number(1), InHours(1));
            state.Flush();
            Assert.NotNull(state.Collection("c").Find("new"));
        }
        if (from == 0)
        {
            Assert.Equal("state-damaged", Assert.Single(_notices).Kind);
            Assert.True(File.Exists(FilePath + ".damaged"));
        }
    }

    [Fact]
    public void Events_are_found_by_message_and_by_address()
    {
        var folder = Path.Combine(_root, "history");
        var first = MessageId.New(_clock);
        var second = MessageId.New(_clock);
        var history = new DeliveryHistory(folder, _clock, days: 3);
        history.Add(first, "bob@example.org", "accepted", "from alice\n250 forged");
        history.Add(second, "bob@example.org.evil", "sent");
        Assert.True(history.Flush());
        _clock.Advance(TimeSpan.FromDays(1));
        history.Add(first, "Bob@example.org", "stored", "INBOX 1");
        var found = history.Find("bob@example.org");
        Assert.Equal(["accepted", "stored"], found.Select(happened => happened.What));
        Assert.Equal("from alice 250 forged", found[0].Detail);
        Assert.Equal(2, history.Find(first.Value).Count);
        Assert.Single(history.Find(second.Value));
        Assert.Single(history.Find("bob@example.org", limit: 1));
        history.Flush();
        Assert.Equal(2, Directory.GetFiles(folder).Length);
        history.MayExpire = false;
        _clock.Advance(TimeSpan.FromDays(400));
        history.Flush();
        Assert.Equal(2, Directory.GetFiles(folder).Length);
        history.MayExpire = true;
        history.Flush();
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void History_stays_below_its_size_and_survives_a_torn_line()
    {
        var folder = Path.Combine(_root, "history");
        var history = new DeliveryHistory(folder, _clock, days: 1000, bytes: 200_000);
        MessageId last = default;
        for (var day = 0; day < 20; day++)
        {
            for (var i = 0; i < 300; i++)
                history.Add(last = MessageId.New(_clock), "someone@example.org", "sent", new string('x', 40));
            history.Flush();
            if (day < 19)
                _clock.Advance(TimeSpan.FromDays(1));
        }
        Assert.InRange(Directory.GetFiles(folder).Sum(file => new FileInfo(file).Length), 100_000, 230_000);
        var latest = Directory.GetFiles(folder).Max()!;
        File.AppendAllText(latest, "2026-01-01T00:0");
        var id = MessageId.New(_clock);
        history.Add(id, "a@b", "after");
        history.Flush();
        Assert.Single(history.Find(id.Value));
        Assert.Single(history.Find(last.Value));
    }
}
