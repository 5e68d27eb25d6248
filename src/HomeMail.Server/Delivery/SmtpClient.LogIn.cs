using System.Buffers;
using System.Text;
using HomeMail.Protocol.Sasl;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

public sealed partial class SmtpClient
{
    // RFC 4954 4: an initial response that makes the command longer than a server must take (512 octets) waits for the first challenge.
    private const int MaxInitialResponse = 480;

    private static readonly EnhancedStatusCode LogInFailed = new(4, 7, 8);

    // A log-in that fails is a matter for the owner of the house, not for the sender: the message waits (RFC 4954 6 has 5.7.8 for the session, not for mail).
    private async ValueTask<SessionFault?> LogInAsync(LogIn logIn)
    {
        if (!IsVerified)
            return LogInFault("the password is not shown to a host that has not proved its name over TLS");
        var exchange = SaslClient.Choose(Offer.Mechanisms, logIn.UserName, logIn.Password);
        if (exchange is null)
            return LogInFault("the host offers no way to log in that this server knows");

        var response = new ArrayBufferWriter<byte>(256);
        var hasInitial = exchange.TryWriteInitialResponse(response);
        var initial = response.WrittenCount == 0 ? "=" : Convert.ToBase64String(response.WrittenSpan);
        var sentInitial = hasInitial && initial.Length <= MaxInitialResponse;
        _log.Debug("smtp-out", ("host", Host), ("c", "AUTH " + exchange.Mechanism));
        _channel.Append("AUTH " + exchange.Mechanism);
        if (sentInitial)
            _channel.Append(" " + initial);
        var reply = await SayAsync("").ConfigureAwait(false);
        if (hasInitial && !sentInitial && reply.Code == 334)
            reply = await SayAsync(initial).ConfigureAwait(false);

        while (reply.Code == 334)
        {
            response.ResetWrittenCount();
            var outcome = TryDecode(reply.Text, out var challenge) ? exchange.Step(challenge, response) : SaslClientOutcome.Malformed;
            if (outcome != SaslClientOutcome.Respond)
            {
                await SayAsync("*").ConfigureAwait(false);
                return LogInFault(outcome == SaslClientOutcome.Untrusted
                    ? "the host does not know the password's keys: it is not the one it claims to be" : "the host's challenge makes no sense");
            }
            reply = await SayAsync(Convert.ToBase64String(response.WrittenSpan)).ConfigureAwait(false);
        }
        if (reply.IsPositive && exchange.IsComplete)
            return null;
        if (reply.IsPositive)
            return LogInFault("the host accepted the log-in without proving itself");
        _log.Error("log-in-refused", ("host", Host), ("user", logIn.UserName), ("reply", reply.ToString()));
        return new SessionFault(Diagnostic.Of(Host, reply) with { Status = LogInFailed });
    }

    private async ValueTask<RemoteReply> SayAsync(string line)
    {
        _channel.Append(line);
        _channel.Append("\r\n");
        await _channel.FlushAsync(_options.Timeouts.Hello).ConfigureAwait(false);
        var reply = await _channel.ReadReplyAsync(_options.Timeouts.Hello).ConfigureAwait(false);
        if (reply.Code != 334)
            Heard(reply);
        return reply.IsClosing ? throw new PeerException(reply) : reply;
    }

    private SessionFault LogInFault(string text)
    {
        _lost = true;
        _log.Error("log-in-failed", ("host", Host), ("reason", text));
        return new SessionFault(Diagnostic.Of(Host, LogInFailed, text));
    }

    private static bool TryDecode(string text, out byte[] octets)
    {
        octets = new byte[Encoding.ASCII.GetMaxByteCount(text.Length)];
        var isBase64 = Convert.TryFromBase64String(text, octets, out var length);
        Array.Resize(ref octets, isBase64 ? length : 0);
        return isBase64;
    }
}
