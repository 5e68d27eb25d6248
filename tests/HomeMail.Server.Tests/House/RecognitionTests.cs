using System.Net;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Delivery;
using HomeMail.Server.House;
using HomeMail.Server.Net;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using Xunit;
using DeliveredMail = HomeMail.Server.Delivery.MailTransaction;

namespace HomeMail.Server.Tests.House;

/// <summary>
/// Mail of the house to itself through a router that turns the connection around, sent by the real client and received by the real session: it is known
/// as ours, and nobody else's is.
/// </summary>
public sealed class RecognitionTests
{
    private const string Router = "192.168.1.254";
    private const string PublicAddress = "203.0.113.7";
    private const string Letter = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Tea\r\n\r\nAt four?\r\n.hidden\r\n";

    private static TestHouse House()
    {
        var house = new TestHouse();
        house.Shared.Add(IPAddress.Parse(Router));
        house.Public.Add(IPAddress.Parse(PublicAddress));
        house.Public.Add(IPAddress.Parse("2001:db8::25"));
        house.Zone.Txt("example.org", "v=spf1 a:mail.example.org -all").Txt("_dmarc.example.org", "v=DMARC1; p=reject").Txt("mail.example.org", "v=spf1 a -all")
            .Addresses("mail.example.org", PublicAddress, "2001:db8::25");
        return house;
    }

    [Theory]
    [InlineData(Router, true, true)]
    [InlineData(Router, true, false)]
    [InlineData(Router, false, true)]
    [InlineData(Router, false, false)]
    [InlineData(PublicAddress, true, true)] // hairpin that keeps the public source
    [InlineData("2001:db8::25", false, true)] // IPv6 comes back as it went out
    public async Task OurOwnIsJudgedByThePublicAddress(string peer, bool tls, bool chunking)
    {
        await using var house = House();
        var result = await SendAsync(house, peer, Letter, tls: tls, chunking: chunking);
        Assert.Equal(DeliveryOutcome.Delivered, result);
        var stored = Assert.Single(house.Mailbox("bob"));
        Assert.Contains("spf=pass", stored, StringComparison.Ordinal);
        Assert.Contains("dmarc=pass", stored, StringComparison.Ordinal);
        Assert.Contains("Received-SPF: pass", stored, StringComparison.Ordinal);
        Assert.Contains(peer, stored, StringComparison.Ordinal);
        Assert.Contains(peer.Contains(':', StringComparison.Ordinal) ? peer : PublicAddress, stored, StringComparison.Ordinal);
        Assert.Equal(0, house.OpenDeliveries.Count);
    }

