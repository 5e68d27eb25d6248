using System.Net;
using HomeMail.Server.Tests.Transcripts;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>What many idle connections cost the published program.</summary>
public class BinaryCrowdTests(Binaries binaries, ITestOutputHelper output) : IClassFixture<Binaries>
{
    private const int Crowd = 2000;

    // What an idle connection in plain text may cost, its socket's kernel memory apart.
    private const int MostEach = 8 * 1024;

    [Fact]
    public async Task Two_thousand_idle_connections_stay_within_their_memory_and_others_are_answered()
    {
        Binaries.RequireProgram();
        var program = await binaries.RunningAsync(new Dictionary<string, string> { ["limits.connections"] = "3000", ["limits.connections-per-address"] = "3000" });
        var server = new IPEndPoint(IPAddress.Loopback, program.FirstPort);
        var before = program.ResidentOctets;
        var idle = new List<Client>();
        for (var i = 0; i < Crowd; i++)
        {
            var client = await Client.ConnectAsync(server, $"127.6.{i >> 8}.{i & 255}");
            Assert.StartsWith("220 ", await client.ReplyAsync());
            idle.Add(client);
        }
        var each = (program.ResidentOctets - before) / Crowd;
        output.WriteLine($"{before / 1024} kB before, {each} octets for each of {Crowd} idle connections");
        Assert.InRange(each, 0, MostEach);
        await using var other = await Client.ConnectAsync(server, "127.7.0.1");
        Assert.StartsWith("220 ", await other.ReplyAsync());
        Assert.StartsWith("250 2.6.0", await other.DeliverAsync());
        foreach (var client in idle)
            await client.DisposeAsync();
    }
}
