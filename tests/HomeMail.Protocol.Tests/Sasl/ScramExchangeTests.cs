using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;
using static HomeMail.Protocol.Tests.Sasl.SaslDialogue;

namespace HomeMail.Protocol.Tests.Sasl;

public class ScramExchangeTests
{
    // The dialogue of RFC 7677 3.
    private const string ServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    private const string ClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    private const string ServerFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    private const string ClientFinal = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    private const string ServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    private static readonly ChannelBindings Bindings = new(SHA256.HashData("certificate"u8), SHA256.HashData("exporter"u8));

    private readonly SaslDialogue _house = new();

    private ScramServerExchange Begin(ChannelBindings? bindings = null, bool plus = false) =>
        new(_house, bindings, plus, Encoding.ASCII.GetBytes(ServerNonce));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_dialogue_of_rfc_7677(bool initialResponse)
    {
        var exchange = Begin();
        if (!initialResponse)
            Assert.Equal((SaslOutcome.Continue, ""), Step(exchange, ""));
        Assert.Equal((SaslOutcome.Continue, ServerFirst), Step(exchange, ClientFirst, initialResponse));
        Assert.Equal((SaslOutcome.Success, ServerFinal), Step(exchange, ClientFinal));
        Assert.Equal("alice", exchange.AccountName);
        Assert.Equal(SaslOutcome.Malformed, Step(exchange, "").Outcome);
    }

    [Fact]
    public void Any_changed_octet_of_the_last_message_fails()
    {
        var octets = Encoding.ASCII.GetBytes(ClientFinal);
        for (var i = 0; i < octets.Length; i++)
        {
            var exchange = Begin();
            Step(exchange, ClientFirst, initial: true);
            var changed = (byte[])octets.Clone();
            changed[i] ^= 1;
            Assert.NotEqual(SaslOutcome.Success, Step(exchange, changed).Outcome);
        }
    }

    [Theory]
    [InlineData("n,,n=user")]
    [InlineData("n,,r=abc")]
    [InlineData("n,n=user,r=abc")]
    [InlineData("n=user,r=abc")]
    [InlineData("x,,n=user,r=abc")]
    [InlineData("n,,n=user,r=")]
    [InlineData("n,,n=user,r=a\u0001b")]
    [InlineData("n,,n=user,r=a b")]
    [InlineData("n,,n=us=er,r=abc")]
    [InlineData("n,,n=us=2cer,r=abc")]
    [InlineData("n,,n=us=2,r=abc")]
    [InlineData("n,b=user,n=user,r=abc")]
    [InlineData("n,,n=us\r\ner,r=abc")]
    [InlineData("n,,n=us\0er,r=abc")]
    [InlineData("")]
    [InlineData(",")]
    public void A_broken_first_message_is_malformed(string message)
    {
        var exchange = Begin();
        Assert.Equal((SaslOutcome.Malformed, ""), Step(exchange, message, initial: true));
        Assert.Equal(SaslOutcome.Malformed, Step(exchange, ClientFinal).Outcome);
    }

    [Theory]
    [InlineData("n,,n=,r=abc")]
    [InlineData("n,,m=more,n=user,r=abc")]
    [InlineData("p=tls-unique,,n=user,r=abc")]
    [InlineData("p=tls-exporter,,n=user,r=abc")]
    public void A_first_message_that_asks_for_what_is_not_there_fails(string message) =>
        Assert.Equal((SaslOutcome.Failure, ""), Step(Begin(), message, initial: true));

    [Theory]
    [InlineData("c=biws,r=NONCE")]
    [InlineData("c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")]
    [InlineData("r=NONCE,c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")]
    [InlineData("c=biws,r=NONCE,p=AAAA")]
    [InlineData("c=bi!s,r=NONCE,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")]
    [InlineData("c=biws,r=NONCE,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=y")]
    [InlineData(",p=")]
    [InlineData("")]
    public void A_broken_last_message_is_malformed(string message)
    {
        var exchange = Begin();
        Step(exchange, ClientFirst, initial: true);
        message = message.Replace("NONCE", "rOprNGfwEbeRWgbNEkqO" + ServerNonce, StringComparison.Ordinal);
        Assert.Equal((SaslOutcome.Malformed, ""), Step(exchange, message));
    }

    [Fact]
    public void An_unknown_name_takes_the_same_course_and_fails()
    {
        string First()
        {
            var exchange = Begin();
            var (outcome, challenge) = Step(exchange, "n,,n=nobody,r=rOprNGfwEbeRWgbNEkqO", initial: true);
            Assert.Equal(SaslOutcome.Continue, outcome);
            Assert.Equal((SaslOutcome.Failure, ""), Step(exchange, ClientFinal));
            Assert.Equal("nobody", exchange.AccountName);
            return challenge;
        }

        var first = First();
        Assert.Equal(first, First());
        Assert.Equal(ServerFirst.Length, first.Length);
        Assert.EndsWith(",i=4096", first, StringComparison.Ordinal);
    }

