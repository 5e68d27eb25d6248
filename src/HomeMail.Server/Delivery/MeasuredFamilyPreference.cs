using System.Net;
using System.Net.Sockets;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Delivery;

/// <summary>Where connections would start.</summary>
public interface ISourceAddresses
{
    /// <summary>The address that this machine would send from to reach another; null if there is no way to it.</summary>
    /// <param name="remote">The other address.</param>
    IPAddress? For(IPAddress remote);

    /// <summary>The address that others see when this machine sends over a family, where that is known; null where not.</summary>
    /// <param name="source">The address it sends from.</param>
    IPAddress? SeenAs(IPAddress source);
}

/// <summary>
/// <c>family = auto</c> by measurement: IPv6 has the head start of a race where it is as healthy as IPv4, else the healthier family comes first and the other
/// one when all its addresses have failed. A family that has failed at a host lately comes second there, and one whose port 25 is blocked everywhere.
/// </summary>
/// <param name="health">Measures.</param>
/// <param name="sources">Where connections would start.</param>
/// <param name="blocked">Whether port 25 is believed to be blocked over a family.</param>
/// <param name="memory">Remembers which family has failed at which host; null remembers nothing.</param>
/// <param name="clock">Time.</param>
public sealed class MeasuredFamilyPreference(
    FamilyHealth health, ISourceAddresses sources, Func<AddressFamily, bool> blocked, StateCollection? memory, TimeProvider clock) : IFamilyPreference
{
    // A host that refuses for the address does so for long; one that was only down is asked again next day.
    private static readonly TimeSpan Age = TimeSpan.FromDays(1);

    private const string Since = "t";

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<IReadOnlyList<IPAddress>>> OrderAsync(
        MailHost host, FamilyMode mode, string? senderDomain, IReadOnlyList<IPAddress> addresses, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(addresses);
        if (mode != FamilyMode.Auto)
            return FamilyOrder.Of(mode, addresses);
        var six = addresses.FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetworkV6);
        var four = addresses.FirstOrDefault(static a => a.AddressFamily == AddressFamily.InterNetwork);
        if (six is null || four is null)
            return FamilyOrder.Of(mode, addresses);

        var sixWay = Way(host, six);
        var fourWay = Way(host, four);
        if (sixWay != fourWay)
            return FamilyOrder.Of(sixWay > fourWay ? FamilyMode.PreferIPv6 : FamilyMode.PreferIPv4, addresses);
        if (!await IsHealthyAsync(six, senderDomain, cancel).ConfigureAwait(false))
            return FamilyOrder.Of(FamilyMode.PreferIPv4, addresses);
        return FamilyOrder.Of(await IsHealthyAsync(four, senderDomain, cancel).ConfigureAwait(false) ? FamilyMode.Auto : FamilyMode.PreferIPv6, addresses);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsHealthyAsync(IPAddress address, string? senderDomain, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (sources.For(address) is not { } source)
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                _ = health.None(address.AddressFamily, "there is no way to the internet over IPv6");
            return false;
        }
        // Behind a router that translates, receivers see another address. Where that is not known nothing speaks against IPv4.
        if (sources.SeenAs(source) is not { } seen)
            return address.AddressFamily == AddressFamily.InterNetwork
                || health.None(address.AddressFamily, $"{source} is not an address of the internet").IsHealthy;
        return (await health.MeasureAsync(seen, senderDomain, cancel).ConfigureAwait(false)).IsHealthy;
    }

    /// <inheritdoc/>
    public void Learn(MailHost host, IPAddress address, bool worked)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(address);
        if (memory is null)
            return;
        var key = Key(host, address);
        if (!worked)
            memory.Upsert(key, new BsonDocument { [Since] = clock.GetUtcNow().UtcDateTime }, clock.GetUtcNow() + Age);
        else if (memory.Find(key) is not null)
            memory.Remove(key);
    }

    private enum Standing
    {
        NoWay,
        Blocked,
        HasFailed,
        Fine,
    }

    private Standing Way(MailHost host, IPAddress address) =>
        sources.For(address) is null ? Standing.NoWay
        : blocked(address.AddressFamily) ? Standing.Blocked
        : memory?.Find(Key(host, address)) is not null ? Standing.HasFailed
        : Standing.Fine;

    private static string Key(MailHost host, IPAddress address) => $"{(address.AddressFamily == AddressFamily.InterNetworkV6 ? '6' : '4')} {host.Name.ToLowerInvariant()}";
}
