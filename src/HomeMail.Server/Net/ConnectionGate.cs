using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.Net;

/// <summary>Counts connections, in all and per address (IPv6: per /64, which is what one customer has), and says when it is too many.</summary>
/// <param name="limit">Connections in all.</param>
/// <param name="limitPerAddress">Connections of one address.</param>
/// <param name="isShared">Whether an address stands for many (the gateway, a router that masks its clients): such have half of all connections.</param>
public sealed class ConnectionGate(int limit, int limitPerAddress, Func<IPAddress, bool>? isShared = null)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _perAddress = [];
    private int _all;
    private long _refused;

    /// <summary>What the gate says to a connection.</summary>
    public enum Answer
    {
        /// <summary>Come in.</summary>
        Welcome,

        /// <summary>All places are taken.</summary>
        Full,

        /// <summary>This address has enough.</summary>
        TooManyFromAddress,
    }

    /// <summary>Connections that found no place so far.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Connections now.</summary>
    public int Count => Volatile.Read(ref _all);

    /// <summary>Connections in all that are let in.</summary>
    public int Limit { get; set; } = limit;

    /// <summary>Connections of one address that are let in.</summary>
    public int LimitPerAddress { get; set; } = limitPerAddress;

    /// <summary>Asks for a place; a welcome must be followed by <see cref="Leave"/>.</summary>
    /// <param name="address">The client's address.</param>
    public Answer Enter(IPAddress address)
    {
        var key = NetworkKey(address);
        var mine = isShared?.Invoke(address) ?? false ? Math.Max(LimitPerAddress, Limit / 2) : LimitPerAddress;
        lock (_gate)
        {
            if (_all >= Limit)
                return Refuse(Answer.Full);
            _perAddress.TryGetValue(key, out var count);
            if (count >= mine)
                return Refuse(Answer.TooManyFromAddress);
            _perAddress[key] = count + 1;
            _all++;
            return Answer.Welcome;
        }
    }

    private Answer Refuse(Answer answer)
    {
        Interlocked.Increment(ref _refused);
        return answer;
    }

    /// <summary>Gives a place back.</summary>
    /// <param name="address">The client's address.</param>
    public void Leave(IPAddress address)
    {
        var key = NetworkKey(address);
        lock (_gate)
        {
            _all--;
            if (_perAddress[key] == 1)
                _perAddress.Remove(key);
            else
                _perAddress[key]--;
        }
    }

    /// <summary>The network that counts as one customer: an IPv4 address, or the /64 of an IPv6 address.</summary>
    /// <param name="address">The address.</param>
    public static string NetworkKey(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return address.ToString();
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        return BinaryPrimitives.ReadUInt64BigEndian(octets).ToString("x16", CultureInfo.InvariantCulture);
    }
}
