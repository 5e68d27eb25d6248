namespace HomeMail.Server.Delivery;

/// <summary>
/// The way to a domain hosted here that cannot be reached from here: a session of this process's own port 25. Delivery knows no sessions, and whoever makes
/// them no delivery.
/// </summary>
public interface ILocalRoute
{
    /// <summary>Opens a connection to a session within this process.</summary>
    /// <param name="domain">The domain that mail is for.</param>
    /// <returns>The client's end; null if the domain is not hosted here, or nothing is served now.</returns>
    Stream? Open(string domain);
}
