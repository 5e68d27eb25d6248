using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.ClientSetup;

/// <summary>
/// What a QR code says from which Thunderbird for Android and K-9 Mail make an account: nested JSON arrays, format version 1 of their "Export for Mobile".
/// The password is not in it.
/// </summary>
public static class PhoneCode
{
    private const int Imap = 0, Smtp = 0, StartTls = 2, Tls = 3, Password = 1;

    /// <summary>Composes it.</summary>
    /// <param name="email">The address, which is the log-in name. Their format takes ASCII only.</param>
    /// <param name="services">Where mail is read and sent.</param>
    /// <returns>Null where one of the two is not there, or the address is not ASCII.</returns>
    public static string? Compose(Address email, MailServices services)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(services);
        var name = email.ToString();
        if (services.Reading.Count == 0 || services.Sending.Count == 0 || !Ascii.IsValid(name))
            return null;
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteNumberValue(1);
            json.WriteStartArray();
            json.WriteNumberValue(1);
            json.WriteNumberValue(1);
            json.WriteEndArray();
            Server(json, Imap, services.Reading[0]);
            json.WriteStartArray();
            json.WriteStartArray();
            Server(json, Smtp, services.Sending[0]);
            json.WriteStartArray();
            json.WriteStringValue(name);
            json.WriteStringValue(email.LocalPart);
            json.WriteEndArray();
            json.WriteEndArray();
            json.WriteEndArray();
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());

        void Server(Utf8JsonWriter json, int protocol, MailPort service)
        {
            json.WriteStartArray();
            json.WriteNumberValue(protocol);
            json.WriteStringValue(services.Host);
            json.WriteNumberValue(service.Port);
            json.WriteNumberValue(service.IsImplicitTls ? Tls : StartTls);
            json.WriteNumberValue(Password);
            json.WriteStringValue(name);
            json.WriteEndArray();
        }
    }
}
