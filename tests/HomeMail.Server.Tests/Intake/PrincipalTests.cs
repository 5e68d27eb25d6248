using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>An account sends as itself and as nobody else (RFC 6409 6.1): each address in MAIL FROM, From and Sender has to be its own.</summary>
public sealed class PrincipalTests
{
    private const string Own = "<alice@example.org>";

    /// <summary>MAIL FROM, the fields that say who wrote it, and whether that is refused.</summary>
    public static TheoryData<string, string, bool> Rows => new()
    {
        // What is her own
        { Own, "From: alice@example.org", false },
        { Own, "From: Alice Smith <alice@example.org>", false },
        { "<a.smith@example.org>", "From: a.smith@example.org", false },
        { "<a.smith@example.org>", "From: alice@example.org", false },
        { "<ALICE@EXAMPLE.ORG>", "From: Alice@Example.Org", false },
        { "<alice+shop@example.org>", "From: alice+shop@example.org", false },
        { "<alice+a+b@example.org>", "From: alice@example.org", false },
        { "<\"alice\"@example.org>", "From: \"alice\"@example.org", false },
        { "<\"al\\ice\"@example.org>", "From: alice@example.org", false },
        { "<>", "From: alice@example.org", false },
        { Own, "From: alice@example.org, a.smith@example.org\r\nSender: alice@example.org", false },
        { Own, "From: alice@example.org\r\nSender: a.smith@example.org", false },
        { Own, "From: (bob@example.org) alice@example.org", false },
        { Own, "From: \"bob@example.org\" <alice@example.org>", false },
        { Own, "From: =?utf-8?Q?bob=40example.org?= <alice@example.org>", false },
        { Own, "From: we: alice@example.org, a.smith@example.org;", false },
        { Own, "From: alice@example.org\r\nReply-To: bob@example.org", false },
        { "<buch@xn--bcher-kva.example>", "From: buch@xn--bcher-kva.example", false },
        { "<buch@b\u00fccher.example> SMTPUTF8", "From: buch@b\u00fccher.example", false },

        // MAIL FROM of others
        { "<bob@example.org>", "From: alice@example.org", true },
        { "<BOB@EXAMPLE.ORG>", "From: alice@example.org", true },
        { "<bob+alice@example.org>", "From: alice@example.org", true },
        { "<carol@other.example>", "From: alice@example.org", true },
        { "<stranger@remote.example>", "From: alice@example.org", true },
        { "<alice@remote.example>", "From: alice@example.org", true },
        { "<alice@other.example>", "From: alice@example.org", true },
        { "<alice@mail.example.org>", "From: alice@example.org", true },
        { "<alice@sub.example.org>", "From: alice@example.org", true },
        { "<alice@example.org.remote.example>", "From: alice@example.org", true },
        { "<alice@[192.0.2.1]>", "From: alice@example.org", true },
        { "<family@example.org>", "From: alice@example.org", true },
        { "<sales@example.org>", "From: alice@example.org", true },
        { "<postmaster@example.org>", "From: alice@example.org", true },
        { "<nobody@example.org>", "From: alice@example.org", true },
        { "<alice@example.org.>", "From: alice@example.org", true },
        { "<@example.org:bob@example.org>", "From: alice@example.org", true },
        { "<alice%example.org@example.org>", "From: alice@example.org", true },
        { "<\"alice@example.org\"@example.org>", "From: alice@example.org", true },
        { "<\"alice \"@example.org>", "From: alice@example.org", true },
        { "<alice+list@example.org>", "From: alice@example.org", true }, // an alias of that very name
        { "<\u0430lice@example.org> SMTPUTF8", "From: alice@example.org", true }, // Cyrillic
        { "<alice@ex\u0430mple.org> SMTPUTF8", "From: alice@example.org", true },
        { "<\uff41lice@example.org> SMTPUTF8", "From: alice@example.org", true }, // full width
        { "<SRS0=aaaaaaaa=bb=remote.example=x@example.org>", "From: alice@example.org", true },

        // From and Sender of others
        { Own, "From: bob@example.org", true },
        { Own, "From: carol@other.example", true },
        { Own, "From: Alice <bob@example.org>", true },
        { Own, "From: alice@example.org <bob@example.org>", true },
        { Own, "From: \"alice@example.org\" <bob@example.org>", true },
        { Own, "From: alice@example.org, bob@example.org", true },
        { Own, "From: bob@example.org, alice@example.org\r\nSender: alice@example.org", true },
        { Own, "From: alice@example.org\r\nSender: bob@example.org", true },
        { Own, "From: bob@example.org\r\nSender: alice@example.org", true },
        { Own, "From: alice@example.org\r\nSender: carol@other.example", true },
        { Own, "From: alice@example.org\r\nFrom: bob@example.org", true },
        { Own, "From: bob@example.org\r\nFrom: alice@example.org", true },
        { Own, "From: alice@example.org\r\nSender: alice@example.org\r\nSender: bob@example.org", true },
        { Own, "From: all: alice@example.org, bob@example.org;", true },
        { Own, "From: nobody:;", true },
        { Own, "From:", true },
        { Own, "Subject: no From at all", true },
        { Own, "From: <>", true },
        { Own, "From: alice", true },
        { Own, "From: =?utf-8?Q?alice=40example.org?=", true },
        { Own, "From: =?utf-8?Q?alice?=@example.org", true },
        { Own, "From: (alice@example.org) bob@example.org", true },
        { Own, "From: alice(@example.org)@remote.example", true },
        { Own, "From: <@example.org:alice@example.org>", true },
        { Own, "From: alice@example.org.", true },
        { Own, "From: alice@sub.example.org", true },
        { Own, "From: family@example.org", true },
        { Own, "From: \"bob\"@example.org", true },
        { Own, "From: \u0430lice@example.org", true },
        { Own, "From: alice@ex\u0430mple.org", true },
        { Own, "From: alice@example.org,\r\n bob@example.org", true },
        { Own, "From: alice@example.org\r\n\t, bob@example.org", true },
        { Own, "From: alice@example.org\0bob@example.org", true },
        { Own, "From : bob@example.org", true },
        { "<>", "From: bob@example.org", true },
        { "<>", "From: stranger@remote.example", true },
    };

