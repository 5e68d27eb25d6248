using System.Buffers.Binary;
using System.Net;

namespace HomeMail.Protocol.Dns;

/// <summary>
/// Composes an update of a zone (RFC 2136), record by record, and reads what the name server answers. Names in it are not compressed, so that what a
/// signature covers is what is seen.
/// </summary>
public sealed class DnsUpdate
{
    private const byte Opcode = 5;
    private const int HeaderLength = 12;
    private const ushort Internet = 1;
    private const ushort AnyClass = 255;

    private readonly byte[] _zone;
    private readonly List<byte> _records = [];
    private ushort _count;

    /// <summary>Begins an update.</summary>
    /// <param name="zone">The zone's name.</param>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public DnsUpdate(string zone) => _zone = Wire(zone);

    /// <summary>How many changes there are.</summary>
    public int Count => _count;

    /// <summary>Takes all records of a type at a name away (RFC 2136 2.5.2).</summary>
    /// <param name="name">The name.</param>
    /// <param name="type">The type.</param>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public DnsUpdate Remove(string name, DnsType type)
    {
        Add(name, type, AnyClass, 0, []);
        return this;
    }

    /// <summary>Adds an A or AAAA record (RFC 2136 2.5.1).</summary>
    /// <param name="name">The name.</param>
    /// <param name="timeToLive">Seconds it may be kept.</param>
    /// <param name="address">The address; IPv4-mapped IPv6 is IPv4.</param>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public DnsUpdate Add(string name, uint timeToLive, IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var length);
        Add(name, length == 4 ? DnsType.A : DnsType.Aaaa, Internet, timeToLive, octets[..length]);
        return this;
    }

    /// <summary>The message, without a signature.</summary>
    /// <param name="id">The message id.</param>
    public byte[] ToMessage(ushort id)
    {
        var message = new byte[HeaderLength + _zone.Length + 4 + _records.Count];
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        message[2] = Opcode << 3;
        message[5] = 1; // ZOCOUNT
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(8), _count); // UPCOUNT
        var at = HeaderLength;
        _zone.CopyTo(message, at);
        at += _zone.Length;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(at), (ushort)DnsType.Soa);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(at + 2), Internet);
        _records.CopyTo(message, at + 4);
        return message;
    }

    /// <summary>Reads the answer's header (RFC 2136 3.8); the sections may be there or not.</summary>
    /// <param name="message">The answer.</param>
    /// <param name="id">The id that was sent.</param>
    /// <param name="code">What the server says.</param>
    /// <returns>False if it is no answer to this update.</returns>
    public static bool TryReadResponse(ReadOnlySpan<byte> message, ushort id, out DnsResponseCode code)
    {
        code = DnsResponseCode.ServerFailure;
        if (message.Length < HeaderLength || BinaryPrimitives.ReadUInt16BigEndian(message) != id || (message[2] & 0xf8) != (0x80 | (Opcode << 3)))
            return false;
        code = (DnsResponseCode)(message[3] & 15);
        return true;
    }

    private void Add(string name, DnsType type, ushort @class, uint timeToLive, ReadOnlySpan<byte> data)
    {
        Span<byte> fixedPart = stackalloc byte[10];
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart, (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart[2..], @class);
        BinaryPrimitives.WriteUInt32BigEndian(fixedPart[4..], timeToLive);
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart[8..], (ushort)data.Length);
        _records.AddRange(Wire(name));
        _records.AddRange(fixedPart);
        _records.AddRange(data);
        _count++;
    }

    private static byte[] Wire(string name)
    {
        Span<byte> wire = stackalloc byte[DnsName.MaxWireLength];
        return DnsName.TryEncode(name, wire, out var length) ? wire[..length].ToArray() : throw new ArgumentException($"'{name}' is no domain name", nameof(name));
    }
}
