// needs: python3-dkim python3-authres
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Protocol.Arc;
using HomeMail.Server.Authentication;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Authentication;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>Mail from the internet to an alias that leads outside: what the next host gets, octet by octet, and what it is worth there.</summary>
public sealed class SealedForwardingTests
{
    private const string Dialogue = """
        S: 220 mx
        C: EHLO home.example
        S: 250-mx
        S: 250-SMTPUTF8
        S: 250 8BITMIME
        C: MAIL FROM:*
        S: 250 ok
        C: RCPT TO:<aunt@example.net>
        S: 250 ok
        C: DATA
        S: 354 go
        data
        S: 250 ok
        """;

    private const string Letter = "From: a@author.example\r\nTo: family@example.org\r\nSubject: Tea\r\nMessage-ID: <1@author.example>\r\n\r\nAt four?\r\n.hidden\r\n";

    private static TestHouse House()
    {
        var house = new TestHouse();
        house.DkimKeys.Use("example.org", "hm1");
        house.Zone.Txt("author.example", "v=spf1 ip4:192.0.2.0/24 -all").Txt("_dmarc.author.example", "v=DMARC1; p=reject")
            .Txt("example.org", "v=spf1 ip4:198.51.100.1 -all");
        foreach (var key in house.DkimKeys.For("example.org"))
            house.Zone.Txt(key.RecordName, key.RecordText);
        return house;
    }

