using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Message;

namespace HomeMail.Config;

/// <summary>How values are written: sizes, times, endpoints, names. Each takes exactly what the documentation says and nothing that a library would take besides.</summary>
internal static class ValueSyntax
{
    /// <summary>A size: digits, then <c>k</c>, <c>M</c>, <c>G</c> or <c>T</c> (any case, powers of 1,024) or nothing.</summary>
    public static bool TryParseSize(ReadOnlySpan<char> text, out long size)
    {
        size = 0;
        if (text.IsEmpty)
            return false;
        var shift = char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, 't' => 40, _ => 0 };
        if (!long.TryParse(shift == 0 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue >> shift)
            return false;
        size = number << shift;
        return true;
    }

    /// <summary>A time: digits, then <c>s</c>, <c>m</c>, <c>h</c> or <c>d</c>.</summary>
    public static bool TryParseDuration(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        if (text.IsEmpty)
            return false;
        var unit = char.ToLowerInvariant(text[^1]) switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (unit == 0 || !int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        duration = TimeSpan.FromSeconds((long)number * unit);
        return true;
    }

    /// <summary>An IP address: IPv4 in four decimal parts, IPv6 without brackets. The BCL would take <c>1</c> and <c>0x7f.1</c> as well.</summary>
    public static bool TryParseIP(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Contains(':'))
        {
            if (text.ContainsAny("[]/") || !IPAddress.TryParse(text, out var v6))
                return false;
            address = v6.IsIPv4MappedToIPv6 ? v6.MapToIPv4() : v6;
            return true;
        }
        if (text.ContainsAnyExcept("0123456789.") || text.Count('.') != 3)
            return false;
        foreach (var part in text.Split('.'))
            if (text[part].Length is 0 or > 3 || (text[part].Length > 1 && text[part][0] == '0'))
                return false;
        if (!IPAddress.TryParse(text, out var v4))
            return false;
        address = v4;
        return true;
    }

    /// <summary>An address, or a network as address and prefix length with no bits set behind it.</summary>
    public static bool TryParseNetwork(ReadOnlySpan<char> text, out IPNetwork network)
    {
        network = default;
        var slash = text.IndexOf('/');
        if (!TryParseIP(slash < 0 ? text : text[..slash], out var address))
            return false;
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > bits))
            return false;
        // The BCL clears bits behind the prefix; here they are a slip that somebody should look at.
        return IPNetwork.TryParse($"{address}/{length}", out network) && network.BaseAddress.Equals(address);
    }

    /// <summary>An address and a port: <c>192.0.2.1:25</c>, <c>[::]:25</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="defaultPort">The port where none is given, or -1 if one is needed.</param>
    /// <param name="endpoint">The endpoint.</param>
    public static bool TryParseEndpoint(ReadOnlySpan<char> text, int defaultPort, out IPEndPoint endpoint)
    {
        endpoint = new IPEndPoint(IPAddress.None, 0);
        if (!TrySplitPort(text, defaultPort, out var host, out var port) || !TryParseIP(host, out var address))
            return false;
        endpoint = new IPEndPoint(address, port);
        return true;
    }

    /// <summary>A host name or address with or without a port: <c>smtp.example:587</c>, <c>192.0.2.1</c>, <c>[2001:db8::1]:25</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="defaultPort">The port where none is given.</param>
    /// <param name="host">The name in lower case, or the address without brackets.</param>
    /// <param name="port">The port, from 1.</param>
    public static bool TryParseHost(ReadOnlySpan<char> text, int defaultPort, out string host, out int port)
    {
        host = "";
        if (!TrySplitPort(text, defaultPort, out var name, out port) || port == 0)
            return false;
        if (TryParseIP(name, out var address))
            host = address.ToString();
        else if (IsDomain(name, needsDot: false))
            host = name.ToString().ToLowerInvariant();
        return host.Length > 0;
    }

    // An IPv6 address stands in brackets if it has a port, and may stand without them if it has none.
    private static bool TrySplitPort(ReadOnlySpan<char> text, int defaultPort, out ReadOnlySpan<char> host, out int port)
    {
        port = defaultPort;
        host = text;
        var rest = ReadOnlySpan<char>.Empty;
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']');
            if (end < 0 || !text.Contains(':'))
                return false;
            host = text[1..end];
            rest = text[(end + 1)..];
            if (!host.Contains(':'))
                return false;
        }
        else if (text.Count(':') == 1)
        {
            var colon = text.IndexOf(':');
            host = text[..colon];
            rest = text[colon..];
        }
        if (rest.IsEmpty)
            return port >= 0;
        return rest[0] == ':' && rest.Length <= 6 && int.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= 65535;
    }

    /// <summary>A domain name in ASCII without a trailing dot or underscores (RFC 5321 4.1.2).</summary>
    public static bool IsDomain(ReadOnlySpan<char> text, bool needsDot = true) =>
        System.Text.Ascii.IsValid(text) && AddressSyntax.IsDomain(text) && !text.Contains('_') && (!needsDot || text.Contains('.')) && !IsNumeric(text);

    // A last label of digits would make an address of it.
    private static bool IsNumeric(ReadOnlySpan<char> text) => !text[(text.LastIndexOf('.') + 1)..].ContainsAnyExceptInRange('0', '9');

    /// <summary>The name of an account, tenant, device: fit for a folder's name and a log line.</summary>
    public static bool IsName(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > 64 || !char.IsAsciiLetterOrDigit(text[0]))
            return false;
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-'))
                return false;
        return true;
    }

    /// <summary>Whether an address can only be one of this house or its provider's inner network, or none at all: it is nobody's public address.</summary>
    public static bool IsNotPublic(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return address.IsIPv6LinkLocal || address.IsIPv6SiteLocal || address.IsIPv6UniqueLocal || address.IsIPv6Multicast
                || IPAddress.IsLoopback(address) || address.Equals(IPAddress.IPv6Any);
        var octets = address.GetAddressBytes();
        return octets[0] is 0 or 10 or 127 or >= 224
            || (octets[0] == 100 && (octets[1] & 0xc0) == 64) // shared by a provider with its customers
            || (octets[0] == 169 && octets[1] == 254)
            || (octets[0] == 172 && (octets[1] & 0xf0) == 16)
            || (octets[0] == 192 && octets[1] == 168)
            || (octets[0] == 192 && octets[1] == 0 && octets[2] == 0); // what a provider's inner network answers
    }
}
