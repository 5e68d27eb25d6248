using HomeMail.Server.Watching;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Watching;

public sealed class FlashWrittenTests
{
    [Fact]
    public void A_day_is_summed_over_restarts_and_begins_anew_at_midnight()
    {
        var folder = Directory.CreateTempSubdirectory("hm-flash-").FullName;
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 14, 22, 0, 0, TimeSpan.Zero));
        using var state = new StateStore(Path.Combine(folder, "state.db"), clock);
        var written = 100L;
        IEnumerable<string> Read() => ["rchar: 7", $"write_bytes: {written}", "cancelled_write_bytes: 5"];

        var first = new FlashWritten(state.Collection("written"), clock, Read);
        Assert.Equal(100, first.Today());
        written = 250;
        Assert.Equal(250, first.Today());
        first.Save();

        written = 10;
        var second = new FlashWritten(state.Collection("written"), clock, Read);
        Assert.Equal(260, second.Today());
        clock.Advance(TimeSpan.FromHours(3));
        Assert.Equal(0, second.Today());
        written = 40;
        Assert.Equal((30, 40), (second.Today(), second.Total));
        second.Save();
        clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(40, new FlashWritten(state.Collection("written"), clock, Read).Today());
        Directory.Delete(folder, true);
    }

    [Fact]
    public void A_kernel_that_does_not_count_is_no_trouble()
    {
        var written = new FlashWritten(null, TimeProvider.System, static () => throw new FileNotFoundException());
        Assert.Null(written.Today());
        written.Save();
    }
}
