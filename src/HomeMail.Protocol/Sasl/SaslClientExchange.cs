using System.Buffers;

namespace HomeMail.Protocol.Sasl;

/// <summary>What a client is to do after a challenge.</summary>
public enum SaslClientOutcome
{
    /// <summary>Send the response (it may be empty).</summary>
    Respond,

    /// <summary>Give up, cancel with <c>*</c>: the challenge breaks the grammar, or nothing is left to say.</summary>
    Malformed,

    /// <summary>Give up, and trust this server with nothing: it could not prove that it knows the password's keys.</summary>
    Untrusted,
}

/// <summary>The client's side of one SASL exchange (RFC 4422 3), for the log-in at a smarthost. Octets in and out; Base64 and lines belong to the protocol around it.</summary>
public abstract class SaslClientExchange
{
    /// <summary>The mechanism's name in capitals.</summary>
    public abstract string Mechanism { get; }

    /// <summary>
    /// Whether the server's success reply may be believed: all has been said, and a server that has to prove itself (SCRAM) has done so.
    /// A success reply before that ends the session (RFC 5802 3: the server is not authenticated).
    /// </summary>
    public abstract bool IsComplete { get; }

    /// <summary>Writes the initial response, for the AUTH command itself or for the first, empty challenge.</summary>
    /// <param name="response">Receives it.</param>
    /// <returns>False if in this mechanism the server speaks first.</returns>
    public abstract bool TryWriteInitialResponse(IBufferWriter<byte> response);

    /// <summary>Takes a challenge and gives the response.</summary>
    /// <param name="challenge">The challenge, decoded.</param>
    /// <param name="response">Receives the response for <see cref="SaslClientOutcome.Respond"/>.</param>
    public abstract SaslClientOutcome Step(ReadOnlySpan<byte> challenge, IBufferWriter<byte> response);
}
