using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace HomeMail.Server.House;

/// <summary>A row of the neighbour table: who has an address on a link.</summary>
/// <param name="Address">The address; of a link without its scope.</param>
/// <param name="Interface">The interface's index.</param>
/// <param name="Hardware">The hardware address.</param>
public readonly record struct Neighbour(IPAddress Address, int Interface, PhysicalAddress Hardware);

/// <summary>
/// The hardware addresses of hosts on our links, as the kernel's neighbour table has them (rtnetlink(7), RTM_GETNEIGH): of a host that has just connected
/// there always is one. A host behind another router has none here.
/// </summary>
/// <param name="log">Is told where the kernel does not tell.</param>
public sealed class Neighbours(Log log)
{
    private const ushort GetNeighbour = 30;
    private const ushort NewNeighbour = 28;
    private const ushort Done = 3;
    private const ushort Error = 2;
    private const ushort RequestDump = 0x301; // NLM_F_REQUEST | NLM_F_DUMP
    private const int HeaderSize = 16;
    private const int RowSize = 12;
    private const ushort AttributeAddress = 1;
    private const ushort AttributeHardware = 2;
    private const int Patience = 1000;

    // NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP: rows that say nothing of who has the address.
    private const ushort Unusable = 0x01 | 0x20 | 0x40;

    private bool _said;

    /// <summary>The hardware address of a neighbour, or null where the table has none.</summary>
    /// <param name="address">The neighbour's address; IPv4-mapped IPv6 is taken as IPv4. Of a link's own it counts on that interface only.</param>
    public PhysicalAddress? Find(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var scope = address.IsIPv6LinkLocal ? (int)address.ScopeId : 0;
        var plain = address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes()) : address;
        foreach (var row in Read(plain.AddressFamily))
            if (row.Address.Equals(plain) && (scope == 0 || row.Interface == scope))
                return row.Hardware;
        return null;
    }

    /// <summary>Reads the messages of one answer.</summary>
    /// <param name="answer">One or more netlink messages.</param>
    /// <param name="rows">Receives the rows.</param>
    /// <returns>False after the last message of the dump.</returns>
    public static bool Take(ReadOnlySpan<byte> answer, ICollection<Neighbour> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        while (answer.Length >= HeaderSize)
        {
            var length = (int)Native32(answer);
            if (length < HeaderSize || length > answer.Length)
                return false;
            var type = Native16(answer[4..]);
            if (type is Done or Error)
                return false;
            if (type == NewNeighbour && length >= HeaderSize + RowSize && Row(answer[HeaderSize..length]) is { } row)
                rows.Add(row);
            answer = answer[Math.Min(Aligned(length), answer.Length)..];
        }
        return true;
    }

    // struct ndmsg: family, padding, index, state, flags, type; attributes behind it.
    private static Neighbour? Row(ReadOnlySpan<byte> body)
    {
        if ((Native16(body[8..]) & Unusable) != 0)
            return null;
        var index = (int)Native32(body[4..]);
        IPAddress? address = null;
        PhysicalAddress? hardware = null;
        var attributes = body[RowSize..];
        while (attributes.Length >= 4)
        {
            var length = Native16(attributes);
            if (length < 4 || length > attributes.Length)
                break;
            var value = attributes[4..length];
            switch (Native16(attributes[2..]))
            {
                case AttributeAddress when value.Length is 4 or 16:
                    address = new IPAddress(value);
                    break;
                case AttributeHardware when value.Length == 6:
                    hardware = new PhysicalAddress(value.ToArray());
                    break;
            }
            attributes = attributes[Math.Min(Aligned(length), attributes.Length)..];
        }
        return address is null || hardware is null ? null : new Neighbour(address, index, hardware);
    }

    private List<Neighbour> Read(AddressFamily family)
    {
        var rows = new List<Neighbour>();
        try
        {
            using var socket = NetworkEvents.OpenRoute();
            socket.ReceiveTimeout = Patience;
            Span<byte> request = stackalloc byte[HeaderSize + RowSize];
            request.Clear();
            BitConverter.TryWriteBytes(request, request.Length);
            BitConverter.TryWriteBytes(request[4..], GetNeighbour);
            BitConverter.TryWriteBytes(request[6..], RequestDump);
            BitConverter.TryWriteBytes(request[8..], 1);
            request[HeaderSize] = family == AddressFamily.InterNetworkV6 ? (byte)10 : (byte)2;
            socket.Send(request);
            var answer = new byte[32 * 1024];
            while (Take(answer.AsSpan(0, socket.Receive(answer)), rows))
            {
                // More of it comes.
            }
        }
        catch (SocketException error)
        {
            if (!_said)
                log.Error("neighbours", ("what", $"the kernel does not tell hardware addresses ({error.SocketErrorCode}); no [device] is known by its mac"));
            _said = true;
        }
        return rows;
    }

    private static int Aligned(int length) => (length + 3) & ~3;

    // Netlink speaks in the machine's own order.
    private static uint Native32(ReadOnlySpan<byte> octets) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(octets) : BinaryPrimitives.ReadUInt32BigEndian(octets);

    private static ushort Native16(ReadOnlySpan<byte> octets) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(octets) : BinaryPrimitives.ReadUInt16BigEndian(octets);
}