    [Fact]
    public void Nonces_are_fresh()
    {
        string Nonce() => Step(SaslServer.Create("SCRAM-SHA-256", _house)!, ClientFirst, initial: true).Challenge.Split(',')[0];
        Assert.NotEqual(Nonce(), Nonce());
    }

    [Theory]
    [InlineData("tls-server-end-point")]
    [InlineData("tls-exporter")]
    public void Plus_binds_the_connection(string type)
    {
        var data = Bindings.Find(Encoding.ASCII.GetBytes(type)).ToArray();
        Assert.Equal(SaslOutcome.Success, RunBound(Begin(Bindings, plus: true), $"p={type},,", data));

        // A man in the middle has another certificate on the client's side, hence other data.
        Assert.Equal(SaslOutcome.Failure, RunBound(Begin(Bindings, plus: true), $"p={type},,", SHA256.HashData(data)));
        Assert.Equal(SaslOutcome.Failure, RunBound(Begin(Bindings, plus: true), $"p={type},,", []));
    }

    [Fact]
    public void Plus_refuses_a_header_changed_between_messages() => Assert.Equal(
        SaslOutcome.Failure,
        RunBound(Begin(Bindings, plus: true), "p=tls-exporter,,", Bindings.TlsExporter.ToArray(), finalHeader: "n,,"));

    [Theory]
    [InlineData("n,,n=user,r=abc")]
    [InlineData("y,,n=user,r=abc")]
    [InlineData("p=tls-unique,,n=user,r=abc")]
    [InlineData("p=TLS-EXPORTER,,n=user,r=abc")]
    [InlineData("p=,,n=user,r=abc")]
    public void Plus_without_a_binding_of_ours_fails(string message) =>
        Assert.Equal(SaslOutcome.Failure, Step(Begin(Bindings, plus: true), message, initial: true).Outcome);

    [Fact]
    public void The_y_flag_is_a_downgrade_only_where_plus_is_offered()
    {
        Assert.Equal(SaslOutcome.Failure, RunBound(Begin(Bindings), "y,,", []));
        Assert.Equal(SaslOutcome.Success, RunBound(Begin(), "y,,", []));
        Assert.Equal(SaslOutcome.Success, RunBound(Begin(Bindings), "n,,", []));
    }

    [Theory]
    [InlineData("n,a=user,", SaslOutcome.Success)]
    [InlineData("n,a=Alice@example.org,", SaslOutcome.Success)]
    [InlineData("n,a=bob,", SaslOutcome.Failure)]
    public void An_authorization_identity_is_taken_only_for_oneself(string header, SaslOutcome outcome) =>
        Assert.Equal(outcome, RunBound(Begin(), header, []));

    [Fact]
    public void Escaped_names_are_read()
    {
        Assert.Equal(SaslOutcome.Success, RunBound(Begin(), "n,,", [], name: "a=2Cb=3Dc"));
        Assert.Contains("a,b=c", _house.Asked);
    }

    [Fact]
    public void Unknown_extensions_are_ignored() =>
        Assert.Equal(SaslOutcome.Success, RunBound(Begin(), "n,,", [], extension: ",x=1,y=2"));

    // A client written out from RFC 5802 3, so that the server is not only tested against its own other half.
    private static SaslOutcome RunBound(
        ScramServerExchange exchange, string header, byte[] bindingData, string? finalHeader = null, string name = "user", string extension = "")
    {
        var bare = $"n={name},r=clientnonce{extension}";
        var (outcome, serverFirst) = Step(exchange, header + bare, initial: true);
        if (outcome != SaslOutcome.Continue)
            return outcome;
        var nonce = serverFirst.Split(',')[0];
        var salted = Rfc2898DeriveBytes.Pbkdf2(
            Encoding.ASCII.GetBytes(Password), Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096, HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        byte[] binding = [.. Encoding.ASCII.GetBytes(finalHeader ?? header), .. bindingData];
        var withoutProof = $"c={Convert.ToBase64String(binding)},{nonce}{extension}";
        var authMessage = Encoding.UTF8.GetBytes($"{bare},{serverFirst},{withoutProof}");
        var signature = HMACSHA256.HashData(SHA256.HashData(clientKey), authMessage);
        var proof = clientKey.Zip(signature, (a, b) => (byte)(a ^ b)).ToArray();
        var (last, serverFinal) = Step(exchange, $"{withoutProof},p={Convert.ToBase64String(proof)}");
        if (last == SaslOutcome.Success)
            Assert.Equal("v=" + Convert.ToBase64String(HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), authMessage)), serverFinal);
        return last;
    }
}
