using System.Text;

namespace HomeMail.Protocol.Sasl;

/// <summary>The mechanisms this client has: SCRAM-SHA-256, PLAIN, LOGIN.</summary>
public static class SaslClient
{
    private static readonly string[] ByPreference = ["SCRAM-SHA-256", "PLAIN", "LOGIN"];

    /// <summary>Begins an exchange by the best mechanism that the server offers: one that does not show it the password first.</summary>
    /// <param name="offered">The mechanisms of the AUTH keyword, any case.</param>
    /// <param name="userName">The user name.</param>
    /// <param name="password">The password.</param>
    /// <returns>Null if none of them is one of ours.</returns>
    public static SaslClientExchange? Choose(IEnumerable<string> offered, string userName, string password)
    {
        var names = new HashSet<string>(offered, StringComparer.OrdinalIgnoreCase);
        foreach (var mechanism in ByPreference)
            if (names.Contains(mechanism))
                return Create(mechanism, userName, password);
        return null;
    }

    /// <summary>Begins an exchange by a given mechanism.</summary>
    /// <param name="mechanism">Its name, any case.</param>
    /// <param name="userName">The user name.</param>
    /// <param name="password">The password.</param>
    /// <returns>Null if the mechanism is none of ours.</returns>
    public static SaslClientExchange? Create(string mechanism, string userName, string password)
    {
        ArgumentNullException.ThrowIfNull(mechanism);
        ArgumentNullException.ThrowIfNull(userName);
        ArgumentNullException.ThrowIfNull(password);
        return mechanism.ToUpperInvariant() switch
        {
            "SCRAM-SHA-256" => new ScramClientExchange(userName, password, ScramText.NewNonce()),
            "PLAIN" => new PlainClientExchange(userName, password),
            "LOGIN" => new LoginClientExchange(userName, password),
            _ => null,
        };
    }

    /// <summary>A name or password as octets: prepared if that is possible, else as it is, since it is the server that judges it (RFC 4616 2).</summary>
    internal static byte[] Prepare(string text)
    {
        var octets = Encoding.UTF8.GetBytes(text);
        return SaslPrep.TryPrepare(octets, out var prepared) ? prepared : octets;
    }
}
