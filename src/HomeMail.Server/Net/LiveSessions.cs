using System.Collections.Concurrent;

namespace HomeMail.Server.Net;

/// <summary>
/// The identifiers of the sessions that this process serves now. Each stands in its greeting, so that our own client sees when it talks to itself; it uses
/// that to stop loops, and for nothing else.
/// </summary>
public sealed class LiveSessions
{
    private readonly ConcurrentDictionary<string, byte> _ids = new(StringComparer.Ordinal);

    /// <summary>A session has begun.</summary>
    /// <param name="id">Its identifier.</param>
    public void Add(string id) => _ids.TryAdd(id, 0);

    /// <summary>A session has ended.</summary>
    /// <param name="id">Its identifier.</param>
    public void Remove(string id) => _ids.TryRemove(id, out _);

    /// <summary>Whether a greeting is that of a session of this process: its last word is the identifier of one.</summary>
    /// <param name="greeting">The text of the greeting.</param>
    public bool IsGreeting(string greeting)
    {
        ArgumentNullException.ThrowIfNull(greeting);
        return _ids.ContainsKey(greeting[(greeting.LastIndexOf(' ') + 1)..]);
    }
}