    private static async Task ReceiveAsync(TestHouse house, string message, string peer = "192.0.2.10", string sender = "a@author.example")
    {
        await using var client = house.Connect(peer: peer);
        await client.WriteAsync(Encoding.Latin1.GetBytes($"EHLO mx.author.example\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<family@example.org>\r\nDATA\r\n{message.Replace("\r\n.", "\r\n..", StringComparison.Ordinal)}.\r\nQUIT\r\n"));
        using var reader = new StreamReader(client, Encoding.Latin1);
        Assert.Matches("\r\n354 [^\r]*\r\n250 ", await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    // The queue's part: the file, an attempt, and what came out at the far end of the connection.
    private static async Task<string> ForwardAsync(TestHouse house, Envelope envelope, IMailResolver? resolver = null, TimeProvider? clock = null)
    {
        await using var bench = new RemoteBench();
        bench.Zone.Mx("example.net", 10, "mx.example.net").Addresses("mx.example.net", "203.0.113.9");
        bench.Host("203.0.113.9", Dialogue);
        var sealing = new SealedForwarding(
            bench.Delivery, () => house.DkimKeys.For("example.org"), () => "mail.example.org", resolver ?? house.Zone, clock ?? TimeProvider.System, static () => true, house.Log);
        using var content = new MailContent(house.Data.Spool.OpenMessage(envelope.Id), envelope.TravelOffset);
        var before = content.ReadLocal();
        Assert.StartsWith("Return-Path: ", Encoding.Latin1.GetString(before), StringComparison.Ordinal);
        var mail = new Server.Delivery.MailTransaction(envelope, content, [.. envelope.Recipients.Where(r => r.Address.Domain == "example.net")]);
        var (outcome, _) = await bench.SendAsync(sealing, mail);
        Assert.StartsWith("Delivered", outcome, StringComparison.Ordinal);
        return Assert.Single(bench.Servers).Messages.Single().Replace("\r\n..", "\r\n.", StringComparison.Ordinal);
    }

    private static async Task<ArcVerdict> VerifyAsync(TestHouse house, string message)
    {
        var start = message.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        using var verification = new ArcVerification(Encoding.Latin1.GetBytes(message[..start]), house.Zone);
        verification.Body(Encoding.Latin1.GetBytes(message[start..]));
        return await verification.FinishAsync(default);
    }

    [Fact]
    public async Task What_is_forwarded_is_sealed_on_the_wire_and_not_in_the_file()
    {
        await using var house = House();
        await ReceiveAsync(house, Letter);
        var wire = await ForwardAsync(house, Assert.Single(house.Queued));
        var verdict = await VerifyAsync(house, wire);
        Assert.Equal((ArcStatus.Pass, null), (verdict.Status, verdict.Problem));
        Assert.Equal(["example.org"], verdict.Sealers);
        Assert.StartsWith("ARC-Seal: i=1; a=rsa-sha256; cv=none;", wire, StringComparison.Ordinal);
        var evidence = ArcEvidence.Of(verdict, ["example.org"]);
        Assert.True(evidence!.PassedDmarc("author.example"));
        Assert.EndsWith(Letter, wire, StringComparison.Ordinal);
        Assert.DoesNotContain("\nAuthentication-Results:", wire, StringComparison.Ordinal);
        Assert.DoesNotContain("ARC-", house.Mailbox("alice")[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_attempt_has_a_set_of_its_own()
    {
        await using var house = House();
        await ReceiveAsync(house, Letter);
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Letters.Noon);
        var first = await ForwardAsync(house, house.Queued[0], clock: clock);
        clock.Advance(TimeSpan.FromHours(1));
        var second = await ForwardAsync(house, house.Queued[0], clock: clock);
        Assert.NotEqual(first, second);
        Assert.Equal(1, (await VerifyAsync(house, second)).Chain.Highest);
    }

    [Fact]
    public async Task A_whole_chain_is_continued_and_what_a_trusted_sealer_saw_is_told()
    {
        await using var house = House();
        await ReceiveAsync(house, Letter);
        var first = await ForwardAsync(house, house.Queued[0]);
        house.Queued.Clear();

        // The same message, forwarded once by us, comes again from where nobody knows its author's host.
        await ReceiveAsync(house, first, peer: "203.0.113.77");
        Assert.Contains("arc=pass", house.Mailbox("alice")[1], StringComparison.Ordinal);
        Assert.Contains("dmarc=fail", house.Mailbox("alice")[1], StringComparison.Ordinal);
        var queries = house.Zone.Queries.Count;
        var second = await ForwardAsync(house, house.Queued[0]);
        Assert.Equal(queries, house.Zone.Queries.Count);
        var verdict = await VerifyAsync(house, second);
        Assert.Equal((ArcStatus.Pass, 2), (verdict.Status, verdict.Sealers.Count));
        Assert.Contains("ARC-Seal: i=2; a=rsa-sha256; cv=pass;", second, StringComparison.Ordinal);
    }

    // RFC 8617 5.1.2, field case: what came with a broken chain is sealed as failed, over the own set alone.
    [Fact]
    public async Task A_broken_chain_is_sealed_as_failed_and_then_left_alone()
    {
        await using var house = House();
        await ReceiveAsync(house, Letter);
        var first = await ForwardAsync(house, house.Queued[0]);
        house.Queued.Clear();
        await ReceiveAsync(house, first.Replace("Subject: Tea", "Subject: Gin", StringComparison.Ordinal));
        Assert.Contains("arc=fail", house.Mailbox("alice")[1], StringComparison.Ordinal);
        var second = await ForwardAsync(house, house.Queued[0]);
        Assert.StartsWith("ARC-Seal: i=2; a=rsa-sha256; cv=fail;", second, StringComparison.Ordinal);
        house.Queued.Clear();
        await ReceiveAsync(house, second);
        Assert.StartsWith("Received: ", await ForwardAsync(house, house.Queued[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Results_about_another_address_than_the_clients_are_not_sealed()
    {
        await using var house = House();
        await ReceiveAsync(house, Letter, peer: "192.168.1.254", sender: "a@example.org");
        Assert.StartsWith("Received: ", await ForwardAsync(house, house.Queued[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_house_sends_is_signed_and_not_sealed()
    {
        await using var house = House();
        await using (var tls = await TestHouse.SecureAsync(house.Connect(SmtpRole.Submissions)))
        {
            var token = Convert.ToBase64String("\0alice\0secret"u8);
            await tls.WriteAsync(Encoding.Latin1.GetBytes(
                $"EHLO c\r\nAUTH PLAIN {token}\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<family@example.org>\r\nDATA\r\nFrom: alice@example.org\r\n\r\nhi\r\n.\r\nQUIT\r\n"));
            using var reader = new StreamReader(tls, Encoding.Latin1);
            await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
        }
        var wire = await ForwardAsync(house, Assert.Single(house.Queued));
        Assert.StartsWith("DKIM-Signature: ", wire, StringComparison.Ordinal);
        Assert.DoesNotContain("ARC-", wire, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_key_it_goes_unsealed()
    {
        await using var house = new TestHouse();
        house.Zone.Txt("author.example", "v=spf1 ip4:192.0.2.0/24 -all");
        await ReceiveAsync(house, Letter);
        Assert.StartsWith("Received: ", await ForwardAsync(house, house.Queued[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dkimpy_finds_the_chain_whole_in_what_came_over_the_wire()
    {
        const string Python = "/usr/bin/python3";
        Assert.SkipWhen(
            !(Directory.Exists("/usr/lib/python3/dist-packages/dkim") && Directory.Exists("/usr/lib/python3/dist-packages/authres"))
                && Environment.GetEnvironmentVariable("CI") != "true", "dkimpy or authres is not installed");
        const string Script = """
            import dkim, sys
            keys = dict(line.rstrip('\n').split('\t') for line in open('keys'))
            find = lambda name, timeout=5: keys.get(name.decode().rstrip('.'), '').encode()
            for number in range(int(sys.argv[1])):
                result = dkim.arc_verify(open('%03d.eml' % number, 'rb').read(), dnsfunc=find)
                print(result[0].decode(), len(result[1]))
            """;
        await using var house = House();
        var folder = Directory.CreateTempSubdirectory("homemail-arc-wire-");
        try
        {
            var expected = new List<string>();
            foreach (var (header, body) in OddMessages.Make(40))
            {
                house.Queued.Clear();
                // What bears a name of the house without proof is not sent on at all.
                var message = (header + body).Replace("a@example.org", "a@author.example", StringComparison.Ordinal);
                if (message.Contains("\n\n", StringComparison.Ordinal) || Regex.IsMatch(message, "(?<!\r)\n|\r(?!\n)") || !message.EndsWith("\r\n", StringComparison.Ordinal))
                    continue; // such a message is refused at the door
                await ReceiveAsync(house, message);
                if (house.Queued.Count == 0)
                    continue;
                var twice = expected.Count % 2 == 1;
                var wire = await ForwardAsync(house, house.Queued[0]);
                if (twice)
                {
                    house.Queued.Clear();
                    await ReceiveAsync(house, wire);
                    wire = await ForwardAsync(house, house.Queued[0]);
                }
                await File.WriteAllBytesAsync(Path.Combine(folder.FullName, $"{expected.Count:d3}.eml"), Encoding.Latin1.GetBytes(wire));
                expected.Add(twice ? "pass 2" : "pass 1");
            }
            Assert.True(expected.Count >= 15, $"only {expected.Count} messages");
            var key = house.DkimKeys.For("example.org")[0];
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "keys"), $"{key.RecordName}\t{key.RecordText}\n");
            using var process = Process.Start(new ProcessStartInfo(Python, ["-c", Script, expected.Count.ToString(CultureInfo.InvariantCulture)])
            {
                WorkingDirectory = folder.FullName,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var error = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await error);
            Assert.Equal(expected, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        finally
        {
            folder.Delete(true);
        }
    }
}
