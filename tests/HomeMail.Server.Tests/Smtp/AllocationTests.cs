using System.Text;
using HomeMail.Fuzz;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>What a steady session allocates: nothing for a command or a block of content, and a small constant for a transaction.</summary>
public class AllocationTests(ITestOutputHelper output)
{
    private const int Rounds = 500;

    private static byte[] Octets(string text) => Encoding.Latin1.GetBytes(text);

    private static long Measure(InlineSession session, byte[] octets, int rounds)
    {
        return Least(() => Feed(session, octets), rounds);
    }

    // What is steady is in each measurement. What is not is a collection that other tests have caused, and that has emptied the pools.
    private static long Least(Action action, int rounds)
    {
        for (var i = 0; i < 300; i++)
            action();
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 20 && least > 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < rounds; i++)
                action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }

    private static void Feed(InlineSession session, byte[] octets)
    {
        session.Stream.ClearOutput();
        session.Stream.Feed(octets);
    }

    private static InlineSession Open(SmtpRole service, string greeting)
    {
        var session = new InlineSession(service);
        session.Stream.Feed(Octets("EHLO client.example\r\n" + greeting));
        session.Stream.ClearOutput();
        return session;
    }

    [Theory]
    [InlineData("NOOP\r\n")]
    [InlineData("RSET\r\n")]
    [InlineData("NOOP\r\nRSET\r\nNOOP\r\nVRFY x\r\n")]
    [InlineData("HELP\r\n")]
    [InlineData("DATA\r\n")]
    [InlineData("NOOP \0\x01\x7f something long that nobody reads\r\n")]
    public void A_command_that_needs_nothing_allocates_nothing(string line)
    {
        using var session = new InlineSession(limits: new SmtpLimits { GreetingDelay = TimeSpan.Zero, Commands = int.MaxValue, Errors = int.MaxValue });
        Assert.Equal(0, Measure(session, Octets(line), Rounds));
        Assert.True(session.Stream.OutputLength > 0);
    }

    [Theory]
    [InlineData("N|OOP\r\n")]
    [InlineData("NOOP\r|\n")]
    public void Nor_does_one_that_comes_in_pieces(string line)
    {
        using var session = new InlineSession(limits: new SmtpLimits { GreetingDelay = TimeSpan.Zero, Commands = int.MaxValue, Errors = int.MaxValue });
        var pieces = line.Split('|').Select(Octets).ToArray();
        Assert.Equal(0, Least(FeedAll, Rounds));

        void FeedAll()
        {
            foreach (var piece in pieces)
                Feed(session, piece);
        }
    }

    [Theory]
    [InlineData(SmtpRole.Mta, "DATA\r\n")]
    [InlineData(SmtpRole.Lan, "DATA\r\n")]
    [InlineData(SmtpRole.Mta, "BDAT 50000000 LAST\r\n")]
    public void A_block_of_content_allocates_nothing(SmtpRole service, string start)
    {
        using var session = Open(service, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n" + start + "Subject: s\r\n\r\n");
        var block = Octets(string.Concat(Enumerable.Repeat("..a line of seventy octets, as most lines are, and one of them begins so\r\n", 54)));
        Assert.Equal(0, Measure(session, block, Rounds));
        Assert.Equal(0, session.Stream.OutputLength);
    }

    [Theory]
    [InlineData("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nFrom: a@b.example\r\nSubject: s\r\n\r\nbody\r\n.\r\n", 1600)]
    [InlineData("MAIL FROM:<a@b.example> SIZE=1000\r\nRCPT TO:<c@d.example>\r\nBDAT 42 LAST\r\nFrom: a@b.example\r\nSubject: s\r\n\r\nbody 12\r\n", 1600)]
    [InlineData("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRSET\r\n", 600)]
    [InlineData("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@noway.example>\r\nRSET\r\n", 500)]
    public void A_transaction_allocates_a_small_constant(string dialogue, int most)
    {
        using var session = new InlineSession(limits: new SmtpLimits { GreetingDelay = TimeSpan.Zero, Commands = int.MaxValue, Transactions = int.MaxValue, Recipients = int.MaxValue });
        session.Stream.Feed(Octets("EHLO client.example\r\n"));
        var each = Measure(session, Octets(dialogue), Rounds) / (double)Rounds;
        output.WriteLine($"{each} octets a transaction");
        Assert.InRange(each, 1, most);
        Assert.Contains("250 ", Encoding.Latin1.GetString(session.Stream.Output));
    }

    [Fact]
    public void What_a_message_costs_does_not_grow_with_its_size()
    {
        using var session = Open(SmtpRole.Mta, "");
        var start = Octets("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: s\r\n\r\n");
        var block = Octets(new string('x', 998) + "\r\n");
        var end = Octets(".\r\n");
        long Message(int blocks)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Feed(session, start);
            for (var i = 0; i < blocks; i++)
                session.Stream.Feed(block);
            session.Stream.Feed(end);
            Assert.EndsWith("250 2.6.0 Accepted as 00000000000000\r\n", Encoding.Latin1.GetString(session.Stream.Output));
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        long Cheapest(int blocks) => Enumerable.Range(0, 5).Min(_ => Message(blocks));
        for (var i = 0; i < 20; i++)
            Message(60);
        var small = Cheapest(5);
        Assert.InRange(Cheapest(60), 0, small + 1000);
        Assert.InRange(Cheapest(5000), 0, small + 4000);
    }
}
