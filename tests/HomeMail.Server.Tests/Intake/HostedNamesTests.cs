using HomeMail.Protocol.Message;
using HomeMail.Protocol.Sasl;
using HomeMail.Server.Intake;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

public class HostedNamesTests
{
    private static readonly ScramCredential Pencil = ScramCredential.Create("pencil", ScramCredential.MinimumIterations);

    private static readonly HostedNames Names = new(
        "mail.example.org",
        [new HostedDomain("example.org", "home"), new HostedDomain("catch.example", "home", "bob"), new HostedDomain("xn--bcher-kva.example", "home")],
        [
            new HostedAccount("alice", [A("alice@example.org"), A("a.smith@example.org"), A("buch@xn--bcher-kva.example")], Pencil),
            new HostedAccount("bob", [A("bob@example.org"), A("bob@catch.example")], null),
        ],
        [
            new HostedAlias(A("family@example.org"), [A("alice@example.org"), A("inner@example.org"), A("aunt@example.net")]),
            new HostedAlias(A("inner@example.org"), [A("bob@example.org"), A("family@example.org"), A("alice@example.org")]),
            new HostedAlias(A("self@example.org"), [A("self@example.org")]),
        ],
        "a secret of this server"u8);

    private static Address A(string text) => AddressSyntax.TryParseMailbox(text, true, out var address) ? address! : throw new ArgumentException(text);

    [Theory]
    [InlineData("alice@example.org", "alice", "")]
    [InlineData("ALICE@EXAMPLE.ORG", "alice", "")]
    [InlineData("alice+shop@example.org", "alice", "")]
    [InlineData("buch@bücher.example", "alice", "")]
    [InlineData("family@example.org", "alice bob", "aunt@example.net")]
    [InlineData("family+x@example.org", "alice bob", "aunt@example.net")]
    [InlineData("anything@catch.example", "bob", "")]
    [InlineData("postmaster@example.org", "alice", "")]
    [InlineData("Abuse@example.org", "alice", "")]
    [InlineData("postmaster@catch.example", "bob", "")]
    [InlineData("postmaster@mail.example.org", "alice", "")]
    [InlineData("x@elsewhere.example", "", "x@elsewhere.example")]
    [InlineData("a%example.org@elsewhere.example", "", "a%example.org@elsewhere.example")]
    public void Leads_to(string address, string accounts, string outside)
    {
        var found = Names.Resolve(A(address));
        Assert.NotNull(found);
        Assert.Equal(accounts, string.Join(' ', found.Accounts));
        Assert.Equal(outside, string.Join(' ', found.Outside));
    }

    [Theory]
    [InlineData("nobody@example.org")]
    [InlineData("x%elsewhere.example@example.org")]
    [InlineData("\"x@elsewhere.example\"@example.org")]
    [InlineData("elsewhere.example!x@example.org")]
    [InlineData("self@example.org")]
    [InlineData("alice@mail.example.org")]
    public void Leads_nowhere(string address) => Assert.Null(Names.Resolve(A(address)));

    [Theory]
    [InlineData("alice@example.org", true)]
    [InlineData("Alice@Example.Org", true)]
    [InlineData("alice+tag@example.org", true)]
    [InlineData("buch@bücher.example", true)]
    [InlineData("bob@example.org", false)]
    [InlineData("family@example.org", false)]
    [InlineData("alice@example.net", false)]
    [InlineData("аlice@example.org", false)]
    public void Owns(string address, bool owned) => Assert.Equal(owned, Names.Owns("alice", A(address)));

    [Theory]
    [InlineData("alice", "alice")]
    [InlineData("ALICE", "alice")]
    [InlineData("Alice@Example.ORG", "alice")]
    [InlineData("bob", null)]
    [InlineData("nobody", null)]
    [InlineData("", null)]
    [InlineData("family@example.org", null)]
    public void Logs_in(string name, string? account)
    {
        var credential = Names.Find(name, out var found);
        Assert.Equal(account, found);
        Assert.Equal(account is not null, credential.Verify("pencil"u8));
    }

    [Fact]
    public void Who_has_no_password_cannot_be_told_from_who_does_not_exist()
    {
        var bob = Names.Find("bob", out _);
        Assert.Equal(bob.ToString(), Names.Find("BOB@example.org", out _).ToString());
        Assert.Equal(Pencil.Iterations, bob.Iterations);
        Assert.Equal(Pencil.Salt.Length, bob.Salt.Length);
    }
}
