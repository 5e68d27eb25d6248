using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>A stranger reaches nobody who is not hosted here, by whatever trick.</summary>
public sealed class RelayTests
{
    private const string Stranger = "<x@remote.example>";

    /// <summary>MAIL FROM and RCPT TO.</summary>
    public static TheoryData<string, string> Tricks => new()
    {
        { Stranger, "<y@elsewhere.example>" },
        { "<>", "<y@elsewhere.example>" },
        { "<alice@example.org>", "<y@elsewhere.example>" },
        { "<postmaster@example.org>", "<y@elsewhere.example>" },
        { "<postmaster@mail.example.org>", "<y@elsewhere.example>" },
        { "<y@elsewhere.example>", "<y@elsewhere.example>" },
        { "<x@[127.0.0.1]>", "<y@elsewhere.example>" },
        { "<x@localhost>", "<y@elsewhere.example>" },
        { "<@example.org:x@remote.example>", "<y@elsewhere.example>" },

        // The percent hack and its kin
        { Stranger, "<y%elsewhere.example@example.org>" },
        { Stranger, "<y%elsewhere.example%example.org@example.org>" },
        { Stranger, "<y%elsewhere.example@mail.example.org>" },
        { Stranger, "<y%elsewhere.example@[192.0.2.25]>" },
        { Stranger, "<%elsewhere.example@example.org>" },
        { Stranger, "<alice%elsewhere.example@example.org>" },
        { Stranger, "<\"y%elsewhere.example\"@example.org>" },

        // Bang paths
        { Stranger, "<elsewhere.example!y@example.org>" },
        { Stranger, "<example.org!elsewhere.example!y@example.org>" },
        { Stranger, "<elsewhere.example!y>" },
        { Stranger, "<example.org!y@elsewhere.example>" },
        { Stranger, "<elsewhere.example!y%example.org@mail.example.org>" },

        // Quoted at-signs
        { Stranger, "<\"y@elsewhere.example\"@example.org>" },
        { Stranger, "<\"y@elsewhere.example\">" },
        { Stranger, "<\"y@elsewhere.example\"@mail.example.org>" },
        { Stranger, "<y\\@elsewhere.example@example.org>" },
        { Stranger, "<y@elsewhere.example@example.org>" },
        { Stranger, "<y@example.org@elsewhere.example>" },
        { Stranger, "<\"y@example.org\"@elsewhere.example>" },
        { Stranger, "<\"alice@example.org\\\" \"@elsewhere.example>" },

        // Source routes: what counts is the last address
        { Stranger, "<@example.org:y@elsewhere.example>" },
        { Stranger, "<@example.org,@mail.example.org:y@elsewhere.example>" },
        { Stranger, "<@mail.example.org:y@elsewhere.example>" },
        { Stranger, "<@elsewhere.example:y%elsewhere.example@example.org>" },
        { Stranger, "<@example.org:\"y@elsewhere.example\"@example.org>" },

        // Literals
        { Stranger, "<y@[203.0.113.7]>" },
        { Stranger, "<y@[127.0.0.1]>" },
        { Stranger, "<y@[192.0.2.10]>" },
        { Stranger, "<alice@[127.0.0.1]>" },
        { Stranger, "<y@[IPv6:::1]>" },
        { Stranger, "<y@[IPv6:2001:db8::25]>" },
        { Stranger, "<y@[example.org]>" },
        { Stranger, "<alice@127.0.0.1>" },

        // Names that only look like ours
        { Stranger, "<alice@example.org.>" },
        { Stranger, "<alice@example.org..>" },
        { Stranger, "<alice@example.org.elsewhere.example>" },
        { Stranger, "<alice@notexample.org>" },
        { Stranger, "<alice@sub.example.org>" },
        { Stranger, "<alice@mail.example.org>" },
        { Stranger, "<alice@.example.org>" },
        { Stranger, "<alice@example_org>" },
        { Stranger, "<alice@example.org\u3002elsewhere.example>" },
        { Stranger + " SMTPUTF8", "<alice@ex\u0430mple.org>" },
        { Stranger + " SMTPUTF8", "<alice@example.org\u3002elsewhere.example>" },
        { Stranger + " SMTPUTF8", "<\u0430lice@example.org>" },
        { Stranger, "<alice@xn--exmple-4nf.org>" },

        // Comments, blanks, several addresses
        { Stranger, "<y@elsewhere.example(@example.org)>" },
        { Stranger, "<y@elsewhere.example>(alice@example.org)" },
        { Stranger, "<(alice@example.org)y@elsewhere.example>" },
        { Stranger, "<alice@example.org,y@elsewhere.example>" },
        { Stranger, "<alice@example.org> <y@elsewhere.example>" },
        { Stranger, "<alice@example.org y@elsewhere.example>" },
        { Stranger, "<alice@example.org><y@elsewhere.example>" },
        { Stranger, "y@elsewhere.example" },
        { Stranger, "<y@elsewhere.example\0@example.org>" },

        // postmaster elsewhere
        { Stranger, "<postmaster@elsewhere.example>" },
        { Stranger, "<postmaster%elsewhere.example@example.org>" },
        { Stranger, "<postmaster@[203.0.113.7]>" },

        // Tags and VERP
        { Stranger, "<nobody+y=elsewhere.example@example.org>" },
        { Stranger, "<bounce-y=elsewhere.example@example.org>" },
        { Stranger, "<prvs=0123456789=y@elsewhere.example>" },
        { Stranger, "<prvs=0123456789=y%elsewhere.example@example.org>" },
        { "<>", "<list-bounces+y=elsewhere.example@example.org>" },

        // Forged return addresses
        { "<>", "<SRS0=aaaaaaaa=bb=elsewhere.example=y@example.org>" },
        { "<>", "<SRS0=aaaa=bb=elsewhere.example=y@example.org>" },
        { "<>", "<SRS0==bb=elsewhere.example=y@example.org>" },
        { "<>", "<SRS0=elsewhere.example=y@example.org>" },
        { "<>", "<SRS1=aaaaaaaabb=elsewhere.example==cc=dd=elsewhere.example=y@example.org>" },
        { "<>", "<SRS1=aaaaaaaabb=elsewhere.example=y@example.org>" },
        { "<>", "<srs0+aaaaaaaa+bb+elsewhere.example+y@example.org>" },
        { "<>", "<SRS0=@example.org>" },
        { "<>", "<SRS0=aaaaaaaa=bb=elsewhere.example=y@mail.example.org>" },
        { "<>", "<SRS0=aaaaaaaa=bb=elsewhere.example=y@elsewhere.example>" },
        { Stranger, "<SRS0=aaaaaaaa=bb=elsewhere.example=y@example.org>" },
    };

