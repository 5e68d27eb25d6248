using System.Formats.Asn1;
using System.Globalization;
using System.Net;
using System.Text;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>What a message can make this server do, counted: queries, octets allocated, passes over the body. Times are of the machine; counts are not.</summary>
public sealed class HostileMessageTests
{
    // SPF's ten terms with what they need, reverse DNS, eight signatures, DMARC's walks: what an honest message may need at most.
    private const int MostQueries = 60;

    private sealed record Cost(OriginFacts Facts, int Queries, long Allocated, int Bodies);

    private static async Task<Cost> CheckAsync(string header, ZoneResolver? zone = null, string body = "x\r\n")
    {
        zone ??= new ZoneResolver();
        var bodies = 0;
        var octets = Encoding.Latin1.GetBytes(header);
        var checks = new OriginChecks(zone, static _ => false, TimeProvider.System, static () => true)
        {
            WantsReports = static () => true,
            TrustedArcSealers = static () => ["d1.example"],
        };
        // The zone answers at once, so all is done on this thread, and what it allocates is the message's doing.
        var thread = Environment.CurrentManagedThreadId;
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var gathering = checks.Begin(IPAddress.Parse("192.0.2.66"), "mx.evil.example", new Address("a", "evil.example"), "mx.home.example");
        var facts = await gathering.FinishAsync(octets, Open, default);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        return new Cost(facts, zone.Queries.Count, allocated, bodies);

        Stream Open()
        {
            bodies++;
            return new MemoryStream(Encoding.Latin1.GetBytes(body));
        }
    }

    private static string Many(int count, Func<int, string> field) => string.Concat(Enumerable.Range(0, count).Select(field));

    [Fact]
    public async Task A_thousand_signatures()
    {
        var cost = await CheckAsync(
            Many(1000, i => $"DKIM-Signature: v=1; a=rsa-sha256; c={(i % 2 == 0 ? "simple" : "relaxed")}/{(i % 3 == 0 ? "simple" : "relaxed")}; l={i}; d=d{i}.example; s=s; h=from; bh=AAAA; b=AAAA\r\n") + "From: a@evil.example\r\n\r\n");
        Assert.InRange(cost.Queries, 1, MostQueries);
        Assert.Equal(1, cost.Bodies);
        Assert.InRange(cost.Allocated, 0, 4_000_000);
        Assert.InRange(cost.Facts.Dkim.Count, 1, 50);
        Assert.InRange(cost.Facts.Fields("mx.home.example").Length, 0, 8_000);
    }

    [Fact]
    public async Task A_thousand_seals_and_fifty_that_are_well_formed()
    {
        var cost = await CheckAsync(
            Many(1000, i => $"ARC-Seal: i={(i % 50) + 1}; a=rsa-sha256; cv=pass; d=d{i}.example; s=s; b=AAAA\r\n") + "From: a@evil.example\r\n\r\n");
        Assert.Equal(ArcStatus.Fail, cost.Facts.Arc!.Status);
        Assert.InRange(cost.Queries, 1, 20);

        // The longest chain there may be, forged: the first key that is not there ends it.
        cost = await CheckAsync(Many(50, i =>
            $"ARC-Seal: i={50 - i}; a=rsa-sha256; cv={(i == 49 ? "none" : "pass")}; d=d{i}.example; s=s; b=AAAA\r\nARC-Message-Signature: i={50 - i}; a=rsa-sha256; d=d{i}.example; s=s; h=from; bh=AAAA; b=AAAA\r\n"
            + $"ARC-Authentication-Results: i={50 - i}; d{i}.example; dmarc=pass header.from=evil.example\r\n") + "From: a@evil.example\r\n\r\n");
        Assert.Equal(ArcStatus.Fail, cost.Facts.Arc!.Status);
        Assert.Null(cost.Facts.TrustedArc);
        Assert.InRange(cost.Queries, 1, 20);
        Assert.InRange(cost.Allocated, 0, 4_000_000);
    }

    [Fact]
    public async Task Ten_thousand_fields()
    {
        var cost = await CheckAsync(
            Many(10_000, i => $"X-{i.ToString(CultureInfo.InvariantCulture)}: {i}\r\n") + "DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s; h=from; bh=AAAA; b=AAAA\r\nFrom: a@evil.example\r\n\r\n");
        Assert.InRange(cost.Queries, 1, MostQueries);
        Assert.InRange(cost.Allocated, 0, 16_000_000);
        cost = await CheckAsync(Many(10_000, i => $"From: a{i}@d{i}.example\r\n") + "\r\n");
        Assert.Equal((DmarcResult.PermError, 20), (cost.Facts.Dmarc.Result, cost.Facts.Author.Claimed.Count));
        Assert.InRange(cost.Allocated, 0, 16_000_000);
    }

