using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace HomeMail.Protocol.Sasl;

/// <summary>
/// The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677; channel bindings RFC 5929 4 and RFC 9266). A failure is told by
/// the protocol around it, without a server-error (RFC 5802 5.1, <c>e</c>): it would say which part was wrong.
/// </summary>
internal sealed class ScramServerExchange(ICredentialSource credentials, ChannelBindings? bindings, bool plus, byte[] serverNonce) : SaslServerExchange
{
    private enum Awaiting { Start, ClientFirst, ClientFinal, Nothing }

    private readonly ArrayBufferWriter<byte> _authMessage = new(256);
    private Awaiting _awaiting;
    private ScramCredential? _credential;
    private string? _account;
    private string _logInName = "";
    private string _authorizationName = "";
    private byte[] _nonce = [];
    private byte[] _bindingInput = [];

    public override string Mechanism => plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";

    public override SaslOutcome Step(ReadOnlySpan<byte> response, bool isInitial, IBufferWriter<byte> challenge)
    {
        if (_awaiting == Awaiting.Start && !isInitial && response.IsEmpty)
        {
            _awaiting = Awaiting.ClientFirst;
            return SaslOutcome.Continue;
        }
        var awaited = _awaiting;
        _awaiting = Awaiting.Nothing;
        if (awaited == Awaiting.Nothing || response.Contains((byte)0) || !Utf8.IsValid(response))
            return SaslOutcome.Malformed;
        if (awaited == Awaiting.ClientFinal)
            return ReadClientFinal(response, challenge);
        var outcome = ReadClientFirst(response, challenge);
        if (outcome == SaslOutcome.Continue)
            _awaiting = Awaiting.ClientFinal;
        return outcome;
    }

    // client-first-message = gs2-cbind-flag "," [authzid] "," [reserved-mext ","] username "," nonce ["," extensions]
    private SaslOutcome ReadClientFirst(ReadOnlySpan<byte> message, IBufferWriter<byte> challenge)
    {
        var flagEnd = message.IndexOf((byte)',');
        if (flagEnd < 0)
            return SaslOutcome.Malformed;
        var flag = message[..flagEnd];
        var rest = message[(flagEnd + 1)..];
        var authorizationEnd = rest.IndexOf((byte)',');
        if (authorizationEnd < 0)
            return SaslOutcome.Malformed;
        var authorization = rest[..authorizationEnd];
        var bare = rest[(authorizationEnd + 1)..];
        var header = message[..^bare.Length];

        var outcome = ReadBindingFlag(flag, header);
        if (outcome != SaslOutcome.Continue)
            return outcome;
        if (!authorization.IsEmpty && !(ScramText.TryTake(ref authorization, 'a', out var escaped) && TryReadName(escaped, out _authorizationName)))
            return SaslOutcome.Malformed;

        rest = bare;
        // RFC 5802 5.1: a mandatory extension that we do not know (we know none) fails the exchange.
        if (ScramText.TryTake(ref rest, 'm', out _))
            return SaslOutcome.Failure;
        if (!ScramText.TryTake(ref rest, 'n', out var name) || !TryReadName(name, out _logInName)
            || !ScramText.TryTake(ref rest, 'r', out var clientNonce) || !ScramText.IsNonce(clientNonce))
            return SaslOutcome.Malformed;
        AccountName = _logInName;
        if (_logInName.Length == 0)
            return SaslOutcome.Failure;

        _credential = credentials.Find(_logInName, out _account);
        _nonce = [.. clientNonce, .. serverNonce];
        _authMessage.Write(bare);
        _authMessage.Write(","u8);
        var before = _authMessage.WrittenCount;
        _authMessage.Write("r="u8);
        _authMessage.Write(_nonce);
        _authMessage.Write(",s="u8);
        ScramText.WriteBase64(_authMessage, _credential.Salt);
        _authMessage.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $",i={_credential.Iterations}")));
        challenge.Write(_authMessage.WrittenSpan[before..]);
        return SaslOutcome.Continue;
    }

    // RFC 5802 6. What the client must send back as c= is the header and, with "p", the binding's data.
    private SaslOutcome ReadBindingFlag(ReadOnlySpan<byte> flag, ReadOnlySpan<byte> header)
    {
        ReadOnlyMemory<byte> data = default;
        if (flag.StartsWith("p="u8))
        {
            // A type that is not ours has no data.
            if (plus)
                data = bindings!.Find(flag[2..]);
            if (data.IsEmpty)
                return SaslOutcome.Failure;
        }
        else if (flag.SequenceEqual("y"u8))
        {
            // "y" says: I could have bound, but you did not offer it. If we did, somebody between us took the offer away.
            if (bindings is not null)
                return SaslOutcome.Failure;
        }
        else if (!flag.SequenceEqual("n"u8))
        {
            return SaslOutcome.Malformed;
        }
        else if (plus)
        {
            return SaslOutcome.Failure;
        }
        _bindingInput = [.. header, .. data.Span];
        return SaslOutcome.Continue;
    }

    // client-final-message = channel-binding "," nonce ["," extensions] "," proof
    private SaslOutcome ReadClientFinal(ReadOnlySpan<byte> message, IBufferWriter<byte> challenge)
    {
        var proofStart = message.LastIndexOf(",p="u8);
        if (proofStart < 0)
            return SaslOutcome.Malformed;
        var withoutProof = message[..proofStart];
        var rest = withoutProof;
        if (!ScramText.TryTake(ref rest, 'c', out var binding) || !ScramText.TryDecode(binding, out var bindingInput)
            || !ScramText.TryTake(ref rest, 'r', out var nonce)
            || !ScramText.TryDecode(message[(proofStart + 3)..], out var proof) || proof.Length != ScramCredential.KeyLength)
            return SaslOutcome.Malformed;

        _authMessage.Write(","u8);
        _authMessage.Write(withoutProof);
        ScramKeys.ApplyClientSignature(_credential!.StoredKey, _authMessage.WrittenSpan, proof);
        Span<byte> storedKey = stackalloc byte[ScramCredential.KeyLength];
        SHA256.HashData(proof, storedKey);
        CryptographicOperations.ZeroMemory(proof);

        var fits = CryptographicOperations.FixedTimeEquals(storedKey, _credential.StoredKey);
        fits &= CryptographicOperations.FixedTimeEquals(bindingInput, _bindingInput);
        fits &= CryptographicOperations.FixedTimeEquals(nonce, _nonce);
        if (!fits || _account is null || !PasswordLogIn.MayActAs(credentials, _authorizationName, _logInName, _account))
            return SaslOutcome.Failure;

        AccountName = _account;
        challenge.Write("v="u8);
        ScramText.WriteBase64(challenge, HMACSHA256.HashData(_credential.ServerKey, _authMessage.WrittenSpan));
        return SaslOutcome.Success;
    }

    private static bool TryReadName(ReadOnlySpan<byte> escaped, out string name)
    {
        name = "";
        return ScramText.TryUnescapeName(escaped, out var octets) && PasswordLogIn.TryReadName(octets, out name);
    }
}
