using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the MX records of the hosted domains lead to this host (RFC 5321 5.1).</summary>
internal static class MxPart
{
    /// <summary>What is judged.</summary>
    /// <param name="Domain">The domain.</param>
    /// <param name="Hostname">Our name.</param>
    /// <param name="Published">Its MX records.</param>
    /// <param name="HasRelay">Whether mail may come in through a host in front of the house.</param>
    internal sealed record Facts(string Domain, string Hostname, DnsAnswer<MxRecord> Published, bool HasRelay);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var resolver = await scene.ResolverAsync();
        return await Task.WhenAll(scene.Settings.Domains.Keys.Select(async domain =>
            Judge(new Facts(domain, scene.Settings.Server.Hostname, await resolver.MxAsync(domain, cancel), scene.Settings.Relays.Count > 0))));
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (domain, hostname, published, hasRelay) = facts;
        var subject = $"mx:{domain}";
        var mend = $"publish {domain} MX 10 {hostname}";
        switch (published.Status)
        {
            case DnsStatus.TemporaryFailure:
                return DoctorFinding.Unknown(subject, $"the MX record of {domain} cannot be looked up: {published.Detail}", "see 'resolver'");
            case DnsStatus.NoSuchDomain:
                return DoctorFinding.Trouble(subject, "no-domain", $"{domain} does not exist in DNS", $"register it, or correct [domain:{domain}]");
            case DnsStatus.NoData:
                // RFC 5321 5.1: then its addresses are tried.
                return DnsName.Same(domain, hostname) ? DoctorFinding.Ok(subject, "no MX record; mail goes to the name itself, which is this host")
                    : DoctorFinding.Trouble(subject, "missing", $"{domain} has no MX record, so its mail does not come here", mend);
        }
        var records = published.Records.OrderBy(static r => r.Preference).ToList();
        var ours = records.FindIndex(r => DnsName.Same(r.Exchange, hostname));
        var there = string.Join(", ", records.Select(static r => r.Exchange.Length == 0 ? "." : r.Exchange));
        if (ours < 0)
        {
            return hasRelay && records[0].Exchange.Length > 0
                ? DoctorFinding.Ok(subject, $"mail goes to {there}, and a [relay] is declared")
                : DoctorFinding.Trouble(subject, "elsewhere", records[0].Exchange.Length == 0 ? $"{domain} says that it takes no mail (null MX)" : $"mail of {domain} goes to {there}, not to {hostname}", mend);
        }
        return records[0].Preference == records[ours].Preference || hasRelay
            ? DoctorFinding.Ok(subject, $"mail goes to {there}")
            : DoctorFinding.Attention(subject, "second", $"mail of {domain} goes to {records[0].Exchange} first, and here only if that fails", $"give {hostname} the lowest preference, or declare that host as [relay:NAME]");
    }
}
