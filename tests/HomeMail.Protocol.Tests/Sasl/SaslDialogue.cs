using System.Buffers;
using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;

namespace HomeMail.Protocol.Tests.Sasl;

/// <summary>A house with one account, and short forms for steps of exchanges.</summary>
internal sealed class SaslDialogue : ICredentialSource
{
    public const string Password = "pencil";

    private static readonly ScramCredential Alice =
        ScramCredential.Create(Password, ScramCredential.MinimumIterations, Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ=="));

    private readonly byte[] _secret = Encoding.ASCII.GetBytes("a secret of the server");

    /// <summary>The names asked for, to see that an unknown one takes the same course.</summary>
    public List<string> Asked { get; } = [];

    public ScramCredential Find(string logInName, out string? account)
    {
        Asked.Add(logInName);
        account = logInName.ToLowerInvariant() is "alice" or "alice@example.org" or "user" or "a,b=c" ? "alice" : null;
        return account is null ? ScramCredential.Decoy(_secret, logInName, ScramCredential.MinimumIterations) : Alice;
    }

    public static (SaslOutcome Outcome, string Challenge) Step(SaslServerExchange exchange, string response, bool initial = false) =>
        Step(exchange, Encoding.UTF8.GetBytes(response), initial);

    public static (SaslOutcome Outcome, string Challenge) Step(SaslServerExchange exchange, byte[] response, bool initial = false)
    {
        var challenge = new ArrayBufferWriter<byte>();
        var outcome = exchange.Step(response, initial, challenge);
        return (outcome, Encoding.UTF8.GetString(challenge.WrittenSpan));
    }

    public static (SaslClientOutcome Outcome, string Response) Step(SaslClientExchange exchange, string challenge)
    {
        var response = new ArrayBufferWriter<byte>();
        var outcome = exchange.Step(Encoding.UTF8.GetBytes(challenge), response);
        return (outcome, Encoding.UTF8.GetString(response.WrittenSpan));
    }

    public static string InitialResponse(SaslClientExchange exchange)
    {
        var response = new ArrayBufferWriter<byte>();
        Assert.True(exchange.TryWriteInitialResponse(response));
        return Encoding.UTF8.GetString(response.WrittenSpan);
    }
}
