using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;
using static HomeMail.Protocol.Tests.Sasl.SaslDialogue;

namespace HomeMail.Protocol.Tests.Sasl;

public class PasswordExchangeTests
{
    private readonly SaslDialogue _house = new();

    private SaslServerExchange Begin(string mechanism) => SaslServer.Create(mechanism, _house)!;

    [Theory]
    [InlineData("\0alice\0pencil", "alice")]
    [InlineData("alice\0alice\0pencil", "alice")]
    [InlineData("ALICE\0alice\0pencil", "alice")]
    [InlineData("alice@example.org\0alice\0pencil", "alice")]
    [InlineData("\0alice@EXAMPLE.org\0pencil", "alice")]
    public void Plain_lets_in(string message, string account)
    {
        var exchange = Begin("PLAIN");
        Assert.Equal((SaslOutcome.Success, ""), Step(exchange, message, initial: true));
        Assert.Equal(account, exchange.AccountName);
    }

    [Theory]
    [InlineData("\0alice\0pencils", SaslOutcome.Failure)]
    [InlineData("\0nobody\0pencil", SaslOutcome.Failure)]
    [InlineData("bob\0alice\0pencil", SaslOutcome.Failure)]
    [InlineData("\0\0", SaslOutcome.Failure)]
    [InlineData("\0alice\0", SaslOutcome.Failure)]
    [InlineData("\0\0pencil", SaslOutcome.Failure)]
    [InlineData("", SaslOutcome.Failure)]
    [InlineData("alice pencil", SaslOutcome.Malformed)]
    [InlineData("alice\0pencil", SaslOutcome.Malformed)]
    [InlineData("\0alice\0pencil\0", SaslOutcome.Malformed)]
    [InlineData("\0alice\0pencil\r\n", SaslOutcome.Malformed)]
    [InlineData("\0alice\r\nRCPT TO:<x>\0pencil", SaslOutcome.Malformed)]
    [InlineData("\n\0alice\0pencil", SaslOutcome.Malformed)]
    [InlineData("\0al\u0007ice\0pencil", SaslOutcome.Malformed)]
    public void Plain_keeps_out(string message, SaslOutcome outcome) =>
        Assert.Equal((outcome, ""), Step(Begin("PLAIN"), message, initial: true));

    [Fact]
    public void Plain_without_initial_response_asks_with_an_empty_challenge()
    {
        var exchange = Begin("plain");
        Assert.Equal((SaslOutcome.Continue, ""), Step(exchange, ""));
        Assert.Equal((SaslOutcome.Success, ""), Step(exchange, "\0alice\0pencil"));
        Assert.Equal((SaslOutcome.Malformed, ""), Step(exchange, "\0alice\0pencil"));
    }

    [Fact]
    public void Plain_answered_by_an_empty_line_fails()
    {
        var exchange = Begin("PLAIN");
        Step(exchange, "");
        Assert.Equal(SaslOutcome.Failure, Step(exchange, "").Outcome);
    }

    [Fact]
    public void The_claimed_name_is_told_on_failure()
    {
        var exchange = Begin("PLAIN");
        Step(exchange, "\0nobody@example.org\0x", initial: true);
        Assert.Equal("nobody@example.org", exchange.AccountName);
    }

    [Fact]
    public void Long_names_and_passwords_are_taken()
    {
        var name = new string('a', 64) + "@" + new string('b', 255);
        var exchange = Begin("PLAIN");
        Assert.Equal(SaslOutcome.Failure, Step(exchange, "\0" + name + "\0" + new string('p', 5000), initial: true).Outcome);
        Assert.Equal(name, exchange.AccountName);
        Assert.Equal([name], _house.Asked);
    }

    [Fact]
    public void Login_asks_in_the_exact_words()
    {
        var exchange = Begin("LOGIN");
        Assert.Equal((SaslOutcome.Continue, "Username:"), Step(exchange, ""));
        Assert.Equal((SaslOutcome.Continue, "Password:"), Step(exchange, "alice"));
        Assert.Equal((SaslOutcome.Success, ""), Step(exchange, "pencil"));
        Assert.Equal("alice", exchange.AccountName);
        Assert.Equal(SaslOutcome.Malformed, Step(exchange, "pencil").Outcome);
    }

    [Fact]
    public void Login_takes_the_name_as_initial_response()
    {
        var exchange = Begin("login");
        Assert.Equal((SaslOutcome.Continue, "Password:"), Step(exchange, "alice", initial: true));
        Assert.Equal(SaslOutcome.Success, Step(exchange, "pencil").Outcome);
    }

    [Theory]
    [InlineData("alice", "wrong", SaslOutcome.Failure)]
    [InlineData("nobody", "pencil", SaslOutcome.Failure)]
    [InlineData("", "pencil", SaslOutcome.Failure)]
    [InlineData("alice", "", SaslOutcome.Failure)]
    [InlineData("", "", SaslOutcome.Failure)]
    [InlineData("alice", "pencil\r\n", SaslOutcome.Malformed)]
    [InlineData("alice", "pen\0cil", SaslOutcome.Malformed)]
    public void Login_keeps_out(string name, string password, SaslOutcome outcome)
    {
        var exchange = Begin("LOGIN");
        Assert.Equal((SaslOutcome.Continue, "Username:"), Step(exchange, ""));
        Assert.Equal((SaslOutcome.Continue, "Password:"), Step(exchange, name));
        Assert.Equal((outcome, ""), Step(exchange, password));
    }

    [Theory]
    [InlineData("a\0b")]
    [InlineData("a\r\nb")]
    [InlineData("a\nb")]
    public void Login_refuses_a_name_with_controls_at_once(string name)
    {
        var exchange = Begin("LOGIN");
        Assert.Equal((SaslOutcome.Malformed, ""), Step(exchange, name, initial: true));
        Assert.Null(exchange.AccountName);
        Assert.Equal(SaslOutcome.Malformed, Step(exchange, "pencil").Outcome);
    }

    [Fact]
    public void Latin_1_octets_are_no_password() => Assert.Equal(
        SaslOutcome.Malformed, Step(Begin("PLAIN"), Encoding.Latin1.GetBytes("\0alice\0geheimnisträger"), initial: true).Outcome);

    [Theory]
    [InlineData("")]
    [InlineData("CRAM-MD5")]
    [InlineData("PLAIN ")]
    [InlineData("SCRAM-SHA-256-PLUS")]
    public void Unknown_mechanisms_are_null(string name) => Assert.Null(SaslServer.Create(name, _house));

    [Fact]
    public void What_is_offered_can_be_had()
    {
        var bindings = new ChannelBindings(new byte[32], new byte[32]);
        foreach (var mechanism in SaslServer.Mechanisms(withChannelBinding: true))
            Assert.Equal(mechanism, SaslServer.Create(mechanism.ToLowerInvariant(), _house, bindings)?.Mechanism);
        foreach (var mechanism in SaslServer.Mechanisms(withChannelBinding: false))
            Assert.Equal(mechanism, SaslServer.Create(mechanism, _house)?.Mechanism);
        Assert.DoesNotContain("SCRAM-SHA-256-PLUS", SaslServer.Mechanisms(withChannelBinding: false));
    }
}
