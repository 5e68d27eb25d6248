using System.Net;
using System.Net.Sockets;

namespace HomeMail.Server.House;

/// <summary>Whom SPF is to be asked about in the place of a client.</summary>
/// <param name="Address">The address, or null where it is not to be asked at all: then the result is <c>none</c>.</param>
/// <param name="Note">Both addresses and the rule, or what was missing; null where the client is asked about as it is.</param>
public readonly record struct SpfSubject(IPAddress? Address, string? Note);

/// <summary>A rule of <c>[spf-rewrite]</c>.</summary>
/// <param name="Network">The clients it is for.</param>
/// <param name="Address">The address to check with; null is <c>auto</c>, our public one.</param>
public sealed record RewriteRule(IPNetwork Network, IPAddress? Address);

/// <summary>A host that stands between the internet and us, or another mail server of the house: <c>[relay:NAME]</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Addresses">Its addresses.</param>
/// <param name="SpeaksProxy">Whether it conveys the client's address by the PROXY protocol.</param>
/// <param name="MaySend">The hosted domains it may send for.</param>
public sealed record DeclaredRelay(string Name, IReadOnlyList<IPAddress> Addresses, bool SpeaksProxy, IReadOnlyList<string> MaySend);

/// <summary>
/// The four steps that decide how SPF is checked for a hosted domain: a message that we know as ours, by our public address; a declared relay that may send
/// for the domain, by its; an address that is the house's, the router's or a mask, not at all; anybody else plainly. A rule never helps a foreign domain.
/// </summary>
/// <param name="own">In which way an address is ours.</param>
/// <param name="isMasked">Whether an address stands for strangers: the gateway's, or one that has been seen to.</param>
/// <param name="publicAddress">Our public address of a family, as far as it is known.</param>
public sealed class SpfSubjects(Func<IPAddress, Delivery.OwnAddress> own, Func<IPAddress, bool> isMasked, Func<AddressFamily, IPAddress?> publicAddress)
{
    /// <summary>Of a house that knows nothing of itself.</summary>
    public static SpfSubjects Unaware { get; } = new(static _ => Delivery.OwnAddress.No, static _ => false, static _ => null);

    /// <summary>The rules, the longest prefix first.</summary>
    public Func<IReadOnlyList<RewriteRule>> Rules { get; init; } = static () => [];

    /// <summary>The relays.</summary>
    public Func<IReadOnlyList<DeclaredRelay>> Relays { get; init; } = static () => [];

    /// <summary>Whether what an address says is worth nothing, since it may be anybody's: it is masked, or a relay's that does not tell whom it speaks for.</summary>
    /// <param name="client">The client's address.</param>
    public bool IsUnknown(IPAddress client) => isMasked(client) || RelayAt(client) is not null;

    /// <summary>Decides.</summary>
    /// <param name="client">The client's address; IPv4 never as mapped IPv6.</param>
    /// <param name="domain">The domain that is checked, of MAIL FROM or HELO.</param>
    /// <param name="isHosted">Whether it is hosted here.</param>
    /// <param name="isOurs">Whether the message was recognised as one that we are sending.</param>
    public SpfSubject Judge(IPAddress client, string domain, bool isHosted, bool isOurs)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (!isHosted)
            return IsUnknown(client) ? new SpfSubject(null, $"the address of whoever sends through {client} is not known") : new SpfSubject(client, null);
        if (isOurs)
            return Substitute(client, "a message of this server that has come back");
        if (RelayAt(client) is { } relay && relay.MaySend.Contains(domain, StringComparer.OrdinalIgnoreCase))
            return Substitute(client, $"relay {relay.Name} may send for {domain}");
        var kind = own(client);
        if (isMasked(client))
            return new SpfSubject(null, $"{client} is a router that stands for anybody, and the message is none that this server is sending");
        if (kind != Delivery.OwnAddress.No)
            return new SpfSubject(null, $"{client} is an address of this house, and the message is none that this server is sending");
        if (Delivery.SpecialPurpose.Is(client))
            return new SpfSubject(null, $"{client} is an inner address and no [relay] that may send for {domain}");
        return new SpfSubject(client, null);
    }

    private SpfSubject Substitute(IPAddress client, string why)
    {
        foreach (var rule in Rules())
            if (rule.Network.Contains(client))
                return rule.Address is { } given
                    ? new SpfSubject(given, $"client {client} checked as {given}: {why}; rule {rule.Network} = {given}")
                    : Public(client, $"{why}; rule {rule.Network} = auto");
        return Public(client, why);
    }

    private SpfSubject Public(IPAddress client, string why)
    {
        // A global address needs no other: with IPv6 our own comes back as it went out.
        var address = PublicPicture.IsPublic(client) ? client : publicAddress(client.AddressFamily);
        if (address is null)
            return new SpfSubject(null, $"client {client}: {why}, but our public {(client.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6")} address is not known");
        return new SpfSubject(address, address.Equals(client) ? why : $"client {client} checked as {address}: {why}");
    }

    private DeclaredRelay? RelayAt(IPAddress client)
    {
        foreach (var relay in Relays())
            if (relay.Addresses.Contains(client))
                return relay;
        return null;
    }
}
