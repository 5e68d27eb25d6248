using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace HomeMail.Storage.Mail;

/// <summary>
/// The records of a mailbox's journal. Each is the payload's length (2 octets), a kind (1), the payload and a CRC-32C (4), all little-endian. The
/// checksum runs on from that of the record before, so that a stale or missing piece is found as well as a torn one.
/// </summary>
internal static class JournalRecord
{
    /// <summary>The first record: version, UIDVALIDITY, then UIDNEXT, HIGHESTMODSEQ and the vanished floor at the time of writing.</summary>
    public const byte Head = 1;

    /// <summary>A message: UID, size, internal date, save date (seconds), flags, keywords, mod-sequence, email id.</summary>
    public const byte Add = 2;

    /// <summary>Flags of a message: UID, flags, keywords, mod-sequence.</summary>
    public const byte Flags = 3;

    /// <summary>An expunge: first and last UID, mod-sequence.</summary>
    public const byte Expunge = 4;

    /// <summary>A keyword: its number, its name; without a name the number is free again.</summary>
    public const byte Keyword = 5;

    /// <summary>Why a message is here: UID, text.</summary>
    public const byte Reason = 6;

    /// <summary>Like <see cref="Expunge"/>, for messages whose files were found gone. If such a file comes back it is mail, not garbage.</summary>
    public const byte Missing = 7;

    /// <summary>UIDs that were given to a batch: first and last. Until it is there in whole their files are nothing.</summary>
    public const byte Pending = 8;

    /// <summary>A batch: first and last UID. As many <see cref="Add"/> records follow; with the last one all of them count.</summary>
    public const byte Batch = 9;

    public const int Overhead = 3 + 4;
    public const int AddSize = 41 + Overhead;
    public const int FlagsSize = 21 + Overhead;
    public const int ExpungeSize = 16 + Overhead;
    public const int HeadSize = 25 + Overhead;
    public const int MaximumText = 2000;
    public const uint Seed = 0x484d4a31;

    private const byte Version = 1;

