using System.Buffers;

namespace HomeMail.Protocol.Sasl;

/// <summary>The client's side of LOGIN. What servers write into the challenges varies, so only their order counts.</summary>
internal sealed class LoginClientExchange(string userName, string password) : SaslClientExchange
{
    private int _challenges;

    public override string Mechanism => "LOGIN";

    public override bool IsComplete => _challenges >= 2;

    public override bool TryWriteInitialResponse(IBufferWriter<byte> response) => false;

    public override SaslClientOutcome Step(ReadOnlySpan<byte> challenge, IBufferWriter<byte> response)
    {
        if (_challenges >= 2)
            return SaslClientOutcome.Malformed;
        response.Write(SaslClient.Prepare(_challenges++ == 0 ? userName : password));
        return SaslClientOutcome.Respond;
    }
}
