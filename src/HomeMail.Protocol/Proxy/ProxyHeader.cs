using System.Buffers.Binary;
using System.Net;

namespace HomeMail.Protocol.Proxy;

/// <summary>
/// The header of the PROXY protocol, version 2 (the specification of HAProxy, section 2.2): what stands before everything else on a connection from a
/// declared relay, and says whose it is. Only ever read from hosts that are declared to send it: anybody could write one.
/// </summary>
public static class ProxyHeader
{
    /// <summary>Octets of the fixed part, which tells how long the rest is.</summary>
    public const int FixedLength = 16;

    /// <summary>The longest rest that is taken: addresses, and more than the extensions (TLVs) that anybody sends.</summary>
    public const int MaxRest = 4096;

    private const byte Version = 2;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads the fixed part.</summary>
    /// <param name="octets">At least <see cref="FixedLength"/> octets.</param>
    /// <param name="rest">How many octets follow.</param>
    /// <returns>False if it is no such header.</returns>
    public static bool TryReadLength(ReadOnlySpan<byte> octets, out int rest)
    {
        rest = 0;
        if (octets.Length < FixedLength || !octets.StartsWith(Signature) || octets[12] >> 4 != Version || (octets[12] & 15) > 1)
            return false;
        rest = BinaryPrimitives.ReadUInt16BigEndian(octets[14..]);
        return rest <= MaxRest;
    }

    /// <summary>Reads a whole header.</summary>
    /// <param name="octets">The fixed part and the rest, and nothing more.</param>
    /// <param name="client">
    /// The client; null if the connection is the relay's own (LOCAL), or it does not say over what it came (UNSPEC). IPv4-mapped IPv6 is IPv4.
    /// </param>
    /// <returns>False if it is broken, or of a kind that SMTP cannot come over.</returns>
    public static bool TryRead(ReadOnlySpan<byte> octets, out IPEndPoint? client)
    {
        client = null;
        if (!TryReadLength(octets, out var rest) || octets.Length != FixedLength + rest)
            return false;
        if ((octets[12] & 15) == 0)
            return true; // a health check, by the relay itself; the addresses are to be ignored
        var body = octets[FixedLength..];
        switch (octets[13])
        {
            case 0x00:
                return true;
            case 0x11 when body.Length >= 12:
                client = new IPEndPoint(new IPAddress(body[..4]), BinaryPrimitives.ReadUInt16BigEndian(body[8..]));
                return true;
            case 0x21 when body.Length >= 36:
                var address = new IPAddress(body[..16]);
                client = new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, BinaryPrimitives.ReadUInt16BigEndian(body[32..]));
                return true;
            default:
                return false;
        }
    }
}