    [Theory, MemberData(nameof(Tricks))]
    public async Task A_trick_is_refused(string mail, string rcpt)
    {
        await using var house = PrincipalTests.House();
        var reply = await Post.DeliverAsync(house, PrincipalTests.Latin(mail), PrincipalTests.Latin(rcpt));
        Assert.Matches("^5[0-9][0-9] 5", reply);
        Assert.Empty(house.Queued);
        Assert.Empty(house.Mailbox("alice"));
    }

    // The names by which a client calls itself, and the address it comes from, open nothing.
    [Theory]
    [InlineData("192.0.2.10", "mail.example.org")]
    [InlineData("127.0.0.1", "localhost")]
    [InlineData("192.168.1.50", "scanner")] // what a device would have: not on this endpoint
    [InlineData("192.168.1.254", "[192.168.1.254]")]
    [InlineData("::1", "example.org")]
    public async Task Who_it_says_it_is_opens_nothing(string peer, string hello)
    {
        await using var house = PrincipalTests.House();
        house.Shared.Add(System.Net.IPAddress.Parse("192.168.1.254"));
        Assert.StartsWith("550 5.7.1", await Post.DeliverAsync(house, "<alice@example.org>", "<y@elsewhere.example>", peer: peer, hello: hello), StringComparison.Ordinal);
        Assert.Empty(house.Queued);
    }

    [Fact]
    public void There_are_as_many_tricks_as_there_should_be() => Assert.True(Tricks.Count >= 50);

    // The AUTH parameter is no authentication (RFC 4954 5).
    [Theory]
    [InlineData("<x@remote.example> AUTH=alice@example.org")]
    [InlineData("<alice@example.org> AUTH=<>")]
    public async Task A_claim_is_no_authentication(string mail)
    {
        await using var house = PrincipalTests.House();
        Assert.Matches("^5[0-9][0-9] ", await Post.DeliverAsync(house, mail, "<y@elsewhere.example>"));
        Assert.Empty(house.Queued);
    }

    [Theory]
    [InlineData("alice", "<bob@example.org>")]
    [InlineData("alice", "<carol@other.example>")]
    [InlineData("carol", "<alice@example.org>")]
    public async Task Who_is_authenticated_is_nobody_else(string account, string mail)
    {
        await using var house = PrincipalTests.House();
        Assert.StartsWith("550 5.7.1", await Post.SubmitAsync(house, account, mail, "<y@elsewhere.example>", "From: a@b.example\r\n\r\nx"), StringComparison.Ordinal);
    }
}
