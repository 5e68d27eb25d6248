using System.Globalization;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.ClientSetup;

/// <summary>
/// A configuration profile for Apple's Mail (payload <c>com.apple.mail.managed</c>). The device asks for the password while it installs it. It is not
/// signed: the device says so, and whoever can change it on its way has the connection's TLS to break first.
/// </summary>
public static class AppleProfile
{
    /// <summary>What it is served as.</summary>
    public const string ContentType = "application/x-apple-aspen-config; charset=utf-8";

    /// <summary>Composes it.</summary>
    /// <param name="email">The address, which is the log-in name; null lets the device ask.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="services">Where mail is read and sent; both must be there.</param>
    public static string Compose(Address? email, string domain, MailServices services)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(domain);
        var about = email?.ToString() ?? domain;
        // Domain names turned round, as identifiers are; the same again for the same account, so that a new profile takes the old one's place.
        var identifier = string.Join('.', domain.Split('.').Reverse()) + ".homemail";
        var plist = new StringBuilder(4096);
        plist.Append(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
            <plist version="1.0">
            <dict>
              <key>PayloadContent</key>
              <array>
                <dict>

            """);
        if (email is not null)
            Text("EmailAddress", about);
        Text("EmailAccountDescription", about);
        Text("EmailAccountType", "EmailTypeIMAP");
        Server("IncomingMailServer", services.Reading[0]);
        Server("OutgoingMailServer", services.Sending[0]);
        Flag("OutgoingPasswordSameAsIncomingPassword", true);
        Flag("PreventMove", false);
        Flag("SMIMEEnabled", false);
        Payload("      ", "com.apple.mail.managed", $"{identifier}.mail", about + "/mail");
        plist.Append("    </dict>\n  </array>\n");
        Payload("  ", "Configuration", identifier, about);
        plist.Append("  <key>PayloadOrganization</key>\n  <string>").Append(SecurityElement.Escape(domain)).Append("</string>\n");
        return plist.Append("</dict>\n</plist>\n").ToString();

        void Text(string key, string value, string indent = "      ") =>
            plist.Append(indent).Append("<key>").Append(key).Append("</key>\n").Append(indent).Append("<string>").Append(SecurityElement.Escape(value)).Append("</string>\n");

        void Flag(string key, bool value) => plist.Append("      <key>").Append(key).Append("</key>\n      ").Append(value ? "<true/>\n" : "<false/>\n");

        void Server(string prefix, MailPort service)
        {
            Text(prefix + "Authentication", "EmailAuthPassword");
            Text(prefix + "HostName", services.Host);
            plist.Append(CultureInfo.InvariantCulture, $"      <key>{prefix}PortNumber</key>\n      <integer>{service.Port}</integer>\n");
            Flag(prefix + "UseSSL", true);
            if (email is not null)
                Text(prefix + "Username", about);
        }

        void Payload(string indent, string type, string id, string unique)
        {
            Text("PayloadDisplayName", $"Mail for {about}", indent);
            Text("PayloadIdentifier", id, indent);
            Text("PayloadType", type, indent);
            Text("PayloadUUID", Uuid(unique), indent);
            plist.Append(indent).Append("<key>PayloadVersion</key>\n").Append(indent).Append("<integer>1</integer>\n");
        }
    }

    // RFC 9562 5.8: version 8, of our own making.
    private static string Uuid(string name)
    {
        var octets = SHA256.HashData(Encoding.UTF8.GetBytes("homemail profile " + name)).AsSpan(0, 16);
        octets[6] = (byte)((octets[6] & 0x0f) | 0x80);
        octets[8] = (byte)((octets[8] & 0x3f) | 0x80);
        return new Guid(octets, bigEndian: true).ToString().ToUpperInvariant();
    }
}
