using System.Text;
using System.Text.Unicode;

namespace HomeMail.Protocol.Sasl;

/// <summary>What PLAIN and LOGIN have in common: names and passwords as octets, checked against stored keys.</summary>
internal static class PasswordLogIn
{
    /// <summary>Reads a log-in name. NUL, CR, LF and other prohibited characters are refused here, so that no reply or log line can be broken by one.</summary>
    /// <returns>False if the octets can be no name; an empty name is read as such.</returns>
    public static bool TryReadName(ReadOnlySpan<byte> octets, out string name)
    {
        var fine = SaslPrep.TryPrepare(octets, out var prepared);
        name = fine ? Encoding.UTF8.GetString(prepared) : "";
        return fine;
    }

    /// <summary>Checks a password. An unknown name costs as much as a known one.</summary>
    public static SaslOutcome Check(ICredentialSource credentials, string name, ReadOnlySpan<byte> password, out string? account)
    {
        account = null;
        if (password.ContainsAny((byte)0, (byte)'\r', (byte)'\n') || !Utf8.IsValid(password))
            return SaslOutcome.Malformed;
        if (name.Length == 0 || password.IsEmpty)
            return SaslOutcome.Failure;
        var fits = credentials.Find(name, out account).Verify(password);
        return fits && account is not null ? SaslOutcome.Success : SaslOutcome.Failure;
    }

    /// <summary>Whether an authorization identity (RFC 4422 3.4.1) asks for no more than the log-in gives: empty, the same name, or another name of the account.</summary>
    public static bool MayActAs(ICredentialSource credentials, string authorizationName, string logInName, string? account)
    {
        if (authorizationName.Length == 0 || string.Equals(authorizationName, logInName, StringComparison.OrdinalIgnoreCase))
            return true;
        credentials.Find(authorizationName, out var other);
        return account is not null && account == other;
    }
}
