using System.Buffers.Binary;

namespace HomeMail.Protocol.Dns;

/// <summary>One record of an answer, its data taken apart as far as mail needs it.</summary>
/// <param name="Owner">The owner name without trailing dot.</param>
/// <param name="Type">The type.</param>
/// <param name="TimeToLive">Seconds it may be kept (RFC 2181 8: values with the top bit set are zero).</param>
/// <param name="Preference">MX preference, SRV priority; otherwise 0.</param>
/// <param name="Name">The name in the data of CNAME, MX, PTR, NS and SRV; otherwise empty.</param>
/// <param name="Data">The octets of A, AAAA and TLSA, weight and port of SRV; of TXT the strings joined without a space (RFC 7208 3.3); of RRSIG what stands before the signer's name. Otherwise empty.</param>
public readonly record struct DnsRecord(string Owner, DnsType Type, uint TimeToLive, int Preference, string Name, byte[] Data);

/// <summary>How a datagram relates to the query that is waiting.</summary>
public enum DnsMatch
{
    /// <summary>It is the answer, and well-formed.</summary>
    Answer,

    /// <summary>It is not an answer to this query (another id, another question, a query): ignore it and go on waiting (RFC 5452 9.1).</summary>
    Foreign,

    /// <summary>It claims to be the answer, but is broken behind its question.</summary>
    Broken,
}

/// <summary>A response message (RFC 1035 4.1), read for one query.</summary>
public sealed class DnsResponse
{
    private DnsResponse()
    {
    }

    /// <summary>The response code, with the high bits of EDNS (RFC 6891 6.1.3).</summary>
    public DnsResponseCode Code { get; private set; }

    /// <summary>TC: not all of it fitted, ask over TCP (RFC 7766 5).</summary>
    public bool Truncated { get; private set; }

    /// <summary>AD: the resolver vouches for the answer (RFC 4035 3.2.3). Worth what the path to the resolver is worth.</summary>
    public bool AuthenticData { get; private set; }

    /// <summary>AA or RA: the server stands for the answer or does recursion. Without either, an empty answer is a referral and says nothing.</summary>
    public bool Authoritative { get; private set; }

    /// <summary>Whether the server speaks EDNS.</summary>
    public bool HasOpt { get; private set; }

    /// <summary>Whether the authority section has an SOA: a negative answer that somebody stands for (RFC 2308 2).</summary>
    public bool HasSoa { get; private set; }

    /// <summary>The owner of the SOA in answer or authority section: the zone that the name is in; or null.</summary>
    public string? SoaOwner { get; private set; }

    /// <summary>Seconds that a negative answer may be kept: the lesser of the SOA's TTL and its MINIMUM (RFC 2308 5).</summary>
    public uint NegativeTimeToLive { get; private set; }

    /// <summary>The answer section's records of the types known here, class IN, in their order.</summary>
    public IReadOnlyList<DnsRecord> Answers => _answers;

    private readonly List<DnsRecord> _answers = [];

