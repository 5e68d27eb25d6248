using System.Globalization;
using System.Security;
using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Text;

namespace HomeMail.Server.ClientSetup;

/// <summary>
/// Microsoft's Autodiscover in plain XML (MS-OXDISCO, MS-OXDSCLI), as Outlook asks for IMAP accounts. No password is ever asked for: the answer is no secret,
/// and who asked for one here would teach people to type theirs into anything.
/// </summary>
public static class Autodiscover
{
    /// <summary>What it is served as.</summary>
    public const string ContentType = "text/xml; charset=utf-8";

    private const int MaxDepth = 8;
    private const int MaxText = 1024;
    private const int MaxContent = 64 * 1024;

    private const string OutlookSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    private const string ResponseSchema = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";

    /// <summary>Why a request is refused, by the numbers of MS-OXDSCLI 2.2.4.1.1.2.</summary>
    public enum Refusal
    {
        /// <summary>The request is not one.</summary>
        InvalidRequest = 600,

        /// <summary>It asks for another kind of answer, such as that for phones that speak ActiveSync.</summary>
        NoProvider = 601,
    }

    /// <summary>Reads a request. It has no DTD, and whatever it calls on from elsewhere is not fetched.</summary>
    /// <param name="content">The content.</param>
    /// <param name="email">The address asked for.</param>
    /// <param name="refusal">Why not.</param>
    public static bool TryRead(ReadOnlyMemory<byte> content, out Address? email, out Refusal refusal)
    {
        (email, refusal) = (null, Refusal.InvalidRequest);
        string? address = null, schema = null;
        if (content.Length > MaxContent)
            return false;
        try
        {
            var xml = new XmlScanner(new MemoryStream(content.ToArray()), MaxText);
            string? element = null;
            for (var node = xml.Read(); node != XmlNode.End; node = xml.Read())
            {
                if (xml.Depth > MaxDepth)
                    return false;
                element = node switch
                {
                    XmlNode.StartTag => xml.LocalName,
                    XmlNode.EndTag => null,
                    _ => element,
                };
                if (node == XmlNode.CharacterData && element == "EMailAddress")
                    address ??= xml.Text.Trim().ToString();
                else if (node == XmlNode.CharacterData && element == "AcceptableResponseSchema")
                    schema ??= xml.Text.Trim().ToString();
            }
        }
        catch (FormatException)
        {
            return false;
        }
        if (address is null || !AddressSyntax.TryParseMailbox(address, true, out email))
            return false;
        refusal = Refusal.NoProvider;
        return schema is null || schema.Equals(OutlookSchema, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Composes the settings.</summary>
    /// <param name="email">The address asked for, which is the log-in name.</param>
    /// <param name="services">Where mail is read and sent.</param>
    public static string Compose(Address email, MailServices services)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(services);
        var xml = new StringBuilder(1024);
        xml.Append("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"").Append(ResponseSchema).Append("\">\n");
        xml.Append("  <Response xmlns=\"").Append(OutlookSchema).Append("\">\n");
        xml.Append("    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n");
        // Of several ways Outlook takes the first of a kind.
        if (services.Reading is [var reading, ..])
            Protocol("IMAP", reading, "");
        if (services.Sending is [var sending, ..])
            Protocol("SMTP", sending, "        <UsePOPAuth>off</UsePOPAuth>\n        <SMTPLast>off</SMTPLast>\n");
        return xml.Append("    </Account>\n  </Response>\n</Autodiscover>\n").ToString();

        void Protocol(string type, MailPort service, string more)
        {
            xml.Append("      <Protocol>\n        <Type>").Append(type).Append("</Type>\n");
            xml.Append("        <Server>").Append(SecurityElement.Escape(services.Host)).Append("</Server>\n");
            xml.Append(CultureInfo.InvariantCulture, $"        <Port>{service.Port}</Port>\n");
            xml.Append("        <DomainRequired>off</DomainRequired>\n");
            xml.Append("        <LoginName>").Append(SecurityElement.Escape(email.ToString())).Append("</LoginName>\n");
            xml.Append("        <SPA>off</SPA>\n        <SSL>").Append(service.IsImplicitTls ? "on" : "off").Append("</SSL>\n");
            xml.Append("        <Encryption>").Append(service.IsImplicitTls ? "SSL" : "TLS").Append("</Encryption>\n");
            xml.Append("        <AuthRequired>on</AuthRequired>\n").Append(more).Append("      </Protocol>\n");
        }
    }

    /// <summary>Composes a refusal.</summary>
    /// <param name="refusal">Why.</param>
    /// <param name="now">Now.</param>
    public static string Compose(Refusal refusal, DateTimeOffset now)
    {
        var time = now.UtcDateTime.ToString("HH:mm:ss.fffffff", CultureInfo.InvariantCulture);
        var message = refusal == Refusal.NoProvider ? "Provider is not available" : "Invalid Request";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
             <?xml version="1.0" encoding="utf-8"?>
             <Autodiscover xmlns="{ResponseSchema}">
               <Response>
                 <Error Time="{time}" Id="1">
                   <ErrorCode>{(int)refusal}</ErrorCode>
                   <Message>{message}</Message>
                   <DebugData />
                 </Error>
               </Response>
             </Autodiscover>

             """);
    }

    /// <summary>The second version's question, where the first one's answer is, in JSON.</summary>
    /// <param name="protocol">The protocol that was asked for.</param>
    /// <param name="host">Where the first one is served.</param>
    /// <returns>Null if it is not served for that protocol.</returns>
    public static string? Point(string? protocol, string host) => !string.Equals(protocol, "AutodiscoverV1", StringComparison.OrdinalIgnoreCase) ? null
        : $"{{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"https://{JsonEncodedText.Encode(host)}/autodiscover/autodiscover.xml\"}}\n";
}
