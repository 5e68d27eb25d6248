using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the DNS resolvers answer, and what they can do.</summary>
internal static class ResolverPart
{
    private const string Subject = "resolver";

    private const string Own = "set [server] resolver to one that does, such as an unbound on this machine";

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel) => Judge(await scene.ResolversAsync());

    public static IReadOnlyList<DoctorFinding> Judge(IReadOnlyList<ProbedResolver> resolvers)
    {
        if (resolvers.All(static r => r.Fault is not null))
        {
            return
            [
                DoctorFinding.Trouble(
                    Subject, "dead", $"no resolver answers, so no mail can be sent, and most checks fail: {string.Join(", ", resolvers.Select(static r => $"{r.Server} ({r.Fault})"))}",
                    "see whether the network is up, and whether [server] resolver or /etc/resolv.conf names the right address"),
            ];
        }
        return [.. resolvers.Select(Judge)];
    }

    private static DoctorFinding Judge(ProbedResolver resolver)
    {
        var name = resolver.Server.ToString();
        if (resolver.Fault is { } fault)
            return DoctorFinding.Attention(Subject, "one-dead", $"{name} does not answer ({fault}); another one does", "take it out of [server] resolver or /etc/resolv.conf");
        if (resolver.Code is not (DnsResponseCode.NoError or DnsResponseCode.NameError))
            return DoctorFinding.Attention(Subject, "no-root", $"{name} answers, and does not find the root of DNS ({resolver.Code}): it may not reach the internet, or filter", $"look at its own log; or {Own}");
        if (!resolver.SpeaksTcp)
            return DoctorFinding.Attention(Subject, "no-tcp", $"{name} does not answer over TCP, so long answers, as of DKIM keys, are lost", $"let TCP port 53 through to it; or {Own}");
        if (!resolver.SpeaksEdns)
            return DoctorFinding.Attention(Subject, "no-edns", $"{name} does not know EDNS, so each long answer needs a second question", Own);
        return DoctorFinding.Ok(Subject, $"{name} answers; EDNS and TCP work; it {(resolver.Validates ? "validates" : "does not validate")} (DNSSEC)");
    }
}
