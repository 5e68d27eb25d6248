using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Policy;

/// <summary>The networks that an address is of, as far as they are likely to be one sender's.</summary>
public static class NetworkName
{
    /// <summary>The nearest: /24 of IPv4, /64 of IPv6.</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    public static string Near(IPAddress address) => Of(address, 24, 64);

    /// <summary>A wider one for IPv6, where a customer often has a /48; for IPv4 null.</summary>
    /// <param name="address">The address.</param>
    public static string? Wide(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6 ? null : Of(address, 24, 48);
    }

    private static string Of(IPAddress address, int bits4, int bits6)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? bits4 : bits6;
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var length);
        octets[(bits / 8)..].Clear();
        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress(octets[..length])}/{bits}");
    }
}
