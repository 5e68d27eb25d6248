using System.Buffers;
using System.Buffers.Text;
using System.Text;
using HomeMail.Protocol.Sasl;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Text;
using HomeMail.Server.Intake;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    // A line of an authentication exchange (RFC 4954 4), with the command's own words and CRLF.
    private const int MaxAuthLine = 12288 + 64;

    private const int MaxAuthFailures = 3;

    private SaslServerExchange? _exchange;
    private PooledWriter? _response;
    private bool _hasInitialResponse;
    private int _authFailures;

    private string Mechanisms() => string.Join(' ', SaslServer.Mechanisms(Bindings is not null));

    private ChannelBindings? Bindings => _bindings ??= IsTls ? Net.TlsBindings.Of(_transport.Tls!, _options.Tls!) : null;

    private ChannelBindings? _bindings;

    private SmtpReply? Auth(ReadOnlySpan<byte> arguments)
    {
        var credentials = Device is { Credential: not null } ? new DeviceCredentials(Device) : IsSubmission ? _options.Credentials : null;
        if (credentials is null)
            return SmtpReplies.AuthNotOffered;
        if (!IsTls && Device is null)
            return SmtpReplies.AuthNeedsTls;
        if (_client.Principal.IsOurs || _transaction is not null)
            return SmtpReplies.AuthAlready;
        var end = arguments.IndexOfAny((byte)' ', (byte)'\t');
        var name = end < 0 ? arguments : arguments[..end];
        var initial = end < 0 ? default : arguments[end..].Trim(" \t"u8);
        if (name.Length is 0 or > 40 || SaslServer.Create(Encoding.ASCII.GetString(name), credentials, Bindings) is not { } exchange)
            return SmtpReplies.AuthUnknownMechanism;
        _response = new PooledWriter(256);
        _hasInitialResponse = !initial.IsEmpty;
        // "=" is a response of no octets (RFC 4954 4).
        if (_hasInitialResponse && !initial.SequenceEqual("="u8) && !TryDecode(initial, _response))
        {
            _response.DisposeSecret();
            return SmtpReplies.AuthBadBase64;
        }
        _exchange = exchange;
        _phase = Phase.Authenticate;
        return null;
    }

    private async ValueTask AuthenticateAsync()
    {
        var exchange = _exchange!;
        var response = _response!;
        using var challenge = new PooledWriter(256);
        try
        {
            var isInitial = _hasInitialResponse;
            while (true)
            {
                challenge.Clear();
                var outcome = exchange.Step(response.WrittenSpan, isInitial, challenge);
                isInitial = false;
                if (outcome is SaslOutcome.Failure or SaslOutcome.Malformed)
                {
                    await FailAuthenticationAsync(outcome).ConfigureAwait(false);
                    return;
                }
                if (outcome == SaslOutcome.Success && challenge.Length == 0)
                {
                    await SucceedAuthenticationAsync().ConfigureAwait(false);
                    return;
                }
                SendChallenge(challenge.WrittenSpan);
                if (await ReadResponseAsync(response).ConfigureAwait(false) is { } refused)
                {
                    if (_phase != Phase.Close)
                        Fault(refused);
                    return;
                }
                // The server's last words were taken in silence (RFC 4954 4): now the client knows that this server has the keys.
                if (outcome == SaslOutcome.Success)
                {
                    await SucceedAuthenticationAsync().ConfigureAwait(false);
                    return;
                }
            }
        }
        finally
        {
            response.DisposeSecret();
            _exchange = null;
            _response = null;
        }
    }

    private void SendChallenge(ReadOnlySpan<byte> challenge)
    {
        var encoded = ArrayPool<byte>.Shared.Rent(Base64.GetMaxEncodedToUtf8Length(challenge.Length));
        Base64.EncodeToUtf8(challenge, encoded, out _, out var length);
        // The space stands even before nothing (RFC 4954 4).
        _transport.Write("334 "u8);
        _transport.Write(encoded.AsSpan(0, length));
        _transport.Write("\r\n"u8);
        ArrayPool<byte>.Shared.Return(encoded);
    }

    /// <summary>Reads one response line. Null if all is well, otherwise the reply to give.</summary>
    private async ValueTask<SmtpReply?> ReadResponseAsync(PooledWriter response)
    {
        response.Clear();
        await FlushAsync().ConfigureAwait(false);
        Wait(Limits.Idle);
        while (true)
        {
            var result = await _transport.Reader.ReadAsync().ConfigureAwait(false);
            var buffer = result.Buffer;
            if (TryCutLine(ref buffer, out var line))
            {
                var refused = line.IsEmpty ? SmtpReplies.AuthTooLong : TakeResponse(line, response);
                _transport.Reader.AdvanceTo(buffer.Start);
                return refused;
            }
            _transport.Reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCanceled)
                Expired();
            else if (result.IsCompleted)
                Close(SmtpReplies.Bye, "closed by client amid AUTH");
            if (_phase == Phase.Close)
                return SmtpReplies.AuthCancelled;
        }
    }

    private static SmtpReply? TakeResponse(ReadOnlySequence<byte> line, PooledWriter response)
    {
        var copy = ArrayPool<byte>.Shared.Rent((int)line.Length);
        line.CopyTo(copy);
        var text = copy.AsSpan(0, (int)line.Length).TrimEnd("\r\n"u8);
        var refused = text.SequenceEqual("*"u8) ? SmtpReplies.AuthCancelled : TryDecode(text, response) ? null : SmtpReplies.AuthBadBase64;
        ArrayPool<byte>.Shared.Return(copy, clearArray: true);
        return refused;
    }

    private static bool TryDecode(ReadOnlySpan<byte> base64, PooledWriter output)
    {
        if (base64.IsEmpty)
            return true;
        var target = output.GetSpan(Base64.GetMaxDecodedFromUtf8Length(base64.Length));
        if (base64.ContainsAny(" \t\r\n"u8) || Base64.DecodeFromUtf8(base64, target, out var used, out var written) != OperationStatus.Done || used != base64.Length)
            return false;
        output.Advance(written);
        return true;
    }

    private async ValueTask SucceedAuthenticationAsync()
    {
        var account = _exchange!.AccountName!;
        if (!_guard.MayTry(account, _client.Peer.Address))
        {
            PutOffAuthentication();
            return;
        }
        // The guard may know that somebody guesses at this account from this address; then even the right password waits its turn.
        if (!await _guard.AdmitAsync(account, _client.Peer.Address, _stop).ConfigureAwait(false))
        {
            Close(SmtpReplies.AuthTooMany, "too many failed log-ins");
            return;
        }
        _guard.Succeeded(account, _client.Peer.Address);
        _client.Principal = new Principal(Device is null ? PrincipalKind.Account : PrincipalKind.Device, account);
        Send(SmtpReplies.AuthOk);
        _log.Info("login", ("session", Id), ("peer", _client.Peer.Address.ToString()), ("account", account), ("mechanism", _exchange.Mechanism));
    }

    private async ValueTask FailAuthenticationAsync(SaslOutcome outcome)
    {
        if (outcome == SaslOutcome.Malformed)
        {
            Fault(SmtpReplies.AuthMalformed);
            return;
        }
        var name = _exchange!.AccountName;
        if (!_guard.MayTry(name ?? "", _client.Peer.Address))
        {
            PutOffAuthentication();
            return;
        }
        _log.Info("login-failed", ("session", Id), ("peer", _client.Peer.Address.ToString()), ("name", name), ("mechanism", _exchange.Mechanism));
        Wait(TimeSpan.FromMinutes(2));
        await _guard.FailedAsync(name ?? "", _client.Peer.Address, _stop).ConfigureAwait(false);
        Fault(SmtpReplies.AuthFailed);
        EndAfterFailures();
    }

    // Said to the right password and to a wrong one alike.
    private void PutOffAuthentication()
    {
        _log.Info("login-put-off", ("session", Id), ("peer", _client.Peer.Address.ToString()), ("name", _exchange!.AccountName));
        Send(SmtpReplies.AuthNotNow);
        EndAfterFailures();
    }

    /// <summary>The one name and password that count at a device's address; an account's are as wrong there as any, for they would come in the clear.</summary>
    private sealed class DeviceCredentials(HostedDevice device) : ICredentialSource
    {
        public ScramCredential Find(string logInName, out string? account)
        {
            var isIt = logInName.Equals(device.Name, StringComparison.OrdinalIgnoreCase) || logInName.Equals(device.From.ToString(), StringComparison.OrdinalIgnoreCase);
            account = isIt ? device.Name : null;
            return isIt ? device.Credential! : ScramCredential.Decoy(device.Credential!.StoredKey, logInName, device.Credential.Iterations);
        }
    }

    private void EndAfterFailures()
    {
        if (++_authFailures >= MaxAuthFailures)
            Close(SmtpReplies.AuthTooMany, "too many failed log-ins");
    }
}
