using System.Buffers;

namespace HomeMail.Protocol.Sasl;

/// <summary>PLAIN (RFC 4616): one message, <c>[authzid] NUL authcid NUL passwd</c>.</summary>
internal sealed class PlainServerExchange(ICredentialSource credentials) : SaslServerExchange
{
    private bool _asked;
    private bool _done;

    public override string Mechanism => "PLAIN";

    public override SaslOutcome Step(ReadOnlySpan<byte> response, bool isInitial, IBufferWriter<byte> challenge)
    {
        if (_done)
            return SaslOutcome.Malformed;
        if (!isInitial && !_asked && response.IsEmpty)
        {
            _asked = true;
            return SaslOutcome.Continue;
        }
        _done = true;

        // A device that has no password set sends nothing at all; that is a failed log-in, not a broken client.
        if (response.IsEmpty)
            return SaslOutcome.Failure;
        var first = response.IndexOf((byte)0);
        if (first < 0)
            return SaslOutcome.Malformed;
        var authorization = response[..first];
        response = response[(first + 1)..];
        var second = response.IndexOf((byte)0);
        if (second < 0
            || !PasswordLogIn.TryReadName(authorization, out var authorizationName)
            || !PasswordLogIn.TryReadName(response[..second], out var name))
            return SaslOutcome.Malformed;

        AccountName = name;
        var outcome = PasswordLogIn.Check(credentials, name, response[(second + 1)..], out var account);
        if (outcome != SaslOutcome.Success)
            return outcome;
        if (!PasswordLogIn.MayActAs(credentials, authorizationName, name, account))
            return SaslOutcome.Failure;
        AccountName = account;
        return SaslOutcome.Success;
    }
}
