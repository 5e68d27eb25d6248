using System.Buffers;
using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;
using static HomeMail.Protocol.Tests.Sasl.SaslDialogue;

namespace HomeMail.Protocol.Tests.Sasl;

public class SaslClientTests
{
    private const string ClientNonce = "rOprNGfwEbeRWgbNEkqO";
    private const string ServerFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    private static ScramClientExchange BeginScram() => new("user", "pencil", Encoding.ASCII.GetBytes(ClientNonce));

    [Fact]
    public void Scram_dialogue_of_rfc_7677()
    {
        var client = BeginScram();
        Assert.Equal("n,,n=user,r=" + ClientNonce, InitialResponse(client));
        Assert.Equal(
            (SaslClientOutcome.Respond, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            Step(client, ServerFirst));
        Assert.False(client.IsComplete);
        Assert.Equal((SaslClientOutcome.Respond, ""), Step(client, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        Assert.True(client.IsComplete);
        Assert.Equal(SaslClientOutcome.Malformed, Step(client, "").Outcome);
    }

    [Theory]
    [InlineData("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", SaslClientOutcome.Untrusted)]
    [InlineData("v=", SaslClientOutcome.Untrusted)]
    [InlineData("v=!", SaslClientOutcome.Malformed)]
    [InlineData("e=other-error", SaslClientOutcome.Malformed)]
    [InlineData("", SaslClientOutcome.Malformed)]
    public void A_server_that_proves_nothing_is_not_believed(string serverFinal, SaslClientOutcome outcome)
    {
        var client = BeginScram();
        InitialResponse(client);
        Step(client, ServerFirst);
        Assert.Equal((outcome, ""), Step(client, serverFinal));
        Assert.False(client.IsComplete);
    }

    [Theory]
    [InlineData("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SaslClientOutcome.Untrusted)]
    [InlineData("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SaslClientOutcome.Untrusted)]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", SaslClientOutcome.Untrusted)]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000", SaslClientOutcome.Untrusted)]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999", SaslClientOutcome.Malformed)]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==", SaslClientOutcome.Malformed)]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", SaslClientOutcome.Malformed)]
    [InlineData("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SaslClientOutcome.Malformed)]
    [InlineData("", SaslClientOutcome.Malformed)]
    public void A_bad_first_challenge_ends_it(string serverFirst, SaslClientOutcome outcome)
    {
        var client = BeginScram();
        InitialResponse(client);
        Assert.Equal((outcome, ""), Step(client, serverFirst));
        Assert.False(client.IsComplete);
    }

    [Fact]
    public void Plain_is_one_message()
    {
        var client = SaslClient.Create("plain", "alice", "pencil")!;
        Assert.False(client.IsComplete);
        Assert.Equal("\0alice\0pencil", InitialResponse(client));
        Assert.True(client.IsComplete);
        Assert.Equal(SaslClientOutcome.Malformed, Step(client, "more?").Outcome);
    }

    [Fact]
    public void Login_answers_whatever_it_is_asked_in_order()
    {
        var client = SaslClient.Create("LOGIN", "alice", "pencil")!;
        Assert.False(client.TryWriteInitialResponse(new ArrayBufferWriter<byte>()));
        Assert.Equal((SaslClientOutcome.Respond, "alice"), Step(client, "User Name"));
        Assert.False(client.IsComplete);
        Assert.Equal((SaslClientOutcome.Respond, "pencil"), Step(client, ""));
        Assert.True(client.IsComplete);
        Assert.Equal(SaslClientOutcome.Malformed, Step(client, "again").Outcome);
    }

    [Theory]
    [InlineData("LOGIN plain scram-sha-256 SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")]
    [InlineData("LOGIN PLAIN CRAM-MD5", "PLAIN")]
    [InlineData("login", "LOGIN")]
    [InlineData("GSSAPI XOAUTH2", null)]
    [InlineData("", null)]
    public void The_best_mechanism_is_chosen(string offered, string? chosen) =>
        Assert.Equal(chosen, SaslClient.Choose(offered.Split(' '), "u", "p")?.Mechanism);

    [Theory]
    [InlineData("PLAIN")]
    [InlineData("LOGIN")]
    [InlineData("SCRAM-SHA-256")]
    public void Client_and_server_agree(string mechanism)
    {
        foreach (var (name, password, expected) in new[]
        {
            ("alice", Password, SaslOutcome.Success), ("a,b=c", Password, SaslOutcome.Success), ("alice", "wrong", SaslOutcome.Failure), ("bob", Password, SaslOutcome.Failure),
        })
        {
            var server = SaslServer.Create(mechanism, new SaslDialogue())!;
            var client = SaslClient.Create(mechanism, name, password)!;
            var response = new ArrayBufferWriter<byte>();
            var initial = client.TryWriteInitialResponse(response);
            for (var round = 0; ; round++)
            {
                var challenge = new ArrayBufferWriter<byte>();
                var outcome = server.Step(response.WrittenSpan, initial && round == 0, challenge);
                if (outcome != SaslOutcome.Continue)
                {
                    Assert.Equal(expected, outcome);
                    if (challenge.WrittenCount > 0)
                        Assert.Equal(SaslClientOutcome.Respond, client.Step(challenge.WrittenSpan, response));
                    if (outcome == SaslOutcome.Success)
                        Assert.True(client.IsComplete);
                    break;
                }
                response = new ArrayBufferWriter<byte>();
                Assert.Equal(SaslClientOutcome.Respond, client.Step(challenge.WrittenSpan, response));
            }
        }
    }
}
