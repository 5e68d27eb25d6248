using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Server.Intake;

namespace HomeMail.Server.House;

/// <summary>Which device a client of the <c>lan</c> endpoint is.</summary>
/// <param name="Device">The device, or null for none.</param>
/// <param name="Why">Why it is none, for the log; else null.</param>
public readonly record struct DeviceAnswer(HostedDevice? Device, string? Why);

/// <summary>
/// Knows devices by where they are: their address, and where the neighbour table has it their hardware address. An address that can be anybody's is no
/// device's, whatever the configuration says: the gateway's, a public or masked one, a relay's, and one from which mail of strangers has come.
/// </summary>
/// <param name="devices">The devices that are declared now.</param>
/// <param name="isShared">Whether an address stands for many: a gateway, a mask, a relay.</param>
/// <param name="isSuspect">Whether mail of strangers has come from an address.</param>
/// <param name="gateways">The default gateways now.</param>
/// <param name="hardwareOf">The hardware address of a neighbour, or null.</param>
public sealed class LanDevices(
    Func<IReadOnlyList<HostedDevice>> devices, Func<IPAddress, bool> isShared, Func<IPAddress, bool> isSuspect, Func<IReadOnlyList<IPAddress>> gateways,
    Func<IPAddress, PhysicalAddress?> hardwareOf)
{
    /// <summary>Which device has an address.</summary>
    /// <param name="client">The client's address.</param>
    public DeviceAnswer At(IPAddress client)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (client.IsIPv4MappedToIPv6)
            client = client.MapToIPv4();
        var plain = client.IsIPv6LinkLocal ? new IPAddress(client.GetAddressBytes()) : client;
        if (PublicPicture.IsPublic(plain))
            return No("a public address is no device's");
        if (isShared(plain))
            return No("it is the gateway's, a relay's, or stands for strangers");
        if (isSuspect(plain))
            return No("mail of strangers has come from there");
        var declared = devices();
        var hardware = hardwareOf(client);
        // The router has other addresses than the one that routes name.
        if (hardware is not null && gateways().Any(gateway => hardware.Equals(hardwareOf(gateway))))
            return No("it is another address of the gateway");
        foreach (var device in declared)
        {
            if (device.Addresses.Count > 0 && !device.Addresses.Contains(plain))
                continue;
            if (device.Addresses.Count == 0 && device.Hardware is null)
                continue;
            if (device.Hardware is null || device.Hardware.Equals(hardware))
                return new DeviceAnswer(device, null);
            if (device.Addresses.Count > 0)
                return No(hardware is null
                    ? $"[device:{device.Name}] has a mac, and no hardware address is known here for its address"
                    : $"[device:{device.Name}] has another mac than {Text(hardware)}");
        }
        return No(hardware is null ? "no [device] has this address" : $"no [device] has this address or the mac {Text(hardware)}");
    }

    private static DeviceAnswer No(string why) => new(null, why);

    private static string Text(PhysicalAddress hardware) => string.Join(':', hardware.GetAddressBytes().Select(static octet => octet.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
}
