using System.Globalization;
using System.Text;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

/// <summary>The part of a DSN that programs read: the fields of RFC 3464 2.2 and 2.3, for a message that came by SMTP as RFC 3461 6.3 has it.</summary>
internal static class DsnStatus
{
    private const int Fold = 76;

    /// <summary>The fields; lines end in LF.</summary>
    /// <param name="report">What to tell.</param>
    /// <param name="hostname">This server's name.</param>
    /// <param name="isGlobal">Whether addresses may be UTF-8 (RFC 6533 4.1); else they are escaped.</param>
    public static string Compose(DsnReport report, string hostname, bool isGlobal)
    {
        var fields = new StringBuilder();
        var envelope = report.Envelope;
        if (envelope.EnvelopeId is not null)
            Field(fields, "Original-Envelope-Id", Printable(envelope.EnvelopeId));
        Field(fields, "Reporting-MTA", "dns; " + hostname);
        Field(fields, "Arrival-Date", DsnComposer.DateField(envelope.Arrived));
        foreach (var recipient in report.Recipients)
        {
            fields.Append('\n');
            Recipient(fields, report, recipient, isGlobal);
        }
        return fields.ToString();
    }

    private static void Recipient(StringBuilder fields, DsnReport report, EnvelopeRecipient recipient, bool isGlobal)
    {
        var why = Diagnostic.Parse(recipient.LastReply);
        if (recipient.OriginalRecipient is { } original && original.IndexOf(';', StringComparison.Ordinal) is > 0 and var end)
            Field(fields, "Original-Recipient", $"{original[..end]}; {Address(original[(end + 1)..], isGlobal)}");
        var address = recipient.Address.ToString();
        Field(fields, "Final-Recipient", $"{(recipient.Address.NeedsSmtpUtf8 ? "utf-8" : "rfc822")}; {Address(address, isGlobal)}");
        Field(fields, "Action", report.Kind switch
        {
            DsnKind.Failure => "failed",
            DsnKind.Delay => "delayed",
            _ => recipient.Local is not null ? "delivered" : "relayed",
        });
        Field(fields, "Status", Status(report.Kind, why).ToString());
        if (why is { Code: not 0 })
        {
            if (why.Host is not null)
                Field(fields, "Remote-MTA", "dns; " + Printable(why.Host));
            Field(fields, "Diagnostic-Code", "smtp; " + Printable((why with { Host = null }).ToString()));
        }
        else if (why is { Text.Length: > 0 } && report.Kind != DsnKind.Success)
        {
            Field(fields, "Diagnostic-Code", "x-homemail; " + Printable(why.Host is null ? why.Text : $"{why.Host}: {why.Text}"));
        }
        if (report.LastAttempt is { } last)
            Field(fields, "Last-Attempt-Date", DsnComposer.DateField(last));
        Field(fields, "Final-Log-ID", report.Envelope.Id.ToString());
        if (report is { Kind: DsnKind.Delay, RetryUntil: { } until })
            Field(fields, "Will-Retry-Until", DsnComposer.DateField(until));
    }

    // RFC 3461 6.3 (g): where nothing fits, the general code of the class.
    private static EnhancedStatusCode Status(DsnKind kind, Diagnostic? why) => kind switch
    {
        DsnKind.Success => why is { Status.Class: 2 } ? why.Status : new EnhancedStatusCode(2, 0, 0),
        DsnKind.Delay => why?.Status.InClass(4) ?? new EnhancedStatusCode(4, 0, 0),
        _ => why?.Status ?? new EnhancedStatusCode(5, 0, 0),
    };

    private static string Address(string address, bool isGlobal)
    {
        if (isGlobal || Ascii.IsValid(address))
            return Controlled(address);
        var escaped = new StringBuilder(address.Length + 16);
        foreach (var rune in address.EnumerateRunes())
        {
            if (rune.IsAscii)
                escaped.Append((char)rune.Value);
            else
                escaped.Append(CultureInfo.InvariantCulture, $"\\x{{{rune.Value:X2}}}");
        }
        return Controlled(escaped.ToString());
    }

    private static string Controlled(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;

    private static string Printable(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c : '?'));

    // Folded at spaces (RFC 5322 2.2.3). A word stays whole: no field here has one that comes near the limit of a line.
    private static void Field(StringBuilder fields, string name, string value)
    {
        fields.Append(name).Append(':');
        var width = name.Length + 1;
        foreach (var word in value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (width + word.Length + 1 > Fold && width > name.Length + 1)
            {
                fields.Append('\n');
                width = 0;
            }
            fields.Append(' ').Append(word);
            width += word.Length + 1;
        }
        fields.Append('\n');
    }
}
