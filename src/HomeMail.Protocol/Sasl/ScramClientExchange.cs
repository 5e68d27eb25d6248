using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace HomeMail.Protocol.Sasl;

/// <summary>
/// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding (flag <c>n</c>). The iteration count that the server names
/// is held within bounds: too few would show a cheat the password by trial, too many would hold a small device for as long as it likes.
/// </summary>
internal sealed class ScramClientExchange(string userName, string password, byte[] clientNonce) : SaslClientExchange
{
    private enum Awaiting { Start, ServerFirst, ServerFinal, Nothing }

    private const string Header = "n,,";

    private Awaiting _awaiting;
    private byte[] _clientFirstBare = [];
    private byte[] _serverSignature = [];
    private bool _proven;

    public override string Mechanism => "SCRAM-SHA-256";

    public override bool IsComplete => _proven;

    public override bool TryWriteInitialResponse(IBufferWriter<byte> response)
    {
        var name = ScramText.EscapeName(Encoding.UTF8.GetString(SaslClient.Prepare(userName)));
        _clientFirstBare = [.. "n="u8, .. name, .. ",r="u8, .. clientNonce];
        _awaiting = Awaiting.ServerFirst;
        response.Write(Encoding.ASCII.GetBytes(Header));
        response.Write(_clientFirstBare);
        return true;
    }

    public override SaslClientOutcome Step(ReadOnlySpan<byte> challenge, IBufferWriter<byte> response)
    {
        var awaited = _awaiting;
        _awaiting = Awaiting.Nothing;
        switch (awaited)
        {
            case Awaiting.Start:
                TryWriteInitialResponse(response);
                return SaslClientOutcome.Respond;
            case Awaiting.ServerFirst:
                return AnswerServerFirst(challenge, response);
            case Awaiting.ServerFinal:
                // An error (e=) is answered by giving up too; the reply code behind it would have told no more.
                if (!ScramText.TryTake(ref challenge, 'v', out var signature) || !ScramText.TryDecode(signature, out var octets))
                    return SaslClientOutcome.Malformed;
                _proven = CryptographicOperations.FixedTimeEquals(octets, _serverSignature);
                return _proven ? SaslClientOutcome.Respond : SaslClientOutcome.Untrusted;
            default:
                return SaslClientOutcome.Malformed;
        }
    }

    private SaslClientOutcome AnswerServerFirst(ReadOnlySpan<byte> serverFirst, IBufferWriter<byte> response)
    {
        var rest = serverFirst;
        if (!ScramText.TryTake(ref rest, 'r', out var nonce) || !ScramText.IsNonce(nonce)
            || !ScramText.TryTake(ref rest, 's', out var saltText) || !ScramText.TryDecode(saltText, out var salt) || salt.Length == 0
            || !ScramText.TryTake(ref rest, 'i', out var count) || !ScramText.TryReadIterations(count, out var iterations))
            return SaslClientOutcome.Malformed;
        // RFC 5802 5.1: the nonce must be ours, with something of the server's behind it.
        if (nonce.Length <= clientNonce.Length || !nonce.StartsWith(clientNonce)
            || iterations is < ScramCredential.MinimumIterations or > ScramCredential.MaximumIterations)
            return SaslClientOutcome.Untrusted;

        byte[] final = [.. "c="u8, .. Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.ASCII.GetBytes(Header))), .. ",r="u8, .. nonce];
        byte[] authMessage = [.. _clientFirstBare, .. ","u8, .. serverFirst, .. ","u8, .. final];

        Span<byte> salted = stackalloc byte[ScramCredential.KeyLength];
        Span<byte> storedKey = stackalloc byte[ScramCredential.KeyLength];
        Span<byte> serverKey = stackalloc byte[ScramCredential.KeyLength];
        Span<byte> proof = stackalloc byte[ScramCredential.KeyLength];
        ScramKeys.SaltPassword(SaslClient.Prepare(password), salt, iterations, salted);
        ScramKeys.DeriveStoredKey(salted, storedKey);
        ScramKeys.DeriveServerKey(salted, serverKey);
        ScramKeys.DeriveClientKey(salted, proof);
        ScramKeys.ApplyClientSignature(storedKey, authMessage, proof);
        _serverSignature = HMACSHA256.HashData(serverKey, authMessage);
        CryptographicOperations.ZeroMemory(salted);
        CryptographicOperations.ZeroMemory(serverKey);

        response.Write(final);
        response.Write(",p="u8);
        ScramText.WriteBase64(response, proof);
        _awaiting = Awaiting.ServerFinal;
        return SaslClientOutcome.Respond;
    }
}
