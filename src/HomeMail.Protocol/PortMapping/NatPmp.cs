using System.Buffers.Binary;
using System.Net;

namespace HomeMail.Protocol.PortMapping;

/// <summary>NAT-PMP (RFC 6886). It has no nonce: all that protects an answer is the connected socket that it comes to.</summary>
public static class NatPmp
{
    /// <summary>Octets of a request for the address.</summary>
    public const int AddressRequestLength = 2;

    /// <summary>Octets of a request for a mapping.</summary>
    public const int MapLength = 12;

    private const byte Response = 0x80;
    private const byte Address = 0;
    private const byte MapTcp = 2;

    /// <summary>Writes a request for the public address (RFC 6886 3.2).</summary>
    /// <param name="message">Where it goes; <see cref="AddressRequestLength"/> octets.</param>
    public static void WriteAddressRequest(Span<byte> message) => message[..AddressRequestLength].Clear();

    /// <summary>Writes a request for a TCP mapping, or for its end (RFC 6886 3.3, 3.4).</summary>
    /// <param name="message">Where it goes; <see cref="MapLength"/> octets.</param>
    /// <param name="internalPort">Our port.</param>
    /// <param name="externalPort">The port wanted outside.</param>
    /// <param name="lifetime">Seconds; 0 ends it.</param>
    public static void WriteMap(Span<byte> message, ushort internalPort, ushort externalPort, uint lifetime)
    {
        message[..MapLength].Clear();
        message[1] = MapTcp;
        BinaryPrimitives.WriteUInt16BigEndian(message[4..], internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], lifetime == 0 ? (ushort)0 : externalPort);
        BinaryPrimitives.WriteUInt32BigEndian(message[8..], lifetime);
    }

    /// <summary>Reads an answer to a request for the address.</summary>
    /// <param name="message">The datagram.</param>
    /// <param name="address">The address, or null if the server has none.</param>
    /// <returns>False if it is no such answer.</returns>
    public static bool TryReadAddress(ReadOnlySpan<byte> message, out IPAddress? address)
    {
        address = null;
        if (!IsAnswer(message, Address, 12, out var result))
            return false;
        if (result == 0)
            address = new IPAddress(message.Slice(8, 4));
        return true;
    }

    /// <summary>Reads an answer to a request for a mapping.</summary>
    /// <param name="message">The datagram.</param>
    /// <param name="internalPort">The port that was sent.</param>
    /// <param name="externalPort">The port outside; 0 if it was refused.</param>
    /// <param name="lifetime">Seconds that it lasts.</param>
    /// <returns>False if it is no such answer.</returns>
    public static bool TryReadMap(ReadOnlySpan<byte> message, ushort internalPort, out ushort externalPort, out uint lifetime)
    {
        externalPort = 0;
        lifetime = 0;
        if (!IsAnswer(message, MapTcp, 16, out var result) || (result == 0 && BinaryPrimitives.ReadUInt16BigEndian(message[8..]) != internalPort))
            return false;
        if (result != 0)
            return true;
        externalPort = BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        lifetime = BinaryPrimitives.ReadUInt32BigEndian(message[12..]);
        return true;
    }

    // A refusal may be as short as its result (RFC 6886 3.5).
    private static bool IsAnswer(ReadOnlySpan<byte> message, byte opcode, int length, out ushort result)
    {
        result = 0;
        if (message.Length < 8 || message[0] != 0 || message[1] != (Response | opcode))
            return false;
        result = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        return result != 0 || message.Length == length;
    }
}