    public static int WriteHead(Span<byte> to, ref uint chain, uint uidValidity, uint uidNext, ulong highestModSeq, ulong vanishedFloor)
    {
        var payload = to[3..];
        payload[0] = Version;
        BinaryPrimitives.WriteUInt32LittleEndian(payload[1..], uidValidity);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[5..], uidNext);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[9..], highestModSeq);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[17..], vanishedFloor);
        return Finish(to, Head, 25, ref chain);
    }

    public static int WriteAdd(Span<byte> to, ref uint chain, in MessageRow row)
    {
        var payload = to[3..];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, row.Uid);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], row.Size);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[8..], row.InternalDate);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[12..], row.SaveDate);
        payload[16] = (byte)row.Flags;
        BinaryPrimitives.WriteUInt64LittleEndian(payload[17..], row.Keywords);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[25..], row.ModSeq);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[33..], row.EmailId);
        return Finish(to, Add, 41, ref chain);
    }

    public static MessageRow ReadAdd(ReadOnlySpan<byte> payload) => new()
    {
        Uid = BinaryPrimitives.ReadUInt32LittleEndian(payload),
        Size = BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]),
        InternalDate = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]),
        SaveDate = BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]),
        Flags = (MessageFlags)payload[16],
        Keywords = BinaryPrimitives.ReadUInt64LittleEndian(payload[17..]),
        ModSeq = BinaryPrimitives.ReadUInt64LittleEndian(payload[25..]),
        EmailId = BinaryPrimitives.ReadUInt64LittleEndian(payload[33..]),
    };

    public static int WriteFlags(Span<byte> to, ref uint chain, uint uid, MessageFlags flags, ulong keywords, ulong modSeq)
    {
        var payload = to[3..];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, uid);
        payload[4] = (byte)flags;
        BinaryPrimitives.WriteUInt64LittleEndian(payload[5..], keywords);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[13..], modSeq);
        return Finish(to, Flags, 21, ref chain);
    }

    public static int WriteExpunge(Span<byte> to, ref uint chain, UidRange uids, ulong modSeq, bool isMissing = false)
    {
        var payload = to[3..];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, uids.First);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], uids.Last);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], modSeq);
        return Finish(to, isMissing ? Missing : Expunge, 16, ref chain);
    }

    public static int WriteRange(Span<byte> to, ref uint chain, byte kind, UidRange uids)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to[3..], uids.First);
        BinaryPrimitives.WriteUInt32LittleEndian(to[7..], uids.Last);
        return Finish(to, kind, 8, ref chain);
    }

    public static UidRange ReadRange(ReadOnlySpan<byte> payload) => new(ReadUid(payload), ReadUid(payload[4..]));

    public static int WriteKeyword(Span<byte> to, ref uint chain, int number, string name)
    {
        to[3] = (byte)number;
        return Finish(to, Keyword, 1 + WriteText(to[4..], name), ref chain);
    }

    public static int WriteReason(Span<byte> to, ref uint chain, uint uid, string text)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to[3..], uid);
        return Finish(to, Reason, 4 + WriteText(to[7..], text), ref chain);
    }

    public static uint ReadUid(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt32LittleEndian(payload);

    public static string ReadText(ReadOnlySpan<byte> payload) => Encoding.UTF8.GetString(payload);

    public static (UidRange Uids, ulong ModSeq) ReadExpunge(ReadOnlySpan<byte> payload) =>
        (new UidRange(ReadUid(payload), ReadUid(payload[4..])), BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]));

    public static (uint Uid, MessageFlags Flags, ulong Keywords, ulong ModSeq) ReadFlags(ReadOnlySpan<byte> payload) =>
        (ReadUid(payload), (MessageFlags)payload[4], BinaryPrimitives.ReadUInt64LittleEndian(payload[5..]), BinaryPrimitives.ReadUInt64LittleEndian(payload[13..]));

    public static (uint UidValidity, uint UidNext, ulong HighestModSeq, ulong VanishedFloor) ReadHead(ReadOnlySpan<byte> payload) =>
        (ReadUid(payload[1..]), ReadUid(payload[5..]), BinaryPrimitives.ReadUInt64LittleEndian(payload[9..]), BinaryPrimitives.ReadUInt64LittleEndian(payload[17..]));

    /// <summary>
    /// Takes one record from the front. Returns its length; 0 if more octets are needed; -1 if what stands there is no record.
    /// </summary>
    public static int TryRead(ReadOnlySpan<byte> from, ref uint chain, out byte kind, out ReadOnlySpan<byte> payload)
    {
        kind = 0;
        payload = default;
        if (from.Length < Overhead)
            return 0;
        var length = BinaryPrimitives.ReadUInt16LittleEndian(from);
        kind = from[2];
        if (!IsPlausible(kind, length))
            return -1;
        if (from.Length < length + Overhead)
            return 0;
        var sum = Checksum(chain, from[..(3 + length)]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(from[(3 + length)..]) != sum)
            return -1;
        chain = sum;
        payload = from.Slice(3, length);
        return length + Overhead;
    }

    private static bool IsPlausible(byte kind, int length) => kind switch
    {
        Head => length == 25,
        Add => length == 41,
        Flags => length == 21,
        Expunge or Missing => length == 16,
        Pending or Batch => length == 8,
        Keyword => length is >= 1 and <= 1 + MaximumText,
        Reason => length is >= 4 and <= 4 + MaximumText,
        _ => false,
    };

    private static int WriteText(Span<byte> to, string text)
    {
        Encoding.UTF8.TryGetBytes(text, to[..MaximumText], out var written);
        return written;
    }

    private static int Finish(Span<byte> to, byte kind, int length, ref uint chain)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, (ushort)length);
        to[2] = kind;
        chain = Checksum(chain, to[..(3 + length)]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[(3 + length)..], chain);
        return length + Overhead;
    }

    /// <summary>CRC-32C, from a mark on that tells one kind of octets from another.</summary>
    public static uint Sum(ReadOnlySpan<byte> data, uint mark) => Checksum(mark, data);

    private static uint Checksum(uint chain, ReadOnlySpan<byte> data)
    {
        var sum = ~chain;
        while (data.Length >= 8)
        {
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }
        foreach (var octet in data)
            sum = BitOperations.Crc32C(sum, octet);
        return ~sum;
    }
}
