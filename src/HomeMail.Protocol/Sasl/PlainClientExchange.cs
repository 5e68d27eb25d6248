using System.Buffers;

namespace HomeMail.Protocol.Sasl;

/// <summary>The client's side of PLAIN (RFC 4616).</summary>
internal sealed class PlainClientExchange(string userName, string password) : SaslClientExchange
{
    private bool _sent;

    public override string Mechanism => "PLAIN";

    public override bool IsComplete => _sent;

    public override bool TryWriteInitialResponse(IBufferWriter<byte> response)
    {
        _sent = true;
        response.Write("\0"u8);
        response.Write(SaslClient.Prepare(userName));
        response.Write("\0"u8);
        response.Write(SaslClient.Prepare(password));
        return true;
    }

    public override SaslClientOutcome Step(ReadOnlySpan<byte> challenge, IBufferWriter<byte> response)
    {
        if (_sent)
            return SaslClientOutcome.Malformed;
        TryWriteInitialResponse(response);
        return SaslClientOutcome.Respond;
    }
}
