using System.Globalization;
using System.Text;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    private const int MaxHelloName = 255;

    // The argument is taken as it is: nothing follows from a name that is no name (RFC 5321 4.1.4).
    private SmtpReply? Hello(ReadOnlySpan<byte> arguments, bool extended)
    {
        if (arguments.IsEmpty && !IsLan)
            return SmtpReplies.HelloNeedsName;
        var end = arguments.IndexOfAny((byte)' ', (byte)'\t');
        var name = end < 0 ? arguments : arguments[..end];
        if (name.Length > MaxHelloName)
            return SmtpReplies.HelloNeedsName;
        // The same greeting again costs nothing; a new one resets, as RSET does (RFC 5321 4.1.4).
        DropTransaction();
        _client.HelloName = Encoding.UTF8.GetString(name);
        _client.IsExtended = extended;
        if (!extended)
            return new SmtpReply(250, null, _options.Hostname);
        return new SmtpReply(250, null, Capabilities());
    }

    private string Capabilities()
    {
        var text = new StringBuilder(_options.Hostname, 256);
        text.Append("\nPIPELINING\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nDSN");
        text.Append(CultureInfo.InvariantCulture, $"\nSIZE {Limits.MessageSize}");
        text.Append(CultureInfo.InvariantCulture, $"\nLIMITS MAILMAX={Limits.Transactions} RCPTMAX={Limits.Recipients}");
        if (OffersStartTls)
            text.Append("\nSTARTTLS");
        if (OffersRequireTls)
            text.Append("\nREQUIRETLS");
        if (OffersAuth && Mechanisms() is { Length: > 0 } mechanisms)
            text.Append("\nAUTH ").Append(mechanisms);
        if (OffersFutureRelease)
        {
            var limit = (long)Limits.FutureRelease.TotalSeconds;
            text.Append(CultureInfo.InvariantCulture, $"\nFUTURERELEASE {limit} {(_clock.GetUtcNow() + Limits.FutureRelease).UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}");
        }
        return text.ToString();
    }

    // Devices of the LAN endpoint are those that cannot, and some try all the same and fail.
    private bool OffersStartTls => !IsTls && _options.Tls is not null && _client.Service is not (SmtpRole.Submissions or SmtpRole.Lan or SmtpRole.Sendmail);

    // Only with a certificate that others can verify can a sender rely on it (RFC 8689 2).
    private bool OffersRequireTls => IsTls && _options.Tls is { IsSelfSigned: false };

    private bool OffersAuth => ((IsSubmission && IsTls && _options.Credentials is not null) || Device is { Credential: not null }) && _client.Principal.Kind == PrincipalKind.Internet;

    private bool OffersFutureRelease => IsSubmission && Limits.FutureRelease > TimeSpan.Zero;

    private SmtpOffer Offer => SmtpOffer.SmtpUtf8 | SmtpOffer.Dsn | (OffersRequireTls ? SmtpOffer.RequireTls : 0)
        | (OffersFutureRelease ? SmtpOffer.FutureRelease : 0);
}
