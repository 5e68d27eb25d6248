using System.Buffers;

namespace HomeMail.Protocol.Sasl;

/// <summary>How one step of a SASL exchange ended.</summary>
public enum SaslOutcome
{
    /// <summary>A challenge is to be sent, and one more response read.</summary>
    Continue,

    /// <summary>The client is who it says: <see cref="SaslServerExchange.AccountName"/> is set. A last challenge may be waiting to be sent (RFC 4954 4: as a 334, answered by an empty line).</summary>
    Success,

    /// <summary>Wrong user or password; which of them is never told.</summary>
    Failure,

    /// <summary>The response breaks the mechanism's grammar.</summary>
    Malformed,
}

/// <summary>The server's side of one SASL exchange (RFC 4422 3). Octets in and out; Base64 and lines belong to the protocol around it.</summary>
public abstract class SaslServerExchange
{
    /// <summary>The mechanism's name in capitals.</summary>
    public abstract string Mechanism { get; }

    /// <summary>The name the client authenticated as, once known; may be set on failure too (for the log and the delays), then it is only a claim.</summary>
    public string? AccountName { get; protected set; }

    /// <summary>Takes a response and gives the next challenge.</summary>
    /// <param name="response">The client's response, decoded. For the first call without an initial response: empty, with <paramref name="isInitial"/> false.</param>
    /// <param name="isInitial">Whether this is the initial response of the AUTH command.</param>
    /// <param name="challenge">Receives the challenge for <see cref="SaslOutcome.Continue"/>, or the last data for <see cref="SaslOutcome.Success"/>.</param>
    public abstract SaslOutcome Step(ReadOnlySpan<byte> response, bool isInitial, IBufferWriter<byte> challenge);
}

/// <summary>Where the keys of accounts come from.</summary>
public interface ICredentialSource
{
    /// <summary>
    /// The keys of the account that a log-in name belongs to. A name that is unknown gets keys too, with a salt that is stable for that name and
    /// the usual iteration count, and <paramref name="account"/> null: an exchange with them runs the same course, and always fails.
    /// </summary>
    /// <param name="logInName">What the client gave: an account's name or one of its addresses, any case.</param>
    /// <param name="account">The account's name, or null if there is none.</param>
    ScramCredential Find(string logInName, out string? account);
}
