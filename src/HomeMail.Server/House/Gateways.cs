using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace HomeMail.Server.House;

/// <summary>
/// The default gateways of this machine's interfaces. A router that turns connections around, or masks its clients, makes them come from there: such an
/// address stands for many, so what one of them does is not held against the others.
/// </summary>
/// <param name="clock">Time.</param>
/// <param name="readLines">Reads a file of the kernel's; null is the machine's own, in <c>/proc/net</c>.</param>
public sealed class Gateways(TimeProvider clock, Func<string, IEnumerable<string>>? readLines = null)
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(5);

    private readonly Func<string, IEnumerable<string>> _readLines = readLines ?? (static name => File.ReadLines("/proc/net/" + name));
    private readonly Lock _gate = new();
    private HashSet<IPAddress> _addresses = [];
    private long _read;
    private bool _known;

    /// <summary>Whether an address is that of a default gateway.</summary>
    /// <param name="address">The address; IPv4-mapped IPv6 is taken as IPv4.</param>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        else if (address.IsIPv6LinkLocal)
            address = new IPAddress(address.GetAddressBytes());
        lock (_gate)
            return Read().Contains(address);
    }

    /// <summary>The default gateways now.</summary>
    public IReadOnlyList<IPAddress> Addresses
    {
        get
        {
            lock (_gate)
                return [.. Read()];
        }
    }

    private HashSet<IPAddress> Read()
    {
        if (!_known || clock.GetElapsedTime(_read) >= Age)
        {
            _addresses = [.. Lines("route").Skip(1).Select(Gateway4).Concat(Lines("ipv6_route").Select(Gateway6)).OfType<IPAddress>()];
            _read = clock.GetTimestamp();
            _known = true;
        }
        return _addresses;
    }

    private List<string> Lines(string name)
    {
        try
        {
            return [.. _readLines(name)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A kernel without the family has no file for it.
            return [];
        }
    }

    // Iface Destination Gateway Flags RefCnt Use Metric Mask ...: numbers in hexadecimal, addresses as the machine's own integers.
    private static IPAddress? Gateway4(string line)
    {
        var columns = line.Split('\t', StringSplitOptions.TrimEntries);
        if (columns.Length < 8 || columns[1] != "00000000" || columns[7] != "00000000"
            || !uint.TryParse(columns[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var gateway) || gateway == 0)
            return null;
        return new IPAddress(BitConverter.IsLittleEndian ? gateway : BinaryPrimitives.ReverseEndianness(gateway));
    }

    // destination prefix-length source prefix-length next-hop ...: addresses as 32 hexadecimal digits in network order.
    private static IPAddress? Gateway6(string line)
    {
        var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (columns.Length < 5 || columns[0].AsSpan().ContainsAnyExcept('0') || columns[1] != "00" || columns[4].Length != 32)
            return null;
        Span<byte> octets = stackalloc byte[16];
        for (var i = 0; i < octets.Length; i++)
            if (!byte.TryParse(columns[4].AsSpan(2 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out octets[i]))
                return null;
        var gateway = new IPAddress(octets);
        return gateway.Equals(IPAddress.IPv6Any) ? null : gateway;
    }
}
