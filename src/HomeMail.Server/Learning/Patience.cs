using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Learning;

/// <summary>Since when a sender has been asked to come again for trouble that is not its fault. Once that has been long, waiting more mends nothing.</summary>
/// <param name="memory">Where it is kept.</param>
/// <param name="clock">Time.</param>
public sealed class Patience(StateCollection memory, TimeProvider clock)
{
    private const string First = "f";

    private static readonly TimeSpan Age = TimeSpan.FromDays(2);

    /// <summary>How long is long.</summary>
    public static TimeSpan Long { get; } = TimeSpan.FromHours(4);

    /// <summary>Remembers the trouble, and says whether it has lasted long.</summary>
    /// <param name="sender">By what the sender is known.</param>
    public bool IsOver(string sender)
    {
        var now = clock.GetUtcNow();
        if (memory.Find(sender) is { } seen)
            return now - DateTimeOffset.FromUnixTimeMilliseconds(seen[First].AsInt64) >= Long;
        memory.Upsert(sender, new BsonDocument { [First] = now.ToUnixTimeMilliseconds() }, now + Age);
        return false;
    }
}
