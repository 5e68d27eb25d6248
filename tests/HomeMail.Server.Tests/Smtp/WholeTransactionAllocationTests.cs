using System.Text;
using HomeMail.Server.Intake;
using HomeMail.Server.Policy;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>
/// What a message allocates from MAIL to 250 in a whole server: SPF, DKIM, DMARC, verdict, history, file and mailbox; by whatever thread.
/// <see cref="AllocationTests"/> says what the session has of it.
/// </summary>
[Collection(nameof(Alone))]
public class WholeTransactionAllocationTests(ITestOutputHelper output)
{
    private const int Rounds = 100;

    private static byte[] Message(int size) => Encoding.ASCII.GetBytes(
        "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nFrom: <anna@client.example>\r\nTo: <bob@example.org>\r\nSubject: s\r\nMessage-ID: <1@client.example>\r\n\r\n"
        + string.Concat(Enumerable.Repeat("a line of seventy octets, as most lines of most messages in the world are\r\n", size / 75)) + ".\r\n");

    [Fact]
    public async Task A_message_of_a_stranger_allocates_a_small_constant()
    {
        await using var house = new TestHouse(new SmtpLimits { GreetingDelay = TimeSpan.Zero, Commands = int.MaxValue, Transactions = int.MaxValue },
            policy: JudgementOptions.Default with { Rules = new PolicyRules { FirstTimeDelay = TimeSpan.Zero }, Greylist = false });
        house.Log.Level = LogLevel.Error;
        house.Zone.Txt("client.example", "v=spf1 ip4:192.0.2.0/24 -all");
        var stream = house.Connect();
        await ExpectAsync(stream, "220");
        await SayAsync(stream, "EHLO client.example\r\n"u8.ToArray(), "250");
        var small = await CostAsync(stream, Message(1000));
        var large = await CostAsync(stream, Message(50_000));
        output.WriteLine($"{small} octets a message of 1 kB, {large} of 50 kB");
        // 35 kB with optimised code, its client's side included; without, each asynchronous method adds an object.
        Assert.InRange(small, 1, 50_000);
        Assert.InRange(large, 1, small + 10_000);
    }

    private static async Task<long> CostAsync(Stream stream, byte[] message)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < Rounds; i++)
            {
                await SayAsync(stream, "MAIL FROM:<anna@client.example>\r\n"u8.ToArray(), "250");
                await SayAsync(stream, "RCPT TO:<bob@example.org>\r\n"u8.ToArray(), "250");
                await SayAsync(stream, "DATA\r\n"u8.ToArray(), "354");
                await SayAsync(stream, message, "250");
            }
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / Rounds);
        }
        return least;
    }

    private static async Task SayAsync(Stream stream, byte[] octets, string code)
    {
        await stream.WriteAsync(octets, TestContext.Current.CancellationToken);
        await ExpectAsync(stream, code);
    }

    private static readonly byte[] Buffer = new byte[4096];

    private static async Task ExpectAsync(Stream stream, string code)
    {
        var length = 0;
        do
            length += await stream.ReadAsync(Buffer.AsMemory(length), TestContext.Current.CancellationToken);
        while (!IsWhole(length));
        Assert.Equal(code, Encoding.ASCII.GetString(Buffer, 0, 3));
    }

    // A last line has no hyphen behind its code.
    private static bool IsWhole(int length)
    {
        var text = Buffer.AsSpan(0, length);
        if (!text.EndsWith("\r\n"u8))
            return false;
        var start = text[..^2].LastIndexOf((byte)'\n') + 1;
        return text[start + 3] != (byte)'-';
    }
}
