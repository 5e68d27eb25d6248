using HomeMail.Protocol.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>
/// A message's structure as octets, to be kept in the mailbox's header cache: the kept fields as they are, and numbers of seven bits an octet. A record
/// has the header only, or all parts as well.
/// </summary>
/// <remarks>First an octet of flags and the message's size, then the parts, each before its children: kind, header and body, lines, fields, children.</remarks>
internal static class StructureRecord
{
    // Raised when what the fields or numbers mean changes: then other records count as missing.
    private const byte Version = 1;
    private const byte VersionMask = 0x0f;
    private const byte AllParts = 0x10;
    private const byte KindMask = 0x03;
    private const byte DigestPart = 0x04;

    /// <summary>Whether a structure can be kept: one that a limit cut short is read again.</summary>
    public static bool IsKeepable(MessageStructure structure) => !structure.IsTruncated;

    /// <summary>Writes a structure.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="structure">The structure.</param>
    /// <param name="isWhole">Whether its parts are there, and not only the header.</param>
    public static void Write(PooledWriter output, MessageStructure structure, bool isWhole)
    {
        output.Write([(byte)(Version | (isWhole ? AllParts : 0))]);
        Number(output, structure.Size);
        Write(output, structure.Root, isWhole);
    }

    /// <summary>Whether a record can be read and has what is wanted.</summary>
    public static bool Has(ReadOnlySpan<byte> record, bool parts) =>
        record.Length > 4 && (record[0] & VersionMask) == Version && (!parts || (record[0] & AllParts) != 0);

    /// <summary>The kept fields of the message's header, one a line.</summary>
    public static ReadOnlySpan<byte> Fields(ReadOnlySpan<byte> record)
    {
        record = record[1..];
        Number(ref record);
        record = record[1..];
        for (var i = 0; i < 4; i++)
            Number(ref record);
        var length = (int)Number(ref record);
        return record[..length];
    }

    /// <summary>Reads a structure back; of a record with the header only, the root without children.</summary>
    public static MessageStructure Read(ReadOnlySpan<byte> record)
    {
        var count = 0;
        record = record[1..];
        var size = Number(ref record);
        var root = Read(ref record, null, ref count);
        return new(root, size, count, false);
    }

    private static void Write(PooledWriter output, MessagePart part, bool isWhole)
    {
        output.Write([(byte)((byte)part.Kind | (part.IsDigestPart ? DigestPart : 0))]);
        Number(output, part.HeaderOffset);
        Number(output, part.HeaderLength);
        Number(output, part.BodyLength);
        Number(output, part.BodyLines);
        Number(output, part.Fields.Length);
        output.Write(part.Fields);
        Number(output, isWhole ? part.Children.Count : 0);
        if (isWhole)
            foreach (var child in part.Children)
                Write(output, child, true);
    }

    private static MessagePart Read(ref ReadOnlySpan<byte> record, MessagePart? parent, ref int count)
    {
        var kind = record[0];
        record = record[1..];
        var part = new MessagePart(parent, Number(ref record), (kind & DigestPart) != 0)
        {
            Kind = (PartKind)(kind & KindMask),
            HeaderLength = Number(ref record),
            BodyLength = Number(ref record),
            BodyLines = Number(ref record),
        };
        part.BodyOffset = part.HeaderOffset + part.HeaderLength;
        var length = (int)Number(ref record);
        part.Fields = record[..length].ToArray();
        record = record[length..];
        count++;
        for (var children = Number(ref record); children > 0; children--)
            part.Add(Read(ref record, part, ref count));
        return part;
    }

    private static void Number(PooledWriter output, long number)
    {
        var to = output.GetSpan(10);
        var length = 0;
        for (; number >= 0x80; number >>= 7)
            to[length++] = (byte)(number | 0x80);
        to[length++] = (byte)number;
        output.Advance(length);
    }

    private static long Number(ref ReadOnlySpan<byte> record)
    {
        long number = 0;
        for (int i = 0, shift = 0; ; i++, shift += 7)
        {
            number |= (long)(record[i] & 0x7f) << shift;
            if (record[i] < 0x80)
            {
                record = record[(i + 1)..];
                return number;
            }
        }
    }
}
