using System.Buffers;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Fuzz.Targets;

/// <summary>Log-ins. The first octet of an input chooses the mechanism; a line feed ends a response.</summary>
public static class SaslTargets
{
    private static readonly string[] Tokens =
        ["\n", "\0", "n,,", "y,,", "p=tls-exporter,,", "p=tls-server-end-point,,", "n,a=alice,", "n=alice", ",r=abc", "c=biws", ",p=", "=2C", "=3D", "m=x,", "\xc3\xbc", "\xff", "\r", "alice", "secret"];

    // One derivation for the whole run: what is tested is the grammar.
    private static readonly Source Credentials = new();

    private static readonly ChannelBindings Bindings = new(new byte[32], new byte[32]);

    /// <summary>SCRAM-SHA-256 and -PLUS.</summary>
    public static FuzzTarget Scram { get; } = new(
        "scram", RunScram, ["0n,,n=alice,r=abc\nc=biws,r=abc,p=AAAA\n", "1p=tls-exporter,,n=alice,r=abc\n", "2y,,n=alice,r=abc\n", "0n,a=bob,n=alice,r=x\n"], Tokens);

    /// <summary>PLAIN and LOGIN, up to where keys are derived.</summary>
    public static FuzzTarget Passwords { get; } = new("plain-login", RunPasswords, ["0\0alice\0\n", "1alice\n\n", "0alice\0alice\0\n", "1\nalice\n\n", "0\n"], Tokens);

    private static void RunScram(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return;
        var plus = input[0] % 2 == 1;
        var exchange = SaslServer.Create(plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", Credentials, plus || input[0] % 4 == 2 ? Bindings : null)!;
        Run(exchange, input[1..]);
    }

    private static void RunPasswords(ReadOnlySpan<byte> input)
    {
        // A password that is not empty costs a derivation; there is nothing to be found in those.
        if (input.IsEmpty)
            return;
        var exchange = SaslServer.Create(input[0] % 2 == 1 ? "LOGIN" : "PLAIN", new NoDerivation())!;
        try
        {
            Run(exchange, input[1..]);
        }
        catch (NoDerivation.ReachedException)
        {
            // As far as this goes.
        }
    }

    private static void Run(SaslServerExchange exchange, ReadOnlySpan<byte> responses)
    {
        var isInitial = true;
        var ended = false;
        for (var step = 0; step < 6; step++)
        {
            var end = responses.IndexOf((byte)'\n');
            var response = end < 0 ? responses : responses[..end];
            responses = end < 0 ? default : responses[(end + 1)..];
            var challenge = new ArrayBufferWriter<byte>();
            var outcome = exchange.Step(response, isInitial && !response.IsEmpty, challenge);
            isInitial = false;
            FuzzException.Check(outcome != SaslOutcome.Success, "somebody got in");
            FuzzException.Check(!ended || outcome == SaslOutcome.Malformed, "it goes on after its end");
            FuzzException.Check(exchange.AccountName is null || exchange.AccountName.AsSpan().IndexOfAny('\0', '\r', '\n') < 0, "a name that breaks lines");
            FuzzException.Check(challenge.WrittenCount < 8192, "a challenge without measure");
            ended |= outcome != SaslOutcome.Continue;
        }
    }

    private sealed class Source : ICredentialSource
    {
        private readonly ScramCredential _keys = ScramCredential.Create("never to be guessed", ScramCredential.MinimumIterations);

        public ScramCredential Find(string logInName, out string? account)
        {
            account = "alice";
            return _keys;
        }
    }

    private sealed class NoDerivation : ICredentialSource
    {
        public ScramCredential Find(string logInName, out string? account) => throw new ReachedException();

        internal sealed class ReachedException : Exception;
    }
}
