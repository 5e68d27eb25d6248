using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Server.Intake;

/// <summary>Whom a device may write to.</summary>
public enum DeviceReach
{
    /// <summary>Listed addresses.</summary>
    Listed,

    /// <summary>Whoever is hosted here, of its tenant.</summary>
    House,

    /// <summary>Anybody.</summary>
    Anybody,
}

/// <summary>A host of the house that can do neither TLS nor, mostly, AUTH: <c>[device:NAME]</c>. It is known by where it is.</summary>
/// <param name="Name">Its name.</param>
/// <param name="From">What it sends as, whatever it says.</param>
public sealed record HostedDevice(string Name, Address From)
{
    /// <summary>Its addresses; none if it is known by its hardware address alone.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>Its hardware address, or null. With <see cref="Addresses"/> both must be right.</summary>
    public PhysicalAddress? Hardware { get; init; }

    /// <summary>The keys of the password it has to give, or null for none.</summary>
    public ScramCredential? Credential { get; init; }

    /// <summary>Whom it may write to.</summary>
    public DeviceReach Reach { get; init; } = DeviceReach.House;

    /// <summary>The addresses for <see cref="DeviceReach.Listed"/>.</summary>
    public IReadOnlyList<Address> Recipients { get; init; } = [];

    /// <summary>Messages it may send a day, or null for no limit.</summary>
    public int? PerDay { get; init; }

    /// <summary>Its place among the counters of what accounts send; no account's name has a space.</summary>
    public HostedAccount Limited => new("device " + Name, [From], null) { SendsPerDay = PerDay };

    /// <summary>Whether it may write to an address.</summary>
    /// <param name="recipient">The address.</param>
    /// <param name="names">Who is hosted here.</param>
    public bool MayWriteTo(Address recipient, HostedNames names)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        ArgumentNullException.ThrowIfNull(names);
        return Reach switch
        {
            DeviceReach.Anybody => true,
            DeviceReach.Listed => Recipients.Any(listed => listed.Key == recipient.Key),
            _ => names.IsHost(recipient.Domain)
                || (names.Domain(recipient.Domain)?.Tenant is { } tenant && names.Domain(From.Domain) is { } own && own.Tenant.Equals(tenant, StringComparison.OrdinalIgnoreCase)),
        };
    }
}
