using System.Net;
using HomeMail.Server.Delivery;
using HomeMail.Server.Intake;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using Xunit;
using DeliveredMail = HomeMail.Server.Delivery.MailTransaction;

namespace HomeMail.Server.Tests.Intake;

/// <summary>Mail that is to go by SMTP though both ends are here: between tenants, and where <c>local-delivery = smtp</c>.</summary>
public sealed class TenantTests
{
    private const string Public = "203.0.113.7";

    [Fact]
    public async Task Between_tenants_it_goes_over_SMTP_and_is_judged_as_a_strangers()
    {
        await using var house = PrincipalTests.House();
        house.DkimKeys.Use("example.org", "hm1").ToList().ForEach(key => house.Zone.Txt(key.RecordName, key.RecordText));
        house.Public.Add(IPAddress.Parse(Public));
        house.Zone.Txt("example.org", $"v=spf1 ip4:{Public} -all").Txt("_dmarc.example.org", "v=DMARC1; p=reject");
        Assert.StartsWith("250 ", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<carol@other.example>", "From: alice@example.org\r\n\r\nhi"), StringComparison.Ordinal);
        Assert.Empty(house.Mailbox("carol"));
        var envelope = Assert.Single(house.Queued);
        Assert.Equal(["carol@other.example"], envelope.Recipients.Select(r => r.Address.ToString()));
        Assert.Equal(DeliveryOutcome.Delivered, (await DeliverAsync(house, envelope))[0]?.Outcome);
        var stored = Assert.Single(house.Mailbox("carol"));
        Assert.Contains("spf=pass", stored, StringComparison.Ordinal);
        Assert.Contains("dkim=pass", stored, StringComparison.Ordinal);
        Assert.Contains("dmarc=pass", stored, StringComparison.Ordinal);
        Assert.Contains("Received-SPF: ", stored, StringComparison.Ordinal);
        Assert.Contains($"[{Public}]", stored, StringComparison.Ordinal); // the client's address is our public one
        Assert.DoesNotContain("auth=pass", stored, StringComparison.Ordinal);
        Assert.NotEmpty(house.Zone.Queries);
    }

    [Fact]
    public async Task Without_proof_it_fails_as_a_strangers_would()
    {
        await using var house = PrincipalTests.House();
        house.Public.Add(IPAddress.Parse(Public));
        house.Zone.Txt("example.org", "v=spf1 ip4:198.51.100.1 -all").Txt("_dmarc.example.org", "v=DMARC1; p=reject");
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<carol@other.example>", "From: alice@example.org\r\n\r\nhi");
        await DeliverAsync(house, house.Queued[0]);
        var stored = Assert.Single(house.Mailbox("carol"));
        Assert.Contains("spf=fail", stored, StringComparison.Ordinal);
        Assert.Contains("dmarc=fail", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whether_somebody_is_there_is_not_told_across_tenants()
    {
        await using var house = PrincipalTests.House();
        Assert.StartsWith("250 ", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<nobody@other.example>", "From: alice@example.org\r\n\r\nhi"), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<nobody@example.org>", "From: alice@example.org\r\n\r\nhi"), StringComparison.Ordinal);
        var result = (await DeliverAsync(house, house.Queued[0]))[0];
        Assert.Equal(DeliveryOutcome.Failed, result?.Outcome);
        Assert.Contains("5.1.1", result!.Diagnostic.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("internet")]
    [InlineData("account")]
    public async Task A_member_of_another_tenant_is_reached_as_a_stranger(string who)
    {
        await using var house = PrincipalTests.House();
        house.Public.Add(IPAddress.Parse(Public));
        Assert.StartsWith("250 ", who == "internet"
            ? await Post.DeliverAsync(house, "<x@remote.example>", "<both@example.org>")
            : await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<both@example.org>", "From: alice@example.org\r\n\r\nhi"), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("bob"));
        Assert.Empty(house.Mailbox("carol"));
        var envelope = Assert.Single(house.Queued);
        Assert.StartsWith(who == "internet" ? "SRS0=" : "alice", envelope.Sender!.LocalPart, StringComparison.Ordinal);
        Assert.Equal(DeliveryOutcome.Delivered, (await DeliverAsync(house, envelope))[0]?.Outcome);
        var stored = Assert.Single(house.Mailbox("carol"));
        Assert.Contains("spf=", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("auth=", stored, StringComparison.Ordinal);
        // What a stranger sent is not vouched for by coming from our own address.
        if (who == "internet")
            Assert.DoesNotContain("spf=pass", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_smtp_the_same_tenant_takes_that_way_too_and_what_comes_in_does_not_go_out_again()
    {
        await using var house = new TestHouse().With(
            [new HostedDomain("example.org", "home", Shortcut: false)], [TestHouse.Account("alice", "alice@example.org"), TestHouse.Account("bob", "bob@example.org")],
            ("us@example.org", ["alice@example.org", "bob@example.org"]));
        house.Public.Add(IPAddress.Parse(Public));
        house.Zone.Txt("example.org", $"v=spf1 ip4:{Public} -all");
        Assert.StartsWith("250 ", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<us@example.org>", "From: alice@example.org\r\n\r\nhi"), StringComparison.Ordinal);
        Assert.Empty(house.Mailbox("bob"));
        Assert.Equal(DeliveryOutcome.Delivered, (await DeliverAsync(house, Assert.Single(house.Queued)))[0]?.Outcome);
        Assert.Contains("spf=pass", Assert.Single(house.Mailbox("bob")), StringComparison.Ordinal);
        Assert.Single(house.Mailbox("alice"));
        Assert.Single(house.Queued);
        Assert.StartsWith("550 5.1.1", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<no@example.org>", "From: alice@example.org\r\n\r\nhi"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_MX_is_reached_that_is_the_way()
    {
        await using var house = PrincipalTests.House();
        house.Zone.Mx("other.example", 10, "mail.example.org").Addresses("mail.example.org", Public);
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<carol@other.example>", "From: alice@example.org\r\n\r\nhi");
        var dialled = new List<string>();
        // The router turns the connection around, and gives it its own address.
        var results = await DeliverAsync(house, house.Queued[0], remote =>
        {
            dialled.Add(remote.ToString());
            return house.Connect(peer: "192.168.1.254");
        });
        Assert.Equal(DeliveryOutcome.Delivered, results[0]?.Outcome);
        Assert.Equal([$"{Public}:25"], dialled);
        Assert.Contains("192.168.1.254", Assert.Single(house.Mailbox("carol")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_not_hosted_here_is_not_reached_in_the_process()
    {
        await using var house = PrincipalTests.House();
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<x@remote.example>", "From: alice@example.org\r\n\r\nhi");
        Assert.NotEqual(DeliveryOutcome.Delivered, (await DeliverAsync(house, house.Queued[0]))[0]?.Outcome);
    }

    /// <summary>The real client and the real route; nobody can be dialled unless a test says so.</summary>
    internal static async Task<IReadOnlyList<RecipientResult?>> DeliverAsync(TestHouse house, Envelope envelope, Func<IPEndPoint, Stream>? dial = null)
    {
        var sessions = new LiveSessions();
        var route = new InProcessRoute(domain => house.Names.Domain(domain) is not null, () => house.Public.FirstOrDefault());
        route.Begin(
            new SmtpListenerContext(() => house.Options, house.Intake, new ConnectionGate(10, 10), house.Guard, house.Heartbeat, sessions, house.Clock, house.Log), default);
        var options = new DeliveryOptions
        {
            Hostname = "mail.example.org",
            IsOwnGreeting = sessions.IsGreeting,
            RecognisedAt = _ => house.OpenDeliveries,
            RecognisedInProcess = house.OpenDeliveries,
            ComesBackBySmtp = domain => house.Names.Domain(domain) is not null,
        };
        await using var delivery = new RemoteDelivery(
            new HostFinder(house.Zone, new FixedOwnAddresses([], []), options, new Random(1)), new Dialer(dial), new UnmeasuredFamilies(), new RouteTlsPolicy(), options,
            house.Clock, house.Log)
        { InProcess = route };
        using var content = new MailContent(house.Data.Spool.OpenMessage(envelope.Id), envelope.TravelOffset);
        var mail = new DeliveredMail(envelope, content, envelope.Recipients);
        var destination = new Routes([]).To(envelope.Recipients[0].Address.Domain, null);
        await delivery.DeliverAsync(mail, destination, static _ => ValueTask.FromResult<IDisposable>(new MemoryStream()), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        return mail.Results;
    }

    private sealed class Dialer(Func<IPEndPoint, Stream>? dial) : IDialer
    {
        public ValueTask<Stream> DialAsync(IPEndPoint remote, CancellationToken cancel) =>
            dial is null ? throw new DialException("connection refused") : ValueTask.FromResult(dial(remote));
    }
}