    [Fact]
    public async Task ALargeMessageOfManyBlocksIsKnownToo()
    {
        await using var house = House();
        var body = new StringBuilder(Letter);
        for (var i = 0; i < 4000; i++)
            body.Append(System.Globalization.CultureInfo.InvariantCulture, $".line {i} of a long letter that does not fit into one block\r\n");
        Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(house, Router, body.ToString(), chunking: false));
        Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(house, Router, body + "no line end", chunking: true));
        Assert.All(house.Mailbox("bob"), stored => Assert.Contains("spf=pass", stored, StringComparison.Ordinal));
        Assert.Equal(2, house.Mailbox("bob").Count);
    }

    [Fact]
    public async Task ABounceOfOursIsCheckedByItsHelo()
    {
        await using var house = House();
        Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(house, Router, Letter, sender: null, principal: "server"));
        Assert.Contains("spf=pass", Assert.Single(house.Mailbox("bob")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatAStrangerSentAndWeSendOnIsAStrangers()
    {
        await using var house = House();
        // A forger writes to an alias that leads back here over SMTP: it is our client that sends, and it must not vouch for him.
        Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(house, Router, Letter, principal: "internet"));
        NoPass(Assert.Single(house.Mailbox("bob")));
    }

    [Fact]
    public async Task AForgerBehindTheSameRouterGetsNoPass()
    {
        await using var house = House();
        NoPass(await ForgeAsync(house, Router, Letter));
        NoPass(await ForgeAsync(house, PublicAddress, Letter));
        NoPass(await ForgeAsync(house, "192.168.1.77", Letter));
        Assert.Contains("dmarc=fail", await ForgeAsync(house, "198.51.100.66", Letter), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnEntryServesOnceOnlyAndOnlyItsOwnMessage()
    {
        await using var house = House();
        using var open = house.OpenDeliveries.Open(TestHouse.A("alice@example.org"), [TestHouse.A("bob@example.org")]);
        open.Append(Encoding.Latin1.GetBytes(Letter));
        open.Complete();
        NoPass(await ForgeAsync(house, Router, Letter + "one line more\r\n"));
        NoPass(await ForgeAsync(house, Router, Letter, to: "alice@example.org"));
        NoPass(await ForgeAsync(house, Router, Letter, from: "a.smith@example.org"));
        Assert.Contains("spf=pass", await ForgeAsync(house, Router, Letter), StringComparison.Ordinal); // the message itself
        NoPass(await ForgeAsync(house, Router, Letter)); // replayed while the session is still open
    }

    [Fact]
    public async Task AfterTheAttemptNothingIsLeftToBeReplayed()
    {
        await using var house = House();
        await SendAsync(house, Router, Letter);
        NoPass(await ForgeAsync(house, Router, Letter));
    }

    [Fact]
    public async Task ARewriteRuleNamesTheAddressForOursAndHelpsNobodyElse()
    {
        await using var house = House();
        house.Public.Clear();
        house.Rewrite.Add(new RewriteRule(IPNetwork.Parse("192.168.1.254/32"), IPAddress.Parse(PublicAddress)));
        await SendAsync(house, Router, Letter);
        var stored = house.Mailbox("bob")[0];
        Assert.Contains("spf=pass", stored, StringComparison.Ordinal);
        Assert.Contains("192.168.1.254/32", stored, StringComparison.Ordinal); // the rule
        NoPass(await ForgeAsync(house, Router, Letter));
        // A foreign domain that allows our public address gains nothing by coming through our router.
        house.Zone.Txt("evil.example", $"v=spf1 ip4:{PublicAddress} ip4:{Router} -all");
        NoPass(await ForgeAsync(house, Router, "From: x@evil.example\r\n\r\nhi\r\n", from: "x@evil.example"));
    }

    [Fact]
    public async Task WithoutAPublicAddressItSaysWhatWasMissing()
    {
        await using var house = House();
        house.Public.Clear();
        await SendAsync(house, Router, Letter);
        var stored = Assert.Single(house.Mailbox("bob"));
        Assert.Contains("spf=none", stored, StringComparison.Ordinal);
        Assert.Contains("public IPv4 address is not known", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ThePublicAddressMayChangeBetweenTwoMessages()
    {
        await using var house = House();
        house.Public[0] = IPAddress.Parse("203.0.113.99");
        await SendAsync(house, Router, Letter);
        Assert.Contains("spf=fail", house.Mailbox("bob")[0], StringComparison.Ordinal); // DNS still has the old one
        house.Zone.Remove("mail.example.org").Addresses("mail.example.org", "203.0.113.99");
        await SendAsync(house, Router, Letter);
        Assert.Contains("spf=pass", house.Mailbox("bob")[1], StringComparison.Ordinal);
        Assert.Contains("203.0.113.99", house.Mailbox("bob")[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADeclaredRelayMaySendForItsDomainAndNoOther()
    {
        await using var house = House();
        house.Relays.Add(new DeclaredRelay("second", [IPAddress.Parse("192.168.1.30")], false, ["example.org"]));
        Assert.Contains("spf=pass", await ForgeAsync(house, "192.168.1.30", Letter), StringComparison.Ordinal);
        NoPass(await ForgeAsync(house, "192.168.1.31", Letter));
        house.Zone.Txt("other.example", "v=spf1 ip4:192.168.1.30 -all");
        NoPass(await ForgeAsync(house, "192.168.1.30", "From: x@other.example\r\n\r\nhi\r\n", from: "x@other.example"));
    }

    [Fact]
    public void WithNothingOpenNothingIsHashed()
    {
        var open = new OpenDeliveries();
        Assert.False(open.MayBe(null, [TestHouse.A("bob@example.org")]));
        using (open.Open(null, [TestHouse.A("bob@example.org"), TestHouse.A("alice@example.org")]))
        {
            Assert.True(open.MayBe(null, [TestHouse.A("bob@example.org")]));
            Assert.False(open.MayBe(TestHouse.A("x@example.net"), [TestHouse.A("bob@example.org")]));
            Assert.False(open.MayBe(null, [TestHouse.A("carol@example.org")]));
            // Not complete yet: nothing equals it.
            Assert.False(open.Take(null, [TestHouse.A("bob@example.org"), TestHouse.A("alice@example.org")], SHA256.HashData([])));
        }
        Assert.Equal(0, open.Count);
    }

    private static void NoPass(string stored)
    {
        Assert.NotEmpty(stored);
        Assert.DoesNotContain("spf=pass", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("dmarc=pass", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("Received-SPF: pass", stored, StringComparison.Ordinal);
    }

    private static async Task<DeliveryOutcome?> SendAsync(
        TestHouse house, string peer, string letter, string? sender = "alice@example.org", string principal = "account:alice", bool tls = false, bool chunking = true)
    {
        var stream = house.Connect(peer: peer);
        var options = new DeliveryOptions { Hostname = "mail.example.org" };
        var demand = tls ? TlsDemand.Opportunistic : TlsDemand.Never;
        await using var client = new SmtpClient(chunking ? stream : new WithoutChunking(stream, tls), "mail.example.org", options, TimeProvider.System, house.Log, default)
        {
            OpenDeliveries = house.OpenDeliveries,
        };
        Assert.Null(await client.GreetAsync(demand));
        Assert.Null(await client.BeginAsync(demand, null));
        var envelope = new Envelope
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = DateTimeOffset.UtcNow,
            Sender = sender is null ? null : TestHouse.A(sender),
            Principal = principal,
            Recipients = [new EnvelopeRecipient { Address = TestHouse.A("bob@example.org"), NextAttempt = DateTimeOffset.UtcNow }],
        };
        var mail = new DeliveredMail(envelope, Letters.Content(letter), envelope.Recipients);
        Assert.Null(await client.SendAsync(mail));
        return mail.Results[0]?.Outcome;
    }

    // A message that is not sent by our client, as it was stored.
    private static async Task<string> ForgeAsync(TestHouse house, string peer, string letter, string from = "alice@example.org", string to = "bob@example.org")
    {
        var account = to[..to.IndexOf('@')];
        var before = house.Mailbox(account).Count;
        await using var stream = house.Connect(peer: peer);
        var stuffed = letter.Replace("\r\n.", "\r\n..", StringComparison.Ordinal);
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"EHLO mail.example.org\r\nMAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n{stuffed}.\r\nQUIT\r\n"));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
        return house.Mailbox(account).Skip(before).SingleOrDefault() ?? "";
    }

    // A server that does not offer BDAT, so that DATA is used. Under TLS the reply cannot be changed on the way: there the client is left to BDAT.
    private sealed class WithoutChunking(Stream inner, bool tls) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            var at = tls ? -1 : buffer.Span[..read].IndexOf("CHUNKING"u8);
            if (at >= 0)
                "XXXXXXXX"u8.CopyTo(buffer.Span[at..]);
            return read;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
