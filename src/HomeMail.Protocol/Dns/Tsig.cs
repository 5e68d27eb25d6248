using System.Buffers.Binary;
using System.Security.Cryptography;

namespace HomeMail.Protocol.Dns;

/// <summary>What a check of a signature has found.</summary>
public enum TsigResult
{
    /// <summary>It holds.</summary>
    Good,

    /// <summary>There is none: whatever the answer says, nobody stands for it (RFC 8945 5.3).</summary>
    Missing,

    /// <summary>The message or its signature record is broken.</summary>
    Broken,

    /// <summary>BADKEY: the server does not know this key.</summary>
    BadKey,

    /// <summary>BADSIG: the signature does not hold; the secret is another.</summary>
    BadSignature,

    /// <summary>BADTIME: the clocks are too far apart.</summary>
    BadTime,
}

/// <summary>
/// A shared key that signs DNS messages with HMAC-SHA256 (TSIG, RFC 8945). The record comes last in the additional section; its MAC covers the message
/// before it, the key's name, the time, and in answers the MAC of the request.
/// </summary>
public sealed class TsigKey
{
    private const int MacLength = 32;
    private const ushort Fudge = 300; // RFC 8945 10 recommends five minutes
    private const ushort AnyClass = 255;
    private const int HeaderLength = 12;

    private static readonly byte[] Algorithm = [11, .. "hmac-sha256"u8, 0];

    private readonly byte[] _name;
    private readonly byte[] _secret;

    /// <summary>Takes a key.</summary>
    /// <param name="name">Its name, in any case.</param>
    /// <param name="secret">Its octets.</param>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public TsigKey(string name, byte[] secret)
    {
        ArgumentNullException.ThrowIfNull(name);
        Span<byte> wire = stackalloc byte[DnsName.MaxWireLength];
        if (!DnsName.TryEncode(name.ToLowerInvariant(), wire, out var length)) // RFC 8945 4.3.3: the canonical form
            throw new ArgumentException($"'{name}' is no domain name", nameof(name));
        _name = wire[..length].ToArray();
        _secret = secret;
    }

    /// <summary>Signs a request.</summary>
    /// <param name="message">The message, without a signature.</param>
    /// <param name="seconds">The time in seconds since 1970.</param>
    /// <param name="mac">The MAC, which the answer's signature covers too.</param>
    /// <returns>The message with the signature.</returns>
    public byte[] Sign(ReadOnlySpan<byte> message, long seconds, out byte[] mac) => Sign(message, seconds, [], out mac);

    /// <summary>Signs an answer, as a name server does.</summary>
    /// <param name="message">The message, without a signature.</param>
    /// <param name="seconds">The time in seconds since 1970.</param>
    /// <param name="requestMac">The MAC of the request; empty for a request.</param>
    /// <param name="mac">The MAC.</param>
    /// <returns>The message with the signature.</returns>
    public byte[] Sign(ReadOnlySpan<byte> message, long seconds, ReadOnlySpan<byte> requestMac, out byte[] mac)
    {
        mac = Mac(requestMac, message, BinaryPrimitives.ReadUInt16BigEndian(message), seconds, Fudge, 0, []);
        var signed = new byte[message.Length + _name.Length + 10 + Algorithm.Length + 16 + MacLength];
        message.CopyTo(signed);
        BinaryPrimitives.WriteUInt16BigEndian(signed.AsSpan(10), (ushort)(BinaryPrimitives.ReadUInt16BigEndian(message[10..]) + 1)); // ARCOUNT
        var at = signed.AsSpan(message.Length);
        _name.CopyTo(at);
        at = at[_name.Length..];
        BinaryPrimitives.WriteUInt16BigEndian(at, (ushort)DnsType.Tsig);
        BinaryPrimitives.WriteUInt16BigEndian(at[2..], AnyClass);
        BinaryPrimitives.WriteUInt16BigEndian(at[8..], (ushort)(Algorithm.Length + 16 + MacLength));
        at = at[10..];
        Algorithm.CopyTo(at);
        at = at[Algorithm.Length..];
        WriteTime(at, seconds, Fudge);
        BinaryPrimitives.WriteUInt16BigEndian(at[8..], MacLength);
        mac.CopyTo(at[10..]);
        message[..2].CopyTo(at[(10 + MacLength)..]); // original id; error and other data stay empty
        return signed;
    }

