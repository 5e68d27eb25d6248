using HomeMail.Server.Net;
using Xunit;

namespace HomeMail.Server.Tests.Net;

public class MemoryBudgetTests
{
    [Fact]
    public void Content_may_have_a_quarter_of_the_heap()
    {
        var budget = new MemoryBudget(1000);
        Assert.True(budget.TryReserve(200));
        Assert.False(budget.TryReserve(51));
        Assert.True(budget.TryReserve(50));
        budget.Release(200);
        Assert.True(budget.TryReserve(200));
        Assert.Equal(250, budget.Reserved);
    }

    [Fact]
    public void What_sessions_keep_is_counted_apart_and_at_once()
    {
        var budget = new MemoryBudget(1000);
        Assert.True(budget.TryKeep(250));
        Assert.False(budget.TryKeep(1));
        Assert.True(budget.TryReserve(250));

        // Those who read keep no mail out, and those who send keep nobody from reading.
        Assert.True(budget.TryKeepView(250));
        Assert.False(budget.TryKeepView(1));
        budget.LetGo(250);
        Assert.True(budget.TryKeep(1));
        Assert.False(budget.TryKeepView(1));
        budget.LetGoView(250);
        Assert.True(budget.TryKeepView(250));
    }

    [Fact]
    public void Garbage_is_no_shortage()
    {
        long used = 950;
        var budget = new MemoryBudget(1000, () => used, () => used = 300);
        budget.CheckTime(0);
        Assert.False(budget.IsShort);
    }

    [Fact]
    public void What_stays_after_a_collection_is_one()
    {
        long used = 800;
        var collections = 0;
        var budget = new MemoryBudget(1000, () => used, () => collections++);
        for (var i = 0; i < 10; i++)
            budget.CheckTime(i);
        Assert.True(budget.IsShort);
        Assert.False(budget.IsCritical);
        Assert.Equal(1, collections);
        used = 900;
        budget.CheckTime(10);
        Assert.True(budget.IsCritical);
        Assert.Equal(2, collections);
        used = 700;
        budget.CheckTime(11);
        Assert.False(budget.IsShort);
    }

    [Fact]
    public void Garbage_is_collected_before_the_limit_and_what_stays_is_not_looked_through_each_time()
    {
        var (used, collected) = (400L, 0);
        var budget = new MemoryBudget(1000, () => used, () => { collected++; used = Math.Min(used, 450); });
        budget.Relieve();
        Assert.Equal(0, collected);
        used = 600;
        budget.Relieve();
        Assert.Equal((1, 450L), (collected, used));
        used = 570;
        budget.Relieve();
        Assert.Equal(1, collected);
        used = 580;
        budget.Relieve();
        Assert.Equal(2, collected);
    }

    [Fact]
    public void The_process_has_a_limit() => Assert.True(MemoryBudget.OfThisProcess().TryReserve(1_000_000));
}