    // The session lets no such header in; what stands behind it holds out all the same.
    [Theory]
    [InlineData("From: ", "a@evil.example, ")]
    [InlineData("DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s; bh=AAAA; b=AAAA; h=from", ":from")]
    [InlineData("DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s; h=from; bh=AAAA; b=", "AAAA")]
    [InlineData("ARC-Authentication-Results: i=1", "; spf=pass")]
    [InlineData("X: ", "((((((((")]
    [InlineData("From: ", "((((((((")]
    [InlineData("From: \"", "\\\\")]
    public async Task A_header_of_ten_megabytes(string start, string more)
    {
        var header = start + string.Concat(Enumerable.Repeat(more, 10 * 1024 * 1024 / more.Length)) + "\r\n\r\n";
        var cost = await CheckAsync(header);
        Assert.InRange(cost.Queries, 0, MostQueries);
        Assert.NotEqual(DmarcResult.Pass, cost.Facts.Dmarc.Result);
        Assert.InRange(cost.Allocated, 0, 32L * header.Length);
        Assert.InRange(cost.Facts.Fields("mx.home.example").Length, 0, 8_000);
    }

    [Fact]
    public async Task A_header_of_ten_megabytes_ends_at_the_door()
    {
        await using var house = new TestHouse();
        await using var client = house.Connect();
        var sending = Task.Run(async () =>
        {
            await client.WriteAsync("EHLO mx.evil.example\r\nMAIL FROM:<a@evil.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"u8.ToArray());
            var line = Encoding.ASCII.GetBytes($"X-Long: {new string('x', 900)}\r\n");
            for (var sent = 0; sent < 10 * 1024 * 1024; sent += line.Length)
                await client.WriteAsync(line);
            await client.WriteAsync("\r\n\r\n.\r\nQUIT\r\n"u8.ToArray());
        });
        using var reader = new StreamReader(client, Encoding.Latin1);
        var said = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));
        await sending;
        Assert.Contains("\r\n552 5.3.4 ", said, StringComparison.Ordinal);
        Assert.Empty(house.Mailbox("alice"));
        Assert.InRange(house.Zone.Queries.Count, 0, 20);
    }

    [Fact]
    public async Task A_key_of_sixty_four_kilobits()
    {
        // No library makes such a key; whether one reads it is its own affair.
        var rsa = new AsnWriter(AsnEncodingRules.DER);
        using (rsa.PushSequence())
        {
            rsa.WriteInteger(System.Numerics.BigInteger.Pow(2, 65_536) - 1);
            rsa.WriteInteger(65_537);
        }
        var info = new AsnWriter(AsnEncodingRules.DER);
        using (info.PushSequence())
        {
            using (info.PushSequence())
            {
                info.WriteObjectIdentifier("1.2.840.113549.1.1.1");
                info.WriteNull();
            }
            info.WriteBitString(rsa.Encode());
        }
        var key = Convert.ToBase64String(info.Encode());
        var zone = new ZoneResolver().Txt("s._domainkey.evil.example", $"v=DKIM1; p={key}");
        var signature = Convert.ToBase64String(new byte[256]);
        var cost = await CheckAsync(
            Many(8, _ => $"DKIM-Signature: v=1; a=rsa-sha256; d=evil.example; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b={signature}\r\n") + "From: a@evil.example\r\n\r\n", zone);
        Assert.All(cost.Facts.Dkim, v => Assert.Contains(v.Reason, new[] { "bad key", "key is not base64", "key too long" }));
        Assert.InRange(cost.Queries, 1, MostQueries);
        Assert.InRange(cost.Allocated, 0, 8_000_000);
    }

    [Fact]
    public async Task Records_of_strangers_that_go_round_and_round()
    {
        var zone = new ZoneResolver();
        for (var i = 0; i < 30; i++)
            zone.Txt($"s{i}.evil.example", $"v=spf1 include:s{(i + 1) % 30}.evil.example mx:m{i}.evil.example a:x.y{i}.evil.example ?all");
        zone.Txt("evil.example", "v=spf1 include:s0.evil.example include:s1.evil.example include:s2.evil.example +all")
            .Txt("_dmarc.evil.example", string.Concat(Enumerable.Repeat("v=DMARC1; p=reject; rua=mailto:a@b.example,", 2000)));
        for (var i = 0; i < 100; i++)
            zone.Ptr("66.2.0.192.in-addr.arpa", $"n{i}.evil.example");
        var cost = await CheckAsync($"From: a@{string.Join('.', Enumerable.Repeat("a", 60))}.evil.example\r\n\r\n", zone);
        Assert.InRange(cost.Queries, 1, MostQueries);
        Assert.InRange(cost.Allocated, 0, 8_000_000);
    }
}
