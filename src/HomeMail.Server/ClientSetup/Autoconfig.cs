using System.Globalization;
using System.Security;
using System.Text;

namespace HomeMail.Server.ClientSetup;

/// <summary>
/// The configuration that Thunderbird and many others ask for, in Mozilla's format (version 1.1, draft-ietf-mailmaint-autoconfig). The log-in name is a
/// placeholder: the answer is the same for everybody, so that it does not tell who is here.
/// </summary>
public static class Autoconfig
{
    /// <summary>What it is served as.</summary>
    public const string ContentType = "text/xml; charset=utf-8";

    /// <summary>Composes it for one domain.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="services">Where mail is read and sent.</param>
    public static string Compose(string domain, MailServices services)
    {
        ArgumentNullException.ThrowIfNull(services);
        var name = SecurityElement.Escape(domain);
        var xml = new StringBuilder(1024);
        xml.Append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n");
        xml.Append("  <emailProvider id=\"").Append(name).Append("\">\n");
        xml.Append("    <domain>").Append(name).Append("</domain>\n");
        xml.Append("    <displayName>").Append(name).Append("</displayName>\n");
        xml.Append("    <displayShortName>").Append(name).Append("</displayShortName>\n");
        foreach (var service in services.Reading)
            Server("incomingServer", "imap", service);
        foreach (var service in services.Sending)
            Server("outgoingServer", "smtp", service);
        return xml.Append("  </emailProvider>\n</clientConfig>\n").ToString();

        void Server(string element, string type, MailPort service)
        {
            xml.Append("    <").Append(element).Append(" type=\"").Append(type).Append("\">\n");
            xml.Append("      <hostname>").Append(SecurityElement.Escape(services.Host)).Append("</hostname>\n");
            xml.Append(CultureInfo.InvariantCulture, $"      <port>{service.Port}</port>\n");
            xml.Append("      <socketType>").Append(service.IsImplicitTls ? "SSL" : "STARTTLS").Append("</socketType>\n");
            xml.Append("      <username>%EMAILADDRESS%</username>\n");
            xml.Append("      <authentication>password-cleartext</authentication>\n");
            xml.Append("    </").Append(element).Append(">\n");
        }
    }
}
