using System.Collections.Concurrent;
using System.Net;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.House;

/// <summary>
/// The public addresses that this house had lately. A host there may be another house by now, or ourselves to somebody whose DNS is old: reason enough to wait
/// with mail for it, and none to give it up.
/// </summary>
/// <param name="memory">Remembers them over a restart.</param>
/// <param name="clock">Time.</param>
public sealed class FormerAddresses(StateCollection memory, TimeProvider clock)
{
    private static readonly TimeSpan Age = TimeSpan.FromDays(14);

    private readonly ConcurrentDictionary<IPAddress, byte> _seen = [];

    /// <summary>Takes note of what the addresses are now: from now on they are ours, or were.</summary>
    /// <param name="picture">What is known.</param>
    public void Note(PublicPicture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        foreach (var address in picture.Addresses)
        {
            _seen[address] = 0;
            memory.Upsert(address.ToString(), [], clock.GetUtcNow() + Age);
        }
    }

    /// <summary>Whether this house has or had an address.</summary>
    /// <param name="address">The address.</param>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return _seen.ContainsKey(address) || memory.Find(address.ToString()) is not null;
    }
}
