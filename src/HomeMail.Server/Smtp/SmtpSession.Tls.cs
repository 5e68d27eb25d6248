using System.Security.Authentication;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    private static readonly TimeSpan HandshakeTime = TimeSpan.FromMinutes(1);

    private SmtpReply? StartTls(ReadOnlySpan<byte> arguments)
    {
        if (!arguments.IsEmpty)
            return SmtpReplies.TlsNoArguments;
        if (IsTls)
            return SmtpReplies.TlsAlready;
        if (!OffersStartTls)
            return SmtpReplies.TlsNotAvailable;
        _phase = Phase.StartTls;
        return SmtpReplies.ReadyForTls;
    }

    /// <summary>The handshake. After it the session begins anew: nothing that was said in plain text counts any more (RFC 3207 4.2).</summary>
    private async ValueTask<bool> SecureAsync()
    {
        Wait(HandshakeTime + WriteGrace);
        var failure = _options.Tls is null ? "no certificate" : await _transport.StartTlsAsync(_options.Tls, HandshakeTime).ConfigureAwait(false);
        if (failure is not null)
        {
            _endReason = "TLS: " + failure;
            _transport.Abort();
            return false;
        }
        var tls = _transport.Tls!;
        _client.TlsVersion = tls.SslProtocol == SslProtocols.Tls13 ? "TLSv1.3" : tls.SslProtocol == SslProtocols.Tls12 ? "TLSv1.2" : tls.SslProtocol.ToString();
        _client.TlsCipher = tls.NegotiatedCipherSuite.ToString();
        _client.TlsServerName = tls.TargetHostName is { Length: > 0 } name ? name : null;
        _client.HelloName = "";
        _client.IsExtended = false;
        DropTransaction();
        return true;
    }
}
