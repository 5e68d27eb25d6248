using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security;
using System.Text;
using HomeMail.Protocol.Text;

namespace HomeMail.Protocol.PortMapping;

/// <summary>A service of a gateway that knows its public address and maps ports.</summary>
/// <param name="Type">Its type, as calls name it.</param>
/// <param name="ControlUrl">Where calls go, as the description has it.</param>
public sealed record IgdConnection(string Type, string ControlUrl);

/// <summary>
/// The texts of UPnP's Internet Gateway Device: description and SOAP calls. XML is read by <see cref="XmlScanner"/>;
/// what is broken is no answer.
/// </summary>
public static class Igd
{
    /// <summary>The longest text that is looked at, in octets.</summary>
    public const int MaxText = 64 * 1024;

    /// <summary>The gateway takes only mappings without an end (WANIPConnection:1 2.4.16).</summary>
    public const int OnlyPermanentLeases = 725;

    private const int MaxElements = 4000;
    private const int MaxValue = 256;

    // The better one first: a gateway with both has one of them idle.
    private static readonly string[] Types =
    [
        "urn:schemas-upnp-org:service:WANIPConnection:2", "urn:schemas-upnp-org:service:WANIPConnection:1", "urn:schemas-upnp-org:service:WANPPPConnection:1",
    ];

    /// <summary>Finds the services in a device description.</summary>
    /// <param name="text">The description.</param>
    /// <returns>The services, the best first; none if there are none or the text is broken.</returns>
    public static IReadOnlyList<IgdConnection> ReadServices(ReadOnlyMemory<byte> text)
    {
        var found = new List<IgdConnection>();
        string? type = null, control = null;
        Walk(text, (name, value) =>
        {
            switch (name)
            {
                case "service":
                    (type, control) = (null, null);
                    break;
                case "serviceType":
                    type = value;
                    break;
                case "controlURL":
                    control = value;
                    break;
                default:
                    return;
            }
            if (type is not null && control is { Length: > 0 } && Array.IndexOf(Types, type) >= 0)
            {
                found.Add(new IgdConnection(type, control));
                (type, control) = (null, null);
            }
        });
        return [.. found.OrderBy(service => Array.IndexOf(Types, service.Type))];
    }

    /// <summary>Reads one value of an answer to a call.</summary>
    /// <param name="text">The answer.</param>
    /// <param name="name">The element's name, without prefix.</param>
    public static string? ReadValue(ReadOnlyMemory<byte> text, string name)
    {
        string? found = null;
        Walk(text, (element, value) =>
        {
            if (element == name && value.Length > 0)
                found ??= value;
        });
        return found;
    }

    /// <summary>Reads the public address from an answer.</summary>
    /// <param name="text">The answer.</param>
    /// <param name="address">The address.</param>
    public static bool TryReadAddress(ReadOnlyMemory<byte> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        // The BCL takes "1" for an address as well.
        return ReadValue(text, "NewExternalIPAddress") is { } value && value.AsSpan().Count('.') == 3 && IPAddress.TryParse(value, out address)
            && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && !address.Equals(IPAddress.Any);
    }

    /// <summary>The code of a refusal, or 0.</summary>
    /// <param name="text">The answer.</param>
    public static int ReadError(ReadOnlyMemory<byte> text) =>
        int.TryParse(ReadValue(text, "errorCode"), NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : 0;

    /// <summary>A call.</summary>
    /// <param name="service">The service's type.</param>
    /// <param name="action">What is to be done.</param>
    /// <param name="arguments">With what, in the order of the service's description.</param>
    public static string Call(string service, string action, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        var body = new StringBuilder("<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>");
        body.Append("<u:").Append(action).Append(" xmlns:u=\"").Append(SecurityElement.Escape(service)).Append("\">");
        foreach (var (name, value) in arguments)
            body.Append('<').Append(name).Append('>').Append(SecurityElement.Escape(value)).Append("</").Append(name).Append('>');
        return body.Append("</u:").Append(action).Append("></s:Body></s:Envelope>\r\n").ToString();
    }

    // Gives each element's name and the text directly in it; an element that holds others has the empty text, and comes before them.
    private static void Walk(ReadOnlyMemory<byte> text, Action<string, string> element)
    {
        if (text.Length > MaxText)
            return;
        using var stream = new MemoryStream(text.ToArray(), writable: false);
        var xml = new XmlScanner(stream, MaxValue);
        try
        {
            string? open = null;
            var value = "";
            for (var elements = 0; elements < MaxElements;)
            {
                switch (xml.Read())
                {
                    case XmlNode.StartTag:
                        elements++;
                        if (open is not null)
                            element(open, "");
                        (open, value) = (xml.LocalName, "");
                        break;
                    case XmlNode.CharacterData:
                        value = xml.Text.Length == MaxValue ? "" : xml.Text.Trim().ToString();
                        break;
                    case XmlNode.EndTag:
                        if (open is not null)
                            element(open, value);
                        open = null;
                        break;
                    default:
                        return;
                }
            }
        }
        catch (FormatException)
        {
            // Broken text: what was read before it was well-formed, and is judged by itself.
        }
    }
}
