using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether each address that we send from has a name in DNS, and one that leads back to it.</summary>
internal static class PtrPart
{
    /// <summary>What is judged.</summary>
    /// <param name="Address">The address.</param>
    /// <param name="Hostname">Our name.</param>
    /// <param name="Names">What DNS says.</param>
    /// <param name="Confirmed">The name that leads back, or null.</param>
    /// <param name="SendsItself">Whether mail leaves from this address, and not only through a smarthost.</param>
    internal sealed record Facts(IPAddress Address, string Hostname, DnsAnswer<string> Names, string? Confirmed, bool SendsItself);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var resolver = await scene.ResolverAsync();
        var addresses = (await scene.PlaceAsync()).Picture.Addresses;
        if (addresses.Count == 0)
            return [DoctorFinding.Unknown("ptr", "not looked at, since no public address is known", "see 'addresses'")];
        return await Task.WhenAll(addresses.Select(async address => Judge(new Facts(
            address, scene.Settings.Server.Hostname, await resolver.PtrAsync(address, cancel), (await ReverseName.CheckAsync(resolver, address, cancel)).Name, scene.SendsItself))));
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (address, hostname, names, confirmed, sendsItself) = facts;
        var isSix = address.AddressFamily == AddressFamily.InterNetworkV6;
        var subject = isSix ? "ptr:IPv6" : "ptr:IPv4";
        if (names.Status == DnsStatus.TemporaryFailure)
            return DoctorFinding.Unknown(subject, $"the name of {address} cannot be looked up: {names.Detail}", "see 'resolver'");
        if (names.Records.FirstOrDefault(name => DnsName.Same(name, hostname)) is not null && confirmed is not null)
            return DoctorFinding.Ok(subject, $"{address} is {hostname}");
        if (confirmed is not null)
            return DoctorFinding.Ok(subject, $"{address} is {confirmed}, which leads back to it; {hostname} would be the best name");
        if (!sendsItself)
            return DoctorFinding.Ok(subject, $"{address} has no name that leads back to it; mail goes out by a smarthost, so that does not matter");
        var there = names.Status == DnsStatus.Found ? string.Join(", ", names.Records) : null;
        var mend = $"ask whoever gives you the address for the name {hostname} (PTR); "
            + (isSix ? "until then mail goes by IPv4 first; set family = ipv4-only in [route:*] if IPv6 mail is refused" : "if they do not give one, send by a smarthost");
        return there is null
            ? DoctorFinding.Trouble(subject, "missing", $"{address} has no name in DNS (PTR), and many receivers refuse mail from such", mend)
            : DoctorFinding.Trouble(subject, "not-back", $"the name of {address} in DNS is {there}, which does not lead back to {address}", mend);
    }
}
