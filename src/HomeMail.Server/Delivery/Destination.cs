namespace HomeMail.Server.Delivery;

/// <summary>
/// Where some recipients of a message go together: they share a route, the hosts to try, and a place in the queue.
/// </summary>
/// <param name="Key">Names it in this process: equal keys are one destination. It shows in logs and queue lists.</param>
/// <param name="Domain">The recipients' domain in lower case; empty where one smarthost takes every domain.</param>
/// <param name="Route">The route.</param>
public sealed record Destination(string Key, string Domain, Route Route)
{
    /// <inheritdoc/>
    public override string ToString() => Key;
}