    [Theory, MemberData(nameof(Rows))]
    public async Task A_row(string mail, string fields, bool refused)
    {
        await using var house = House();
        var reply = await Post.SubmitAsync(house, "alice", Latin(mail), "<bob@example.org>", Latin(fields) + "\r\n\r\nhi");
        if (!refused)
        {
            Assert.StartsWith("250 ", reply, StringComparison.Ordinal);
            Assert.Contains("auth=pass smtp.auth=alice", Assert.Single(house.Mailbox("bob")), StringComparison.Ordinal);
            return;
        }
        // Some are not even addresses.
        Assert.Matches("^5(50 5.7.1|01 5.1.7|53 )", reply);
        Assert.Empty(house.Mailbox("bob"));
        Assert.Empty(house.Queued);
    }

    [Fact]
    public void There_are_as_many_rows_as_there_should_be() => Assert.True(Rows.Count >= 40);

    [Theory]
    [InlineData("<alice@example.org>", "From: alice@example.org")]
    [InlineData("<x@remote.example>", "From: alice@example.org")]
    [InlineData("<x@remote.example>", "From: x@remote.example, alice@example.org")]
    [InlineData("<x@remote.example>", "From: Alice <alice@sub.example.org>")]
    [InlineData("<x@remote.example>", "From: alice@mail.example.org")]
    [InlineData("<>", "From: alice@example.org")]
    public async Task A_stranger_with_her_address_gets_neither_signature_nor_way_out(string mail, string fields)
    {
        await using var house = House();
        house.DkimKeys.Use("example.org", "hm1");
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, mail, "<family@example.org>", fields + "\r\n\r\nbuy"), StringComparison.Ordinal);
        var stored = Assert.Single(house.Mailbox("bob"));
        Assert.DoesNotContain("DKIM-Signature", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("auth=", stored, StringComparison.Ordinal);
        Assert.Empty(house.Queued);
        // Where there is nobody but somebody outside it is refused, while the client is there to be told.
        Assert.StartsWith("550 5.7.1", await Post.DeliverAsync(house, mail, "<away@example.org>", fields + "\r\n\r\nbuy"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_stranger_sends_goes_on_as_a_strangers_and_no_victim_hears_of_it()
    {
        await using var house = House();
        house.DkimKeys.Use("example.org", "hm1");
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<victim@remote.example>", "<family@example.org>", "From: victim@remote.example\r\n\r\nhi"), StringComparison.Ordinal);
        var envelope = Assert.Single(house.Queued);
        Assert.Equal("internet", envelope.Principal);
        Assert.False(envelope.SenderVerified);
        Assert.DoesNotContain("DKIM-Signature", Assert.Single(house.Mailbox("bob")), StringComparison.Ordinal);
        // What comes back about it is postmaster's: nobody has proven to be the victim.
        Assert.StartsWith("250 ", await Post.DeliverAsync(house, "<>", $"<{envelope.Sender}>", "From: mailer-daemon@example.net\r\n\r\nfailed"), StringComparison.Ordinal);
        Assert.Single(house.Queued);
        Assert.Contains(house.Mailbox("alice"), m => m.Contains("failed", StringComparison.Ordinal));
    }

    internal static TestHouse House() => new TestHouse().With(
        [new HostedDomain("example.org", "home"), new HostedDomain("xn--bcher-kva.example", "home"), new HostedDomain("other.example", "work")],
        [
            TestHouse.Account("alice", "alice@example.org", "a.smith@example.org", "buch@xn--bcher-kva.example"), TestHouse.Account("bob", "bob@example.org"),
            TestHouse.Account("carol", "carol@other.example"),
        ],
        ("family@example.org", ["alice@example.org", "bob@example.org", "aunt@example.net"]), ("sales@example.org", ["alice@example.org"]),
        ("away@example.org", ["aunt@example.net"]), ("alice+list@example.org", ["bob@example.org"]), ("both@example.org", ["bob@example.org", "carol@other.example"]));

    // The client writes Latin-1; what is UTF-8 on the wire is put into it octet by octet.
    internal static string Latin(string text) => System.Text.Encoding.Latin1.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
