using System.Globalization;
using System.Net;
using HomeMail.Server.Policy;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Learning;

/// <summary>How much may come in, in a day; null for no limit.</summary>
/// <param name="AddressMessages">Messages from one address.</param>
/// <param name="AddressOctets">Octets from one address.</param>
/// <param name="NetworkMessages">Messages from one network (/24, /64).</param>
/// <param name="NetworkOctets">Octets from one network.</param>
public sealed record InboundRates(int? AddressMessages, long? AddressOctets, int? NetworkMessages, long? NetworkOctets);

/// <summary>
/// Counts what comes in from each address and network. The day begins with the first message of it. Kept in the state, so that a restart forgives nothing; bounded and
/// aged there. An inner or masked address is everybody's and has no such limits.
/// </summary>
/// <param name="memory">Where it is kept.</param>
/// <param name="rates">The limits, asked for anew each time.</param>
/// <param name="clock">Time.</param>
public sealed class InboundLimits(StateCollection memory, Func<InboundRates> rates, TimeProvider clock)
{
    private const string Messages = "n";
    private const string Octets = "b";
    private const string Begin = "s";

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly Lock _gate = new();

    /// <summary>The limit that another message would go over, or null.</summary>
    /// <param name="client">The client's address.</param>
    /// <param name="octets">The size of the message as far as it is known.</param>
    public LimitReached? Check(IPAddress client, long octets)
    {
        ArgumentNullException.ThrowIfNull(client);
        var limits = rates();
        return Check(client.ToString(), limits.AddressMessages, limits.AddressOctets, octets)
            ?? Check(NetworkName.Near(client), limits.NetworkMessages, limits.NetworkOctets, octets);
    }

    /// <summary>A message was taken or kept.</summary>
    /// <param name="client">The client's address.</param>
    /// <param name="octets">Its size.</param>
    public void Count(IPAddress client, long octets)
    {
        ArgumentNullException.ThrowIfNull(client);
        lock (_gate)
        {
            foreach (var key in (string[])[client.ToString(), NetworkName.Near(client)])
            {
                var (messages, bytes, begin) = Read(key);
                memory.Upsert(
                    key, new BsonDocument { [Messages] = messages + 1, [Octets] = bytes + octets, [Begin] = begin.ToUnixTimeMilliseconds() }, begin + Day);
            }
        }
    }

    private LimitReached? Check(string key, int? mostMessages, long? mostOctets, long octets)
    {
        if (mostMessages is null && mostOctets is null)
            return null;
        var (messages, bytes, begin) = Read(key);
        if (messages + 1 > mostMessages)
            return new LimitReached(string.Create(CultureInfo.InvariantCulture, $"{mostMessages} messages a day from {key}"), begin + Day);
        // One message alone is under the size limit; the day's octets are about many.
        return bytes > 0 && bytes + octets > mostOctets
            ? new LimitReached(string.Create(CultureInfo.InvariantCulture, $"{mostOctets / (1024 * 1024)} MB a day from {key}"), begin + Day) : null;
    }

    private (int Messages, long Octets, DateTimeOffset Begin) Read(string key)
    {
        var now = clock.GetUtcNow();
        if (memory.Find(key) is not { } seen)
            return (0, 0, now);
        var begin = DateTimeOffset.FromUnixTimeMilliseconds(seen[Begin].AsInt64);
        return begin > now || now - begin >= Day ? (0, 0, now) : (seen[Messages].AsInt32, seen[Octets].AsInt64, begin);
    }
}
