using System.Buffers.Binary;

namespace HomeMail.Protocol.Dns;

/// <summary>Writes queries (RFC 1035 4.1) for a recursive resolver.</summary>
public static class DnsQuery
{
    /// <summary>Room that any query fits in, in octets.</summary>
    public const int MaxLength = 12 + DnsName.MaxWireLength + 4 + 11;

    /// <summary>Octets of an RRSIG record before the signer's name (RFC 4034 3.1); its times are the seconds from octet 8 (end) and 12 (beginning) on.</summary>
    public const int SignatureFields = 18;

    /// <summary>
    /// The size of answers that we take over UDP, in octets: it crosses every path to a resolver without fragments (IPv6's smallest MTU less
    /// headers); what is longer comes over TCP.
    /// </summary>
    public const int UdpPayload = 1232;

    /// <summary>
    /// Writes one query with RD set, and AD set to ask for the AD bit without asking for signatures (RFC 6840 5.7).
    /// </summary>
    /// <param name="message">Where it goes; at least <see cref="MaxLength"/> octets.</param>
    /// <param name="id">The message id: unpredictable (RFC 5452 9.2).</param>
    /// <param name="name">The name in wire form.</param>
    /// <param name="type">The type.</param>
    /// <param name="edns">Whether an OPT record (RFC 6891) says that longer answers are welcome.</param>
    /// <param name="signatures">Whether signatures are to come along (RFC 3225 3); only with EDNS.</param>
    /// <returns>The octets written.</returns>
    public static int Write(Span<byte> message, ushort id, ReadOnlySpan<byte> name, DnsType type, bool edns, bool signatures = false)
    {
        message[..12].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        message[2] = 0x01; // RD
        message[3] = (byte)(edns ? 0x20 : 0); // AD; resolvers too old for EDNS may mind a bit they do not know
        message[5] = 1; // QDCOUNT
        name.CopyTo(message[12..]);
        var at = 12 + name.Length;
        BinaryPrimitives.WriteUInt16BigEndian(message[at..], (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(message[(at + 2)..], 1); // IN
        at += 4;
        if (!edns)
            return at;
        message[11] = 1; // ARCOUNT
        message.Slice(at, 11).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(message[(at + 1)..], (ushort)DnsType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(message[(at + 3)..], UdpPayload);
        message[at + 7] = (byte)(signatures ? 0x80 : 0); // DO
        return at + 11;
    }
}
