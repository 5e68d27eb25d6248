using System.Net.Sockets;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Says whether DANE (RFC 7672) protects what is sent, and why not: it needs a resolver that validates, and whose word can be believed.</summary>
internal static class DanePart
{
    // Names that have been signed for many years; one that is vouched for is enough.
    private static readonly string[] Signed = ["ietf.org", "iana.org", "nlnetlabs.nl"];

    private const string Local = "run a validating resolver on this machine (unbound, or dnsmasq with dnssec) and set [server] resolver = 127.0.0.1:53";

    /// <summary>Looks at the resolvers that the server asks.</summary>
    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel) =>
        [await LookAsync(scene.NameServers, scene.Settings.Server.ResolverTrusted, await scene.ResolverAsync(), cancel)];

    /// <summary>Looks at resolvers.</summary>
    /// <param name="servers">The resolvers.</param>
    /// <param name="configured">What the configuration says of them, or null.</param>
    /// <param name="resolver">Asks them.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<DoctorFinding> LookAsync(NameServerSettings servers, bool? configured, IMailResolver resolver, CancellationToken cancel)
    {
        const string Subject = "dane";
        var names = string.Join(", ", servers.Servers);
        if (configured == false)
            return DoctorFinding.Ok(Subject, "DANE is off, as [server] resolver-trusted = off says");
        if (!servers.Servers.Any(s => s.Trusted))
        {
            return DoctorFinding.Attention(
                Subject, "not-believed", $"DANE is off: the resolver ({names}) is not on this machine, so its word on DNSSEC cannot be believed",
                $"{Local}; or, if it validates and nobody can stand between, set [server] resolver-trusted = on");
        }
        var answered = false;
        string? trouble = null;
        foreach (var name in Signed)
        {
            var answer = await resolver.AddressesAsync(name, AddressFamily.InterNetwork, cancel);
            if (answer is { Status: DnsStatus.Found, Authenticated: true })
            {
                return servers.Servers.All(s => s.Trusted) ? DoctorFinding.Ok(Subject, $"DANE is on: the resolver ({names}) validates, and {name} is vouched for")
                    : DoctorFinding.Attention(Subject, "half", $"DANE is on only while the right one of the resolvers ({names}) answers", "name none but resolvers on this machine");
            }
            answered |= answer.Status == DnsStatus.Found;
            trouble ??= answer.Detail;
        }
        return answered
            ? DoctorFinding.Attention(Subject, "not-validated", $"DANE is off: the resolver ({names}) answers, and does not validate", $"turn DNSSEC validation on in it, or {Local}")
            : DoctorFinding.Unknown(Subject, $"whether DANE is on could not be found out: the resolver ({names}) does not find {string.Join(", ", Signed)} ({trouble ?? "no such names"})", "see whether DNS works at all");
    }
}