    /// <summary>Reads a message.</summary>
    /// <param name="message">The datagram, or the message of a TCP stream without its length.</param>
    /// <param name="id">The id that was sent.</param>
    /// <param name="question">The name asked for, in wire form.</param>
    /// <param name="type">The type asked for.</param>
    /// <param name="response">What it says; null unless the result is <see cref="DnsMatch.Answer"/>.</param>
    public static DnsMatch Read(ReadOnlySpan<byte> message, ushort id, ReadOnlySpan<byte> question, DnsType type, out DnsResponse? response)
    {
        response = null;
        if (message.Length < 12 || BinaryPrimitives.ReadUInt16BigEndian(message) != id || (message[2] & 0x80) == 0)
            return DnsMatch.Foreign;
        var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]);
        var code = (DnsResponseCode)(message[3] & 15);
        var result = new DnsResponse
        {
            Code = code,
            Truncated = (message[2] & 2) != 0,
            Authoritative = (message[2] & 4) != 0 || (message[3] & 0x80) != 0,
            AuthenticData = (message[3] & 0x20) != 0,
        };
        var at = 12;
        if (questions == 0)
        {
            // Some servers send only a header with FORMERR and the like; nothing that could be believed as an answer may come so.
            if (code is DnsResponseCode.NoError or DnsResponseCode.NameError)
                return DnsMatch.Foreign;
            response = result;
            return DnsMatch.Answer;
        }
        if (questions != 1 || !QuestionIs(message[12..], question, type))
            return DnsMatch.Foreign;
        at += question.Length + 4;
        if (!result.ReadSections(message, at) && !result.Truncated)
            return DnsMatch.Broken;
        response = result;
        return DnsMatch.Answer;
    }

    private static bool QuestionIs(ReadOnlySpan<byte> message, ReadOnlySpan<byte> name, DnsType type)
    {
        if (message.Length < name.Length + 4)
            return false;
        for (var i = 0; i < name.Length; i++)
            if (Lower(message[i]) != Lower(name[i]))
                return false;
        return BinaryPrimitives.ReadUInt16BigEndian(message[name.Length..]) == (ushort)type
            && BinaryPrimitives.ReadUInt16BigEndian(message[(name.Length + 2)..]) == 1;
    }

    // Length octets are below 'A', so folding the whole wire form is safe.
    private static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;

    private bool ReadSections(ReadOnlySpan<byte> message, int at)
    {
        for (var section = 0; section < 3; section++)
        {
            var count = BinaryPrimitives.ReadUInt16BigEndian(message[(6 + (section * 2))..]);
            for (; count > 0; count--)
            {
                if (!DnsName.TryRead(message, ref at, out var owner) || at + 10 > message.Length)
                    return false;
                var type = (DnsType)BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
                var @class = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 2)..]);
                var ttl = BinaryPrimitives.ReadUInt32BigEndian(message[(at + 4)..]);
                var size = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
                at += 10;
                if (at + size > message.Length)
                    return false;
                if (@class == 1 && section < 2 && type == DnsType.Soa)
                    SoaOwner ??= owner;
                if (type == DnsType.Opt && section == 2)
                {
                    HasOpt = true;
                    Code = (DnsResponseCode)((int)Code | (int)(ttl >> 24 << 4));
                }
                else if (@class == 1 && section == 0 && !ReadAnswer(message[..(at + size)], at, owner, type, ttl > int.MaxValue ? 0 : ttl))
                    return false;
                else if (@class == 1 && section == 1 && type == DnsType.Soa && !ReadSoa(message[..(at + size)], at, ttl > int.MaxValue ? 0 : ttl))
                    return false;
                at += size;
            }
        }
        return true;
    }

    private bool ReadAnswer(ReadOnlySpan<byte> message, int at, string owner, DnsType type, uint ttl)
    {
        var name = "";
        var preference = 0;
        byte[] data = [];
        switch (type)
        {
            case DnsType.A when message.Length - at == 4:
            case DnsType.Aaaa when message.Length - at == 16:
            case DnsType.Tlsa when message.Length - at >= 3:
                data = message[at..].ToArray();
                break;
            case DnsType.Cname or DnsType.Ptr or DnsType.Ns:
                if (!DnsName.TryRead(message, ref at, out name) || at != message.Length)
                    return false;
                break;
            case DnsType.Mx when message.Length - at >= 3:
                preference = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
                at += 2;
                if (!DnsName.TryRead(message, ref at, out name) || at != message.Length)
                    return false;
                break;
            case DnsType.Srv when message.Length - at >= 7:
                preference = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
                data = message.Slice(at + 2, 4).ToArray();
                at += 6;
                if (!DnsName.TryRead(message, ref at, out name) || at != message.Length)
                    return false;
                break;
            case DnsType.Rrsig when message.Length - at > DnsQuery.SignatureFields:
                data = message.Slice(at, DnsQuery.SignatureFields).ToArray();
                break;
            case DnsType.Txt:
                if (!TryJoinStrings(message[at..], out data))
                    return false;
                break;
            case DnsType.A or DnsType.Aaaa or DnsType.Mx or DnsType.Tlsa or DnsType.Srv:
                return false;
            default:
                return true;
        }
        _answers.Add(new DnsRecord(owner, type, ttl, preference, name, data));
        return true;
    }

    private static bool TryJoinStrings(ReadOnlySpan<byte> data, out byte[] joined)
    {
        joined = [];
        var total = 0;
        for (var at = 0; at < data.Length; at += 1 + data[at])
        {
            if (at + 1 + data[at] > data.Length)
                return false;
            total += data[at];
        }
        joined = new byte[total];
        var length = 0;
        for (var at = 0; at < data.Length; at += 1 + data[at])
        {
            data.Slice(at + 1, data[at]).CopyTo(joined.AsSpan(length));
            length += data[at];
        }
        return true;
    }

    private bool ReadSoa(ReadOnlySpan<byte> message, int at, uint ttl)
    {
        if (!DnsName.TryRead(message, ref at, out _) || !DnsName.TryRead(message, ref at, out _) || message.Length - at != 20)
            return false;
        HasSoa = true;
        NegativeTimeToLive = Math.Min(ttl, BinaryPrimitives.ReadUInt32BigEndian(message[(at + 16)..]));
        return true;
    }
}
