using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Server.Imap;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Imap;

/// <summary>Several sessions do random things to one mailbox. Each keeps its numbers by what it is told; what they then see must be what there is.</summary>
public partial class ImapModelTests(ITestOutputHelper output)
{
    private const int Sessions = 4;
    private const int Steps = 300;

    [Theory, InlineData(false), InlineData(true)]
    public async Task Sessions_agree_with_what_there_is(bool withQResync)
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var house = new ImapHouse();
        for (var i = 0; i < 5; i++)
            await house.DeliverAsync("alice", "INBOX", "Subject: x\r\n\r\nx\r\n");
        var clients = new List<Client>();
        for (var i = 0; i < Sessions; i++)
            clients.Add(await Client.OpenAsync(house, withQResync && i % 2 == 0));
        for (var step = 0; step < Steps; step++)
        {
            var client = clients[random.Next(Sessions)];
            var count = client.Uids.Count;
            var number = count == 0 ? 1 : random.Next(count) + 1;
            switch (random.Next(9))
            {
                case 0:
                    await house.DeliverAsync("alice", "INBOX", "Subject: y\r\n\r\ny\r\n");
                    break;
                case 1 when count > 0:
                    await client.AskAsync($"STORE {number} +FLAGS (\\Deleted)", mayExpunge: false);
                    break;
                case 2:
                    await client.AskAsync("EXPUNGE", mayExpunge: true);
                    break;
                case 3 when count > 0:
                    await client.AskAsync($"FETCH {number}:* (UID FLAGS)", mayExpunge: false);
                    break;
                case 4:
                    await client.AskAsync("APPEND INBOX {6+}\r\na: b\r\n", mayExpunge: true);
                    break;
                case 5 when count > 0:
                    await client.AskAsync($"STORE {number} FLAGS.SILENT (\\Flagged)", mayExpunge: false);
                    break;
                case 6:
                    await client.AskAsync("SEARCH ALL", mayExpunge: false);
                    break;
                case 7 when count > 0:
                    await client.AskAsync($"COPY {number} INBOX", mayExpunge: true);
                    break;
                case 8 when count > 0:
                    await client.AskAsync($"MOVE {number} INBOX", mayExpunge: true);
                    break;
                default:
                    await client.AskAsync("NOOP", mayExpunge: true);
                    break;
            }
        }
        var there = house.Account("alice").Find("INBOX")!.Uids(out _);
        foreach (var client in clients)
        {
            await client.AskAsync("NOOP", mayExpunge: true);
            await client.AskAsync("FETCH 1:* (UID)", mayExpunge: false);
            Assert.Equal(there, client.Uids);
        }
    }

    /// <summary>A client that counts along: 0 stands for a message whose UID it was not told yet.</summary>
    private sealed partial class Client(Stream stream, bool withQResync)
    {
        private readonly ImapSide _side = new(new OpenConnection(stream));
        private int _tag;

        public List<uint> Uids { get; } = [];

        public static async Task<Client> OpenAsync(ImapHouse house, bool withQResync)
        {
            var client = new Client(await TestHouse.SecureAsync(house.Connect(ImapRole.Imaps)), withQResync);
            await client._side.ReadLineAsync();
            await client.AskAsync($"LOGIN alice {TestHouse.Password}", mayExpunge: false);
            if (withQResync)
                await client.AskAsync("ENABLE QRESYNC", mayExpunge: false);
            await client.AskAsync("SELECT INBOX", mayExpunge: false);
            await client.AskAsync("FETCH 1:* (UID)", mayExpunge: false);
            return client;
        }

        public async Task AskAsync(string command, bool mayExpunge)
        {
            // Where gone messages are told by UID the client has to know those.
            if (withQResync && mayExpunge && Uids.Contains(0))
                await AskAsync("FETCH 1:* (UID)", mayExpunge: false);
            var tag = $"t{++_tag} ";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(tag + command + "\r\n"));
            while (true)
            {
                var line = await _side.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)) ?? throw new InvalidOperationException("closed after " + command);
                if (line.StartsWith(tag, StringComparison.Ordinal))
                {
                    Assert.DoesNotContain(" BAD ", line, StringComparison.Ordinal);
                    return;
                }
                Take(line, mayExpunge, command);
            }
        }

        private void Take(string line, bool mayExpunge, string command)
        {
            if (Exists().Match(line) is { Success: true } exists)
            {
                var count = Number(exists);
                Assert.True(count >= Uids.Count, $"{line} where {Uids.Count} are known, after {command}");
                while (Uids.Count < count)
                    Uids.Add(0);
            }
            else if (Expunge().Match(line) is { Success: true } expunge)
            {
                Assert.True(mayExpunge, $"{line} in {command}");
                Uids.RemoveAt((int)Number(expunge) - 1);
            }
            else if (Vanished().Match(line) is { Success: true } vanished)
            {
                Assert.True(mayExpunge, $"{line} in {command}");
                foreach (var part in vanished.Groups[1].Value.Split(','))
                {
                    var ends = part.Split(':');
                    for (var uid = uint.Parse(ends[0], CultureInfo.InvariantCulture); uid <= uint.Parse(ends[^1], CultureInfo.InvariantCulture); uid++)
                        if (!Uids.Remove(uid))
                            // One that came and was not asked for yet is the first unknown.
                            Uids.Remove(0);
                }
            }
            else if (Fetch().Match(line) is { Success: true } fetch)
            {
                var number = (int)Number(fetch);
                Assert.InRange(number, 1, Uids.Count);
                if (fetch.Groups[2].Success)
                {
                    var uid = uint.Parse(fetch.Groups[2].Value, CultureInfo.InvariantCulture);
                    Assert.True(Uids[number - 1] == 0 || Uids[number - 1] == uid, $"{line} where {Uids[number - 1]} is known, after {command}");
                    Uids[number - 1] = uid;
                }
            }
        }

        private static uint Number(Match match) => uint.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

        [GeneratedRegex(@"^\* (\d+) EXISTS$")]
        private static partial Regex Exists();

        [GeneratedRegex(@"^\* (\d+) EXPUNGE$")]
        private static partial Regex Expunge();

        [GeneratedRegex(@"^\* VANISHED ([\d:,]+)$")]
        private static partial Regex Vanished();

        [GeneratedRegex(@"^\* (\d+) FETCH \((?:UID (\d+))?")]
        private static partial Regex Fetch();
    }
}
