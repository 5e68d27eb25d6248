using System.Collections.Concurrent;
using System.Net;

namespace HomeMail.Server.Net;

/// <summary>
/// The identifiers of the sessions that this process serves now. Each stands in its greeting, so that our own client sees when it talks to itself; it uses
/// that to stop loops, and for nothing else. The doctor asks where a session that it has opened itself came from, to see what the router makes of an address.
/// </summary>
public sealed class LiveSessions
{
    private readonly ConcurrentDictionary<string, IPAddress> _ids = new(StringComparer.Ordinal);

    /// <summary>A session has begun.</summary>
    /// <param name="id">Its identifier.</param>
    /// <param name="client">The client's address.</param>
    public void Add(string id, IPAddress client) => _ids.TryAdd(id, client);

    /// <summary>A session has ended.</summary>
    /// <param name="id">Its identifier.</param>
    public void Remove(string id) => _ids.TryRemove(id, out _);

    /// <summary>The address that the client of a session has, as it is seen here; null if there is no such session.</summary>
    /// <param name="id">Its identifier.</param>
    public IPAddress? ClientOf(string id) => _ids.GetValueOrDefault(id);

    /// <summary>Whether a greeting is that of a session of this process: its last word is the identifier of one.</summary>
    /// <param name="greeting">The text of the greeting.</param>
    public bool IsGreeting(string greeting)
    {
        ArgumentNullException.ThrowIfNull(greeting);
        return _ids.ContainsKey(greeting[(greeting.LastIndexOf(' ') + 1)..]);
    }
}
