using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the name of this host is one that others can use.</summary>
internal static class HostnamePart
{
    private const string Subject = "hostname";

    /// <summary>What is judged.</summary>
    /// <param name="Name">The name.</param>
    /// <param name="Four">Its A records.</param>
    /// <param name="Six">Its AAAA records.</param>
    internal sealed record Facts(string Name, DnsAnswer<IPAddress> Four, DnsAnswer<IPAddress> Six);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var resolver = await scene.ResolverAsync();
        var name = scene.Settings.Server.Hostname;
        var six = resolver.AddressesAsync(name, AddressFamily.InterNetworkV6, cancel).AsTask();
        return [Judge(new Facts(name, await resolver.AddressesAsync(name, AddressFamily.InterNetwork, cancel), await six))];
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (name, four, six) = facts;
        if (four.Status != DnsStatus.Found && six.Status != DnsStatus.Found)
        {
            if (four.Status == DnsStatus.TemporaryFailure || six.Status == DnsStatus.TemporaryFailure)
                return DoctorFinding.Unknown(Subject, $"{name} cannot be looked up: {four.Detail ?? six.Detail}", "see 'resolver'");
            return DoctorFinding.Trouble(
                Subject, "missing", four.Status == DnsStatus.NoSuchDomain ? $"the name {name} does not exist in DNS" : $"the name {name} has no address in DNS",
                "publish the records that `homemail dns` shows, or set [server] hostname to the name that there is");
        }
        // RFC 5321 2.3.5, RFC 2181 10.3: the name in an MX record and in EHLO is no alias.
        var canonical = four.Status == DnsStatus.Found ? four.CanonicalName : six.CanonicalName;
        return DnsName.Same(canonical, name)
            ? DoctorFinding.Ok(Subject, $"{name} is in DNS")
            : DoctorFinding.Attention(Subject, "alias", $"{name} is an alias (CNAME) of {canonical}, and some hosts send nothing to an alias", "give it A and AAAA records of its own");
    }
}
