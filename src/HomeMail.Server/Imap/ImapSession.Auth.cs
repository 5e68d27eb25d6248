using System.Buffers;
using System.Buffers.Text;
using System.Text;
using HomeMail.Protocol.Sasl;
using HomeMail.Protocol.Text;
using HomeMail.Server.Net;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private const int MaxAuthFailures = 3;
    private const string WrongPassword = "NO [AUTHENTICATIONFAILED] Wrong name or password";

    private ChannelBindings? _bindings;
    private int _authFailures;

    private ChannelBindings? Bindings => _bindings ??= IsTls ? TlsBindings.Of(_transport.Tls!, _options.Tls!) : null;

    private async ValueTask<string?> LogInAsync()
    {
        if (!IsTls)
            return "NO [PRIVACYREQUIRED] TLS first";
        var response = new PooledWriter(256);
        try
        {
            var reader = Arguments();
            if (!reader.Space() || !reader.AString(out var name) || !reader.Space() || !reader.AString(out var password) || !reader.IsAtEnd)
                return "BAD LOGIN has a name and a password";
            // The same as PLAIN (RFC 4616 2), without a name to act as; no NUL can be in what was read but in a literal.
            if (name.Contains((byte)0) || password.Contains((byte)0))
                return WrongPassword;
            response.Write("\0"u8);
            response.Write(name);
            response.Write("\0"u8);
            response.Write(password);
            var exchange = SaslServer.Create("PLAIN", _options.Credentials)!;
            using var challenge = new PooledWriter(64);
            return await ConcludeAsync(exchange, exchange.Step(response.WrittenSpan, isInitial: true, challenge), "LOGIN").ConfigureAwait(false);
        }
        finally
        {
            response.DisposeSecret();
            _command.DisposeSecret();
        }
    }

    private async ValueTask<string?> AuthenticateAsync()
    {
        if (!IsTls)
            return "NO [PRIVACYREQUIRED] TLS first";
        var response = new PooledWriter(256);
        try
        {
            if (Arguments().IsAtEnd)
                return "BAD AUTHENTICATE has the name of a mechanism";
            if (Begin(response, out var hasInitial) is not { } exchange)
                return "NO [CANNOT] No such mechanism";
            if (hasInitial is null)
                return "BAD Not Base64";
            using var challenge = new PooledWriter(256);
            for (var isInitial = hasInitial.Value; ; isInitial = false)
            {
                challenge.Clear();
                var outcome = exchange.Step(response.WrittenSpan, isInitial, challenge);
                if (outcome is SaslOutcome.Failure or SaslOutcome.Malformed || (outcome == SaslOutcome.Success && challenge.Length == 0))
                    return await ConcludeAsync(exchange, outcome, exchange.Mechanism).ConfigureAwait(false);
                SendChallenge(challenge.WrittenSpan);
                if (await ReadResponseAsync(response).ConfigureAwait(false) is { } refused)
                    return _isOver ? null : refused;
                // The server's last words were taken in silence (RFC 9051 6.2.2): now the client knows that this server has the keys.
                if (outcome == SaslOutcome.Success)
                    return await ConcludeAsync(exchange, outcome, exchange.Mechanism).ConfigureAwait(false);
            }
        }
        finally
        {
            response.DisposeSecret();
            _command.DisposeSecret();
        }
    }

    private SaslServerExchange? Begin(PooledWriter response, out bool? hasInitial)
    {
        hasInitial = false;
        var reader = Arguments();
        if (!reader.Space() || !reader.Atom(out var name) || name.Length > 40
            || SaslServer.Create(Encoding.ASCII.GetString(name), _options.Credentials, Bindings) is not { } exchange)
            return null;
        if (reader.IsAtEnd)
            return exchange;
        var initial = reader.Rest.Trim((byte)' ');
        // "=" is a response of no octets (RFC 4959 3).
        hasInitial = initial.SequenceEqual("="u8) || TryDecode(initial, response) ? true : null;
        return exchange;
    }

    private void SendChallenge(ReadOnlySpan<byte> challenge)
    {
        var encoded = ArrayPool<byte>.Shared.Rent(Base64.GetMaxEncodedToUtf8Length(challenge.Length));
        Base64.EncodeToUtf8(challenge, encoded, out _, out var length);
        // The space stands even before nothing (RFC 9051 7.6).
        Send("+ "u8);
        Send(encoded.AsSpan(0, length));
        Send("\r\n"u8);
        ArrayPool<byte>.Shared.Return(encoded);
    }

    private async ValueTask<string?> ReadResponseAsync(PooledWriter response)
    {
        response.Clear();
        _command.Clear();
        Reading reading;
        do
            reading = await ReadLineAsync().ConfigureAwait(false);
        while (reading == Reading.Woken);
        if (reading == Reading.Refused)
        {
            // Its tag was taken from what came; the line is none of a command.
            Send("BAD Too long\r\n"u8);
            return "BAD Too long";
        }
        if (reading != Reading.Done)
        {
            Bye(reading == Reading.Expired ? _expired! : "Closed amid the log-in");
            return "";
        }
        TrimLine();
        var text = _command.WrittenSpan;
        return text.SequenceEqual("*"u8) ? "BAD Cancelled" : TryDecode(text, response) ? null : "BAD Not Base64";
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

    private async ValueTask<string?> ConcludeAsync(SaslServerExchange exchange, SaslOutcome outcome, string mechanism)
    {
        var name = exchange.AccountName;
        if (outcome == SaslOutcome.Malformed)
            return "BAD Not what the mechanism says";
        if (!_guard.MayTry(name ?? "", _peer))
        {
            // Said to the right password and to a wrong one alike.
            _log.Info("login-put-off", ("session", Id), ("peer", _peer.ToString()), ("name", name));
            return AfterFailure("NO [UNAVAILABLE] Too many failures; try again later");
        }
        if (outcome == SaslOutcome.Failure)
        {
            _log.Info("login-failed", ("session", Id), ("peer", _peer.ToString()), ("name", name), ("mechanism", mechanism));
            Wait(TimeSpan.FromMinutes(2));
            await _guard.FailedAsync(name ?? "", _peer, _stop).ConfigureAwait(false);
            return AfterFailure(WrongPassword);
        }
        // The guard may know that somebody guesses at this account from this address; then even the right password waits its turn.
        if (!await _guard.AdmitAsync(name!, _peer, _stop).ConfigureAwait(false))
        {
            Bye("Too many failed log-ins");
            return null;
        }
        _guard.Succeeded(name!, _peer);
        _account = _options.Mail.Account(name!);
        _state = SessionStates.Authenticated;
        _log.Info("login", ("session", Id), ("peer", _peer.ToString()), ("account", name), ("mechanism", mechanism));
        return $"OK [CAPABILITY {Capabilities()}] Welcome";
    }

    private string? AfterFailure(string reply)
    {
        if (++_authFailures < MaxAuthFailures)
            return reply;
        Answer(reply);
        Bye("Too many failed log-ins");
        return null;
    }
}
