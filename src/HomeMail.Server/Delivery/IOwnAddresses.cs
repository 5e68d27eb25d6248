using System.Net;

namespace HomeMail.Server.Delivery;

/// <summary>In which way an address is one of this house.</summary>
public enum OwnAddress
{
    /// <summary>It is not.</summary>
    No,

    /// <summary>An interface of this machine has it: a host there is this server.</summary>
    Interface,

    /// <summary>The router or the public side has it, or had it: it may be another house's by now.</summary>
    Public,
}

/// <summary>What is known of the addresses of this machine and its house. The set changes while the program runs.</summary>
public interface IOwnAddresses
{
    /// <summary>Says in which way an address is ours.</summary>
    /// <param name="address">The address; IPv4 as such, not mapped.</param>
    OwnAddress Is(IPAddress address);
}
