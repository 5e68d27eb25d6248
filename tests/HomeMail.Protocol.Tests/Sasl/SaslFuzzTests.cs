using System.Buffers;
using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;

namespace HomeMail.Protocol.Tests.Sasl;

/// <summary>Octets of any kind, to every step of every mechanism: no exception, no success, and nothing after the end.</summary>
public class SaslFuzzTests
{
    // Cheap keys: the derivation is not what is tested here.
    private sealed class Anyone : ICredentialSource
    {
        private static readonly ScramCredential Keys = ScramCredential.Create("\U0001f98a never guessed", ScramCredential.MinimumIterations);

        public ScramCredential Find(string logInName, out string? account)
        {
            Assert.DoesNotContain('\0', logInName);
            Assert.DoesNotContain('\r', logInName);
            Assert.DoesNotContain('\n', logInName);
            account = "alice";
            return Keys;
        }
    }

    private static readonly ChannelBindings Bindings = new(new byte[32], new byte[32]);

    private static readonly string[] Pieces =
    [
        "n,,", "y,,", "p=tls-exporter,,", "n,a=alice,", "n=alice", "n==2C", "=3D", "=", ",", "r=", "abc", "c=", "biws", "p=", "m=x,", "v=", "e=", "s=", "i=4096", "i=",
        "\0", "\r\n", "alice", "pencil", "=2c", "AAAA", "é", "\u00ad", "\u202e",
    ];

    private static byte[] Next(Random random)
    {
        if (random.Next(3) == 0)
        {
            var octets = new byte[random.Next(40)];
            random.NextBytes(octets);
            return octets;
        }
        var text = new StringBuilder();
        for (var i = random.Next(9); i > 0; i--)
            text.Append(Pieces[random.Next(Pieces.Length)]);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    [Theory]
    [InlineData("PLAIN", 300)]
    [InlineData("LOGIN", 300)]
    [InlineData("SCRAM-SHA-256", 20_000)]
    [InlineData("SCRAM-SHA-256-PLUS", 20_000)]
    public void Servers_never_throw(string mechanism, int rounds)
    {
        var random = new Random(5802);
        for (var round = 0; round < rounds; round++)
        {
            var exchange = SaslServer.Create(mechanism, new Anyone(), random.Next(2) == 0 || mechanism.EndsWith("PLUS", StringComparison.Ordinal) ? Bindings : null)!;
            var ended = false;
            for (var step = 0; step < 4; step++)
            {
                // A good start now and then, so that later steps are reached too.
                var first = step == 0 && random.Next(2) == 0;
                var response = first ? Encoding.ASCII.GetBytes(exchange.Mechanism.EndsWith("PLUS", StringComparison.Ordinal) ? "p=tls-exporter,,n=a,r=b" : "n,,n=a,r=b") : Next(random);
                var challenge = new ArrayBufferWriter<byte>();
                var outcome = exchange.Step(response, first || (step == 0 && random.Next(2) == 0), challenge);
                Assert.NotEqual(SaslOutcome.Success, outcome);
                if (ended)
                    Assert.Equal(SaslOutcome.Malformed, outcome);
                if (outcome != SaslOutcome.Continue)
                    Assert.Equal(0, challenge.WrittenCount);
                ended |= outcome != SaslOutcome.Continue;
            }
        }
    }

    [Theory]
    [InlineData("PLAIN")]
    [InlineData("LOGIN")]
    [InlineData("SCRAM-SHA-256")]
    public void Clients_never_throw_and_never_trust(string mechanism)
    {
        var random = new Random(4422);
        for (var round = 0; round < 5_000; round++)
        {
            var client = SaslClient.Create(mechanism, "alice", "pencil")!;
            if (random.Next(2) == 0)
                client.TryWriteInitialResponse(new ArrayBufferWriter<byte>());
            for (var step = 0; step < 4; step++)
                client.Step(Next(random), new ArrayBufferWriter<byte>());
            if (mechanism == "SCRAM-SHA-256")
                Assert.False(client.IsComplete);
        }
    }

    [Fact]
    public void Stored_forms_of_any_text_never_throw()
    {
        var random = new Random(7677);
        var good = ScramCredential.Create("pencil", ScramCredential.MinimumIterations).ToString();
        for (var round = 0; round < 20_000; round++)
        {
            var text = good.ToCharArray();
            for (var i = random.Next(1, 4); i > 0; i--)
                text[random.Next(text.Length)] = (char)random.Next(random.Next(2) == 0 ? 128 : 65536);
            if (ScramCredential.TryParse(text, out var credential))
                Assert.True(ScramCredential.TryParse(credential.ToString(), out _));
        }
    }
}
