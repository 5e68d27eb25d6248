using System.Globalization;
using System.Text;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Text;
using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

/// <summary>The DSN parameters of MAIL and RCPT, passed on exactly as they came (RFC 3461 5.2.1): none is invented, none is left out.</summary>
internal static class DsnParameters
{
    /// <summary>RET and ENVID.</summary>
    public static void AppendMail(StringBuilder line, Envelope envelope)
    {
        if (envelope.Return != DsnReturn.Unspecified)
            line.Append(envelope.Return == DsnReturn.Full ? " RET=FULL" : " RET=HDRS");
        if (envelope.EnvelopeId is not null)
            line.Append(" ENVID=").Append(Xtext.Encode(envelope.EnvelopeId));
    }

    /// <summary>NOTIFY and ORCPT.</summary>
    public static void AppendRcpt(StringBuilder line, EnvelopeRecipient recipient)
    {
        if (recipient.Notify != DsnNotify.Unspecified)
            line.Append(" NOTIFY=").Append(Notify(recipient.Notify));
        if (recipient.OriginalRecipient is not { } original)
            return;
        var end = original.IndexOf(';', StringComparison.Ordinal);
        if (end <= 0)
            return;
        var type = original[..end];
        var address = original[(end + 1)..];
        line.Append(" ORCPT=").Append(type).Append(';');
        line.Append(type.Equals("utf-8", StringComparison.OrdinalIgnoreCase) ? Unitext(address) : Xtext.Encode(address));
    }

    private static string Notify(DsnNotify notify)
    {
        if (notify.HasFlag(DsnNotify.Never))
            return "NEVER";
        var values = new List<string>(3);
        if (notify.HasFlag(DsnNotify.Success))
            values.Add("SUCCESS");
        if (notify.HasFlag(DsnNotify.Failure))
            values.Add("FAILURE");
        if (notify.HasFlag(DsnNotify.Delay))
            values.Add("DELAY");
        return string.Join(',', values);
    }

    // RFC 6533 3, utf-8-addr-xtext: fit for every server, whether it offers SMTPUTF8 or not. What is escaped already stays so.
    private static string Unitext(string address)
    {
        var encoded = new StringBuilder(address.Length + 16);
        foreach (var rune in address.EnumerateRunes())
        {
            var c = rune.Value;
            if (c is > 32 and < 127 && c != '+' && c != '=')
                encoded.Append((char)c);
            else
                encoded.Append(CultureInfo.InvariantCulture, $"\\x{{{c:X2}}}");
        }
        return encoded.ToString();
    }
}
