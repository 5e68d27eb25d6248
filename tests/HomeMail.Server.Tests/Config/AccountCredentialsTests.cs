using HomeMail.Config;
using HomeMail.Protocol.Sasl;
using Xunit;

namespace HomeMail.Server.Tests.Config;

public class AccountCredentialsTests
{
    private static readonly AccountCredentials Credentials = new(
        Configurations.HouseWith($"""
            password = {ScramCredential.Create("pencil", 4096)}
            [account:bob]
            addresses = bob@example.org
            """),
        "a secret of this server"u8.ToArray());

    [Theory]
    [InlineData("alice", "alice")]
    [InlineData("ALICE", "alice")]
    [InlineData("alice@example.org", "alice")]
    [InlineData("Alice@Example.ORG", "alice")]
    [InlineData("bob", null)]
    [InlineData("bob@example.org", null)]
    [InlineData("nobody", null)]
    [InlineData("", null)]
    [InlineData("alice@example.net", null)]
    public void Names_and_addresses_log_in(string name, string? account)
    {
        var credential = Credentials.Find(name, out var found);
        Assert.Equal(account, found);
        Assert.Equal(account is not null, credential.Verify("pencil"u8));
    }

    [Fact]
    public void Who_has_no_password_cannot_be_told_from_who_does_not_exist()
    {
        var bob = Credentials.Find("bob", out _);
        Assert.Equal(bob.ToString(), Credentials.Find("BOB@example.org", out _).ToString());
        Assert.Equal(Credentials.Find("alice", out _).Iterations, bob.Iterations);
        Assert.Equal(Credentials.Find("alice", out _).Salt.Length, bob.Salt.Length);
    }
}
