using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Writes DSNs: multipart/report (RFC 6522) with words for people, message/delivery-status (RFC 3464) or its international form (RFC 6533), and the
/// message or its header (RFC 3461 6.2). All parts are 7-bit, so that every server can take the DSN, unless the message goes back to somebody here.
/// </summary>
/// <param name="hostname">This server's name.</param>
/// <param name="clock">For Date.</param>
public sealed class DsnComposer(string hostname, TimeProvider clock)
{
    /// <summary>A DSN as it was written.</summary>
    /// <param name="Octets">The message in CRLF form.</param>
    /// <param name="SmtpUtf8">Whether it needs SMTPUTF8: its reader's own address does.</param>
    public readonly record struct Dsn(byte[] Octets, bool SmtpUtf8);

    /// <summary>Writes a DSN.</summary>
    /// <param name="report">What to tell.</param>
    /// <param name="message">The message it is about.</param>
    public Dsn Compose(DsnReport report, ReturnedMessage message)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(message);
        var envelope = report.Envelope;
        var now = clock.GetUtcNow();
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        var boundary = $"=_{envelope.Id}.{token}";
        var to = report.ToPostmaster ? $"postmaster@{hostname}" : envelope.Sender!.ToString();
        var smtpUtf8 = !Ascii.IsValid(to);
        var isGlobal = envelope.SmtpUtf8;
        var body = BodyOf(report, message);
        var isEightBit = body is not null && !isGlobal && body.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)127);
        var output = new ArrayBufferWriter<byte>(4096 + (body ?? message.Header).Length);

        Line(output, "From: Mail Delivery System <MAILER-DAEMON@" + hostname + ">");
        Line(output, "To: " + to);
        Line(output, "Subject: " + DsnText.Subject(report.Kind, report.IsLocal, message));
        Line(output, "Date: " + DateField(now));
        Line(output, $"Message-ID: <dsn.{envelope.Id}.{token}@{hostname}>");
        if (message.MessageIdField is { } id && id.StartsWith('<') && id.EndsWith('>') && !id.Contains(' ', StringComparison.Ordinal))
        {
            Line(output, "In-Reply-To: " + id);
            Line(output, "References: " + id);
        }
        // RFC 3834 5: a DSN answers a message; what goes to postmaster answers nobody, and by that is known again if it cannot be delivered itself.
        Line(output, report.ToPostmaster ? "Auto-Submitted: auto-generated" : "Auto-Submitted: auto-replied");
        Line(output, "MIME-Version: 1.0");
        Line(output, $"Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"");
        if (isEightBit)
            Line(output, "Content-Transfer-Encoding: 8bit");
        Line(output, "");

        Part(output, boundary, "text/plain; charset={0}", DsnText.Compose(report, hostname, message));
        Part(output, boundary, isGlobal ? "message/global-delivery-status" : "message/delivery-status", DsnStatus.Compose(report, hostname, isGlobal));
        Line(output, "--" + boundary);
        if (isGlobal)
        {
            Line(output, body is null ? "Content-Type: message/global-headers" : "Content-Type: message/global");
            Line(output, "Content-Transfer-Encoding: base64");
            Line(output, "");
            output.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(body ?? message.Header, Base64FormattingOptions.InsertLineBreaks)));
            Line(output, "");
        }
        else
        {
            Line(output, body is null ? "Content-Type: text/rfc822-headers" : "Content-Type: message/rfc822");
            if (isEightBit)
                Line(output, "Content-Transfer-Encoding: 8bit");
            Line(output, "");
            output.Write(body ?? SevenBit(message.Header));
        }
        Line(output, "");
        Line(output, "--" + boundary + "--");
        return new Dsn(output.WrittenSpan.ToArray(), smtpUtf8);
    }

    /// <summary>A date as RFC 5322 3.3 has it, in UTC.</summary>
    internal static string DateField(DateTimeOffset time) =>
        time.UtcDateTime.ToString("ddd, d MMM yyyy HH:mm:ss", CultureInfo.InvariantCulture) + " +0000";

    /// <summary>
    /// The whole message where it is to go back: only with a failure (RFC 3461 6.2), if the sender does not ask for the header alone, if it is small,
    /// and if it was not to be seen on the way (RFC 8689 5). An 8-bit message goes whole only to somebody here: a host elsewhere might not take the DSN then.
    /// </summary>
    private static byte[]? BodyOf(DsnReport report, ReturnedMessage message)
    {
        var envelope = report.Envelope;
        if (report.Kind != DsnKind.Failure || envelope.Return == DsnReturn.Headers || envelope.RequireTls || message.Whole is null)
            return null;
        var isForeign = envelope.Principal == "internet" && !report.ToPostmaster;
        return isForeign && !envelope.SmtpUtf8 && message.Whole.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)127) ? null : message.Whole;
    }

    private static byte[] SevenBit(byte[] header)
    {
        if (!header.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)127))
            return header;
        var copy = (byte[])header.Clone();
        foreach (ref var octet in copy.AsSpan())
            if (octet > 127)
                octet = (byte)'?';
        return copy;
    }

    private static void Part(ArrayBufferWriter<byte> output, string boundary, string type, string text)
    {
        var isAscii = Ascii.IsValid(text);
        Line(output, "--" + boundary);
        Line(output, "Content-Type: " + string.Format(CultureInfo.InvariantCulture, type, isAscii ? "us-ascii" : "utf-8"));
        if (!isAscii)
            Line(output, "Content-Transfer-Encoding: quoted-printable");
        Line(output, "");
        foreach (var line in text.TrimEnd('\n').Split('\n'))
            Line(output, isAscii ? line : QuotedPrintable(line));
        Line(output, "");
    }

    // RFC 2045 6.7, one line of text; soft line breaks keep lines within 76 characters.
    private static string QuotedPrintable(string line)
    {
        var encoded = new StringBuilder(line.Length + 16);
        var width = 0;
        var octets = Encoding.UTF8.GetBytes(line);
        for (var i = 0; i < octets.Length; i++)
        {
            var octet = octets[i];
            var isPlain = octet is >= 33 and < 127 and not (byte)'=' || (octet is (byte)' ' or (byte)'\t' && i < octets.Length - 1);
            if (width + (isPlain ? 1 : 3) > 75)
            {
                encoded.Append("=\r\n");
                width = 0;
            }
            width += isPlain ? 1 : 3;
            if (isPlain)
                encoded.Append((char)octet);
            else
                encoded.Append(CultureInfo.InvariantCulture, $"={octet:X2}");
        }
        return encoded.ToString();
    }

    private static void Line(ArrayBufferWriter<byte> output, string text)
    {
        output.Advance(Encoding.UTF8.GetBytes(text, output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length))));
        output.Write("\r\n"u8);
    }
}
