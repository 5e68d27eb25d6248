using System.Net;
using System.Net.Sockets;
using System.Text;

namespace HomeMail.Protocol.Dns;

/// <summary>Domain names between their text and their wire form (RFC 1035 3.1, 4.1.4).</summary>
public static class DnsName
{
    /// <summary>The longest name on the wire, in octets, length octets and root included (RFC 1035 2.3.4).</summary>
    public const int MaxWireLength = 255;

    /// <summary>The longest label in octets (RFC 1035 2.3.4).</summary>
    public const int MaxLabelLength = 63;

    // A pointer must lead backwards, so this many hops can not be needed by any honest message.
    private const int MaxPointers = 32;

    /// <summary>
    /// Writes a name in wire form. Refused are empty labels, labels over 63 octets, more than 255 octets in all, control characters, backslashes
    /// and anything that is not ASCII (A-labels are ASCII). A space is taken: SPF macros can make one (RFC 7208 7.2).
    /// </summary>
    /// <param name="name">The name, with or without a trailing dot; <c>.</c> alone is the root.</param>
    /// <param name="wire">Where it goes; <see cref="MaxWireLength"/> octets are always enough.</param>
    /// <param name="written">The octets written.</param>
    /// <returns>False if the name is not one that can be asked for.</returns>
    public static bool TryEncode(ReadOnlySpan<char> name, Span<byte> wire, out int written)
    {
        written = 0;
        if (name is ".")
        {
            wire[written++] = 0;
            return true;
        }
        if (name.Length > 0 && name[^1] == '.')
            name = name[..^1];
        if (name.Length is 0 or > MaxWireLength - 2)
            return false;
        while (true)
        {
            var dot = name.IndexOf('.');
            var label = dot < 0 ? name : name[..dot];
            if (label.Length is 0 or > MaxLabelLength)
                return false;
            wire[written++] = (byte)label.Length;
            foreach (var c in label)
            {
                if (c is < ' ' or '\\' or >= '\x7f')
                    return false;
                wire[written++] = (byte)c;
            }
            if (dot < 0)
                break;
            name = name[(dot + 1)..];
        }
        wire[written++] = 0;
        return true;
    }

    /// <summary>Whether <see cref="TryEncode"/> would take the name.</summary>
    /// <param name="name">The name.</param>
    public static bool IsValid(ReadOnlySpan<char> name) => TryEncode(name, stackalloc byte[MaxWireLength], out _);

    /// <summary>
    /// Whether a name is one of letters, digits, hyphens and underscores, without a dot at its end: what signatures may name, and what needs no
    /// quoting where results are told.
    /// </summary>
    /// <param name="name">The name.</param>
    public static bool IsHostLike(ReadOnlySpan<char> name)
    {
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
                return false;
        return name.Length > 0 && name[^1] != '.' && IsValid(name);
    }

    /// <summary>The name under which an address's PTR records are (RFC 1035 3.5, RFC 3596 2.5).</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    public static string Reverse(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var length);
        var name = new StringBuilder(74);
        for (var i = length - 1; i >= 0; i--)
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                name.Append(HexDigit(octets[i] & 15)).Append('.').Append(HexDigit(octets[i] >> 4)).Append('.');
            else
                name.Append(octets[i]).Append('.');
        }
        return name.Append(length == 4 ? "in-addr.arpa" : "ip6.arpa").ToString();
    }

    /// <summary>Whether two names are the same: ASCII case and a trailing dot do not count (RFC 4343).</summary>
    /// <param name="a">A name.</param>
    /// <param name="b">Another.</param>
    public static bool Same(ReadOnlySpan<char> a, ReadOnlySpan<char> b) =>
        a.TrimEnd('.').Equals(b.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a name is the other or lies below it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="ancestor">The name it may lie below.</param>
    public static bool IsWithin(ReadOnlySpan<char> name, ReadOnlySpan<char> ancestor)
    {
        name = name.TrimEnd('.');
        ancestor = ancestor.TrimEnd('.');
        return name.EndsWith(ancestor, StringComparison.OrdinalIgnoreCase)
            && (name.Length == ancestor.Length || ancestor.Length == 0 || name[^(ancestor.Length + 1)] == '.');
    }

    /// <summary>
    /// Reads a name that may be compressed (RFC 1035 4.1.4). Octets that are trouble in text (dots and backslashes in labels, spaces,
    /// control characters, what is not ASCII) are written as <c>\DDD</c> (RFC 1035 5.1); such a name is never valid for a further query.
    /// </summary>
    /// <param name="message">The whole message.</param>
    /// <param name="position">Where the name begins; moved behind it.</param>
    /// <param name="name">The name without a trailing dot; empty for the root.</param>
    /// <returns>False if the message is broken there.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> message, ref int position, out string name)
    {
        name = "";
        Span<char> text = stackalloc char[MaxWireLength * 4];
        var length = 0;
        var at = position;
        var end = -1;
        var pointers = 0;
        var octets = 1;
        while (true)
        {
            if ((uint)at >= (uint)message.Length)
                return false;
            int size = message[at];
            if (size == 0)
                break;
            if (size >= 0xc0)
            {
                if (at + 1 >= message.Length || ++pointers > MaxPointers)
                    return false;
                var target = ((size & 0x3f) << 8) | message[at + 1];
                if (end < 0)
                    end = at + 2;
                if (target >= at)
                    return false;
                at = target;
                continue;
            }
            octets += size + 1;
            if (size > MaxLabelLength || octets > MaxWireLength || at + 1 + size > message.Length)
                return false;
            if (length > 0)
                text[length++] = '.';
            foreach (var b in message.Slice(at + 1, size))
            {
                if (b is > (byte)' ' and < 0x7f and not (byte)'.' and not (byte)'\\')
                {
                    text[length++] = (char)b;
                    continue;
                }
                text[length++] = '\\';
                text[length++] = (char)('0' + (b / 100));
                text[length++] = (char)('0' + (b / 10 % 10));
                text[length++] = (char)('0' + (b % 10));
            }
            at += 1 + size;
        }
        position = end < 0 ? at + 1 : end;
        name = text[..length].ToString();
        return true;
    }

    private static char HexDigit(int value) => "0123456789abcdef"[value];
}