    /// <summary>Checks the signature of a message that is an answer to ours (RFC 8945 5.3).</summary>
    /// <param name="message">The message.</param>
    /// <param name="requestMac">The MAC of the request; empty where the message is a request itself.</param>
    /// <param name="seconds">The time in seconds since 1970.</param>
    public TsigResult Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> requestMac, long seconds)
    {
        if (!TryFind(message, out var start, out var name))
            return TsigResult.Broken;
        if (start < 0)
            return TsigResult.Missing;
        var at = start + name + 10;
        var end = message.Length;
        // The key's name comes as we sent it, in any case of letters; and the algorithm is the one that we asked for.
        if (!SameName(message.Slice(start, name), _name) || end - at < Algorithm.Length + 16 || !SameName(message.Slice(at, Algorithm.Length), Algorithm))
            return TsigResult.BadKey;
        var data = message[(at + Algorithm.Length)..];
        var signed = ((long)BinaryPrimitives.ReadUInt16BigEndian(data) << 32) | BinaryPrimitives.ReadUInt32BigEndian(data[2..]);
        var fudge = BinaryPrimitives.ReadUInt16BigEndian(data[6..]);
        var size = BinaryPrimitives.ReadUInt16BigEndian(data[8..]);
        if (data.Length < 16 + size)
            return TsigResult.Broken;
        var mac = data.Slice(10, size);
        data = data[(10 + size)..];
        var id = BinaryPrimitives.ReadUInt16BigEndian(data);
        var error = BinaryPrimitives.ReadUInt16BigEndian(data[2..]);
        var other = data[6..];
        if (other.Length != BinaryPrimitives.ReadUInt16BigEndian(data[4..]))
            return TsigResult.Broken;
        // RFC 8945 5.3.2: a complaint about key or signature comes unsigned, and can only be told, not believed.
        if (error is 16 or 17 && size == 0)
            return error == 17 ? TsigResult.BadKey : TsigResult.BadSignature;
        var before = message[..start].ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(before.AsSpan(10), (ushort)(BinaryPrimitives.ReadUInt16BigEndian(before.AsSpan(10)) - 1));
        if (size != MacLength || !CryptographicOperations.FixedTimeEquals(mac, Mac(requestMac, before, id, signed, fudge, error, other)))
            return TsigResult.BadSignature;
        return error == 18 || Math.Abs(signed - seconds) > fudge ? TsigResult.BadTime : TsigResult.Good;
    }

    private byte[] Mac(ReadOnlySpan<byte> requestMac, ReadOnlySpan<byte> message, ushort id, long seconds, ushort fudge, ushort error, ReadOnlySpan<byte> other)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _secret);
        Span<byte> numbers = stackalloc byte[12];
        if (requestMac.Length > 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(numbers, (ushort)requestMac.Length);
            hash.AppendData(numbers[..2]);
            hash.AppendData(requestMac);
        }
        BinaryPrimitives.WriteUInt16BigEndian(numbers, id);
        hash.AppendData(numbers[..2]);
        hash.AppendData(message[2..]);
        hash.AppendData(_name);
        hash.AppendData([0, (byte)AnyClass, 0, 0, 0, 0]); // class and TTL
        hash.AppendData(Algorithm);
        WriteTime(numbers, seconds, fudge);
        BinaryPrimitives.WriteUInt16BigEndian(numbers[8..], error);
        BinaryPrimitives.WriteUInt16BigEndian(numbers[10..], (ushort)other.Length);
        hash.AppendData(numbers);
        hash.AppendData(other);
        return hash.GetHashAndReset();
    }

    private static void WriteTime(Span<byte> to, long seconds, ushort fudge)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, (ushort)(seconds >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(to[2..], (uint)seconds);
        BinaryPrimitives.WriteUInt16BigEndian(to[6..], fudge);
    }

    /// <summary>Finds the signature: the last record, which must end the message. -1 if the last one is another.</summary>
    private static bool TryFind(ReadOnlySpan<byte> message, out int start, out int nameLength)
    {
        start = -1;
        nameLength = 0;
        if (message.Length < HeaderLength)
            return false;
        var at = HeaderLength;
        for (var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]); questions > 0; questions--)
        {
            if (!DnsName.TryRead(message, ref at, out _) || at + 4 > message.Length)
                return false;
            at += 4;
        }
        var records = BinaryPrimitives.ReadUInt16BigEndian(message[6..]) + BinaryPrimitives.ReadUInt16BigEndian(message[8..]);
        var additional = BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        for (var left = records + additional; left > 0; left--)
        {
            var begin = at;
            if (!DnsName.TryRead(message, ref at, out _) || at + 10 > message.Length)
                return false;
            var name = at - begin;
            var type = (DnsType)BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
            at += 10 + BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            if (at > message.Length)
                return false;
            if (type != DnsType.Tsig)
                continue;
            if (left != 1 || additional == 0 || at != message.Length) // RFC 8945 5.1: last, and once
                return false;
            (start, nameLength) = (begin, name);
        }
        return true;
    }

    // Length octets are below 'A', so folding the whole wire form is safe.
    private static bool SameName(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
            if (Lower(a[i]) != Lower(b[i]))
                return false;
        return true;
    }

    private static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
}
