namespace HomeMail.Server.Delivery;

/// <summary>What an attempt has shown about the destination, apart from the message.</summary>
public enum Reach
{
    /// <summary>A host was willing to take mail: others may try at once.</summary>
    Reached,

    /// <summary>No host could be used: others had better wait.</summary>
    Unreachable,

    /// <summary>Nothing was learned: the message did not even come to a connection.</summary>
    Untried,
}

/// <summary>A place among the messages that are being sent; taken once a host has greeted, so that dead hosts do not take places from live ones.</summary>
/// <param name="cancel">Gives up the wait.</param>
/// <returns>The place; given back by disposing.</returns>
public delegate ValueTask<IDisposable> TakePlace(CancellationToken cancel);

/// <summary>An attempt to deliver a message to recipients at one destination. The queue knows nothing else of the network.</summary>
public interface IRemoteDelivery
{
    /// <summary>Makes an attempt. Afterwards every recipient has a result.</summary>
    /// <param name="mail">The message; takes the results.</param>
    /// <param name="destination">Where to.</param>
    /// <param name="place">Asks for a place among the messages that are being sent.</param>
    /// <param name="cancel">Gives up, at shutdown.</param>
    /// <returns>What was learned about the destination.</returns>
    /// <exception cref="OperationCanceledException">Given up; recipients without a result are as before.</exception>
    /// <exception cref="IOException">The message file cannot be read.</exception>
    Task<Reach> DeliverAsync(MailTransaction mail, Destination destination, TakePlace place, CancellationToken cancel);
}
