namespace HomeMail.Protocol.Sasl;

/// <summary>The mechanisms this server has: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677).</summary>
public static class SaslServer
{
    /// <summary>The mechanisms to offer, in capitals, strongest first.</summary>
    /// <param name="withChannelBinding">Whether the connection has <see cref="ChannelBindings"/>.</param>
    public static IReadOnlyList<string> Mechanisms(bool withChannelBinding) => withChannelBinding ? WithBinding : WithoutBinding;

    /// <summary>Begins an exchange.</summary>
    /// <param name="mechanism">The name the client gave, any case (RFC 4422 3.1 has capitals, clients have both).</param>
    /// <param name="credentials">Where keys come from.</param>
    /// <param name="bindings">The connection's channel bindings if -PLUS is offered on it, else null.</param>
    /// <returns>Null if there is no such mechanism here.</returns>
    public static SaslServerExchange? Create(string mechanism, ICredentialSource credentials, ChannelBindings? bindings = null)
    {
        ArgumentNullException.ThrowIfNull(mechanism);
        ArgumentNullException.ThrowIfNull(credentials);
        return mechanism.ToUpperInvariant() switch
        {
            "PLAIN" => new PlainServerExchange(credentials),
            "LOGIN" => new LoginServerExchange(credentials),
            "SCRAM-SHA-256" => new ScramServerExchange(credentials, bindings, plus: false, ScramText.NewNonce()),
            "SCRAM-SHA-256-PLUS" when bindings is not null => new ScramServerExchange(credentials, bindings, plus: true, ScramText.NewNonce()),
            _ => null,
        };
    }

    private static readonly string[] WithBinding = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"];
    private static readonly string[] WithoutBinding = ["SCRAM-SHA-256", "PLAIN", "LOGIN"];
}
