using HomeMail.Server.Net;
using Xunit;

namespace HomeMail.Server.Tests.Net;

public sealed class QuietMemoryTests
{
    [Fact]
    public void Memory_is_given_back_once_after_work_and_not_during_it()
    {
        long allocated = 0;
        var given = 0;
        var memory = new QuietMemory(() => allocated, () => given++);
        void Beat(int times, long each)
        {
            for (var i = 0; i < times; i++)
            {
                allocated += each;
                memory.CheckTime(0);
            }
        }

        // The heartbeat's own trifle is no work.
        Beat(100, 100);
        Assert.Equal(0, given);
        Beat(20, 1 << 20);
        Assert.Equal(0, given);
        Beat(4, 1000);
        Assert.Equal(0, given);
        Beat(1, 1000);
        Assert.Equal(1, given);
        Beat(100, 1000);
        Assert.Equal(1, given);
        Beat(1, 2 << 20);
        Beat(5, 0);
        Assert.Equal(2, given);
    }

    [Fact]
    public void The_real_way_of_giving_back_works()
    {
        long allocated = 0;
        var memory = new QuietMemory(() => allocated);
        allocated = 2 << 20;
        for (var i = 0; i < 10; i++)
            memory.CheckTime(0);
        Assert.True(GC.CollectionCount(2) > 0);
    }
}
