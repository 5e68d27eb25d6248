using System.Globalization;
using System.Net;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Intake;

/// <summary>Writes the trace fields of a message (RFC 5321 4.4, RFC 3848, RFC 8601). Whatever a peer has said stands in them only where it is a name.</summary>
public static class TraceFields
{
    /// <summary>Return-Path (RFC 5321 4.4).</summary>
    /// <param name="sender">The reverse-path; null is <c>&lt;&gt;</c>.</param>
    public static string ReturnPath(Address? sender) => $"Return-Path: <{sender}>\r\n";

    /// <summary>Received (RFC 5321 4.4).</summary>
    /// <param name="client">The client; that of a submission stays unnamed, for where somebody was is nobody's business.</param>
    /// <param name="hostname">Our name.</param>
    /// <param name="id">The message's identifier.</param>
    /// <param name="recipient">The recipient if there is one only (RFC 5321 7.6), else null.</param>
    /// <param name="smtpUtf8">Whether SMTPUTF8 was asked for (RFC 6531 4.3).</param>
    /// <param name="now">The time.</param>
    public static string Received(ClientFacts client, string hostname, MessageId id, Address? recipient, bool smtpUtf8, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(client);
        var text = new StringBuilder("Received: from ", 256);
        text.Append(client.Principal.Kind switch
        {
            PrincipalKind.Account => "localhost (authenticated)",
            PrincipalKind.Device => "localhost (a device of this house)",
            PrincipalKind.Local => "localhost (a user of this machine)",
            _ => From(client),
        });
        text.Append("\r\n\tby ").Append(hostname).Append(" (HomeMail)");
        // What came by sendmail came by no protocol that has a name (RFC 5321 4.4: the clause may be left out).
        if (client.Service != SmtpRole.Sendmail)
            text.Append(" with ").Append(Protocol(client, smtpUtf8));
        text.Append(" id ").Append(id);
        if (client.TlsVersion is not null)
            text.Append(CultureInfo.InvariantCulture, $"\r\n\t(using {client.TlsVersion} with cipher {client.TlsCipher})");
        if (recipient is not null && !recipient.NeedsSmtpUtf8)
            text.Append("\r\n\tfor <").Append(recipient).Append('>');
        return text.Append(";\r\n\t").Append(Date(now)).Append("\r\n").ToString();
    }

    /// <summary>Authentication-Results of a submission (RFC 8601 2.7.4): it says who has authenticated, and nothing of checks that were not made.</summary>
    /// <param name="hostname">Our name.</param>
    /// <param name="account">The account.</param>
    public static string Authenticated(string hostname, string account) => $"Authentication-Results: {hostname}; auth=pass smtp.auth={PropertyValue(account)}\r\n";

    /// <summary>A date and time (RFC 5322 3.3) in UTC, since the zone that a router believes in helps nobody.</summary>
    /// <param name="time">The time.</param>
    public static string Date(DateTimeOffset time) => time.UtcDateTime.ToString("ddd, dd MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture);

    /// <summary>The protocol's name for the <c>with</c> clause (RFC 3848, RFC 6531 4.3).</summary>
    private static string Protocol(ClientFacts client, bool smtpUtf8)
    {
        if (!client.IsExtended && client.TlsVersion is null && client.Principal.Kind != PrincipalKind.Account)
            return "SMTP";
        return (smtpUtf8 ? "UTF8SMTP" : "ESMTP") + (client.TlsVersion is null ? "" : "S") + (client.Principal.Kind == PrincipalKind.Account ? "A" : "");
    }

    private static string From(ClientFacts client)
    {
        var literal = Literal(client.Peer.Address);
        var hello = client.HelloName;
        if (Ascii.IsValid(hello) && (AddressSyntax.IsDomain(hello) || (hello.StartsWith('[') && AddressSyntax.TryParseLiteral(hello, out _))))
            return $"{hello} ({literal})";
        // What is no name stands in a comment, with nothing in it that could end the comment.
        var harmless = new StringBuilder(hello.Length);
        foreach (var c in hello)
            harmless.Append(c is > ' ' and <= '~' and not ('(' or ')' or '\\' or '"' or ';') ? c : '?');
        return $"{literal} (helo={harmless})";
    }

    private static string Literal(IPAddress address) =>
        address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[IPv6:{new IPAddress(address.GetAddressBytes())}]" : $"[{address}]";

    private static string PropertyValue(string value)
    {
        foreach (var c in value)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '@' or '+'))
                return "\"" + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
        return value;
    }
}
