using System.Buffers.Binary;
using System.Net;

namespace HomeMail.Protocol.PortMapping;

/// <summary>What a PCP server answers (RFC 6887 7.4); the ones that are treated apart.</summary>
public enum PcpResult : byte
{
    /// <summary>SUCCESS.</summary>
    Success = 0,

    /// <summary>UNSUPP_VERSION: it speaks NAT-PMP, or another version.</summary>
    UnsupportedVersion = 1,

    /// <summary>NOT_AUTHORIZED.</summary>
    NotAuthorized = 2,

    /// <summary>ADDRESS_MISMATCH: between us and it is another NAT.</summary>
    AddressMismatch = 12,
}

/// <summary>A mapping that a PCP server has made, or the refusal of one.</summary>
/// <param name="Result">What it says.</param>
/// <param name="Lifetime">Seconds that the mapping lasts, or that the refusal does.</param>
/// <param name="Epoch">The server's own time: if it goes back, the server has lost its mappings (RFC 6887 8.5).</param>
/// <param name="ExternalPort">The port outside.</param>
/// <param name="ExternalAddress">The address outside; IPv4 as such. <see cref="IPAddress.Any"/> with a refusal.</param>
public readonly record struct PcpMapping(PcpResult Result, uint Lifetime, uint Epoch, ushort ExternalPort, IPAddress ExternalAddress);

/// <summary>The Port Control Protocol's MAP and ANNOUNCE (RFC 6887). The nonce is what tells an answer from one that somebody has made up.</summary>
public static class Pcp
{
    /// <summary>The server's port (RFC 6887 19).</summary>
    public const int Port = 5351;

    /// <summary>The port where clients hear announcements.</summary>
    public const int AnnouncementPort = 5350;

    /// <summary>Octets of a nonce.</summary>
    public const int NonceLength = 12;

    /// <summary>Octets of a MAP request.</summary>
    public const int MapLength = HeaderLength + MapPayload;

    /// <summary>Octets of an ANNOUNCE request.</summary>
    public const int HeaderLength = 24;

    private const int MapPayload = 36;
    private const byte Version = 2;
    private const byte Announce = 0;
    private const byte Map = 1;
    private const byte Response = 0x80;
    private const byte Tcp = 6;

    /// <summary>Writes a request for a TCP mapping, or for its end.</summary>
    /// <param name="message">Where it goes; <see cref="MapLength"/> octets.</param>
    /// <param name="client">Our address as the server sees it.</param>
    /// <param name="nonce">The nonce; renewing and ending a mapping take the one that made it (RFC 6887 11.3).</param>
    /// <param name="internalPort">Our port.</param>
    /// <param name="externalPort">The port wanted outside.</param>
    /// <param name="lifetime">Seconds; 0 ends it.</param>
    public static void WriteMap(Span<byte> message, IPAddress client, ReadOnlySpan<byte> nonce, ushort internalPort, ushort externalPort, uint lifetime)
    {
        WriteHeader(message[..MapLength], Map, client, lifetime);
        nonce[..NonceLength].CopyTo(message[HeaderLength..]);
        message[36] = Tcp;
        BinaryPrimitives.WriteUInt16BigEndian(message[40..], internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(message[42..], lifetime == 0 ? (ushort)0 : externalPort);
        if (client.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
            message[54] = message[55] = 0xff; // any IPv4 address: ::ffff:0.0.0.0
    }

    /// <summary>Writes an ANNOUNCE request: whether the server is there, and since when (RFC 6887 14.1).</summary>
    /// <param name="message">Where it goes; <see cref="HeaderLength"/> octets.</param>
    /// <param name="client">Our address.</param>
    public static void WriteAnnounce(Span<byte> message, IPAddress client) => WriteHeader(message[..HeaderLength], Announce, client, 0);

    /// <summary>Reads an answer to a MAP request.</summary>
    /// <param name="message">The datagram.</param>
    /// <param name="nonce">The nonce that was sent.</param>
    /// <param name="internalPort">The port that was sent.</param>
    /// <param name="mapping">What it says.</param>
    /// <returns>False if it is no answer to this request: go on waiting (RFC 6887 8.3, 11.4).</returns>
    public static bool TryReadMap(ReadOnlySpan<byte> message, ReadOnlySpan<byte> nonce, ushort internalPort, out PcpMapping mapping)
    {
        mapping = default;
        // A server of another version answers with its own, and is only heard where it says so (RFC 6887 9).
        if (message.Length is < 4 or > 1100)
            return false;
        var result = (PcpResult)message[3];
        if (message[0] == 0 && message.Length >= 4 && message[1] >= Response && BinaryPrimitives.ReadUInt16BigEndian(message[2..]) == 1)
        {
            mapping = new PcpMapping(PcpResult.UnsupportedVersion, 0, 0, 0, IPAddress.Any); // NAT-PMP's way to say it (RFC 6887 appendix A)
            return true;
        }
        if (message.Length < HeaderLength || message.Length % 4 != 0 || (message[1] & Response) == 0)
            return false;
        var lifetime = BinaryPrimitives.ReadUInt32BigEndian(message[4..]);
        var epoch = BinaryPrimitives.ReadUInt32BigEndian(message[8..]);
        if (result == PcpResult.UnsupportedVersion)
        {
            mapping = new PcpMapping(result, lifetime, epoch, 0, IPAddress.Any);
            return true;
        }
        if (message[0] != Version || message[1] != (Response | Map) || message.Length < MapLength
            || !message.Slice(HeaderLength, NonceLength).SequenceEqual(nonce[..NonceLength]) || message[36] != Tcp
            || BinaryPrimitives.ReadUInt16BigEndian(message[40..]) != internalPort)
            return false;
        var external = new IPAddress(message.Slice(44, 16));
        mapping = new PcpMapping(
            result, lifetime, epoch, BinaryPrimitives.ReadUInt16BigEndian(message[42..]), external.IsIPv4MappedToIPv6 ? external.MapToIPv4() : external);
        return true;
    }

    private static void WriteHeader(Span<byte> message, byte opcode, IPAddress client, uint lifetime)
    {
        ArgumentNullException.ThrowIfNull(client);
        message.Clear();
        message[0] = Version;
        message[1] = opcode;
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], lifetime);
        client.MapToIPv6().TryWriteBytes(message[8..], out _);
    }
}
