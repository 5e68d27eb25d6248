using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether SPF (RFC 7208) of each hosted domain, and of our name, lets each of our addresses send.</summary>
internal static class SpfPart
{
    /// <summary>What is judged.</summary>
    /// <param name="Domain">The domain.</param>
    /// <param name="Records">Its SPF records, or why they are not known.</param>
    /// <param name="Results">What a check with each of our addresses gives.</param>
    /// <param name="Hostname">Our name.</param>
    /// <param name="SendsItself">Whether mail leaves from our addresses, and not only through a smarthost.</param>
    internal sealed record Facts(
        string Domain, DnsAnswer<string> Records, IReadOnlyList<(IPAddress Address, SpfOutcome Outcome)> Results, string Hostname, bool SendsItself);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var resolver = await scene.ResolverAsync();
        var addresses = (await scene.PlaceAsync()).Picture.Addresses;
        var hostname = scene.Settings.Server.Hostname;
        var checker = new SpfChecker(resolver, scene.Clock);
        var names = scene.Settings.Domains.Keys.Append(hostname).Distinct(StringComparer.OrdinalIgnoreCase);
        var findings = await Task.WhenAll(names.Select(async name =>
        {
            var answer = await resolver.TxtAsync(name, cancel);
            var records = answer with { Records = [.. answer.Records.Where(IsSpf)] };
            var results = new List<(IPAddress, SpfOutcome)>();
            foreach (var address in addresses)
                results.Add((address, await checker.CheckAsync(SpfRequest.ForMailFrom(address, "postmaster", name, hostname), cancel)));
            return Judge(new Facts(name, records, results, hostname, scene.SendsItself));
        }));
        return [.. findings.SelectMany(static f => f)];
    }

    public static IReadOnlyList<DoctorFinding> Judge(Facts facts)
    {
        var (domain, records, results, hostname, sendsItself) = facts;
        var subject = $"spf:{domain}";
        var isHost = domain.Equals(hostname, StringComparison.OrdinalIgnoreCase);
        var wanted = isHost ? "v=spf1 a -all" : sendsItself ? $"v=spf1 a:{hostname} -all" : $"v=spf1 a:{hostname} ~all with the include: of your smarthost's provider";
        if (records.Status == DnsStatus.TemporaryFailure)
            return [DoctorFinding.Unknown(subject, $"the SPF record of {domain} cannot be looked up: {records.Detail}", "see 'resolver'")];
        if (records.Records.Count > 1)
            return [DoctorFinding.Trouble(subject, "several", $"{domain} has {records.Records.Count} SPF records, which is an error: receivers heed none", "make one of them")];
        if (records.Records.Count == 0)
        {
            return isHost
                ? [DoctorFinding.Attention(subject, "missing", $"{domain} has no SPF record, which bounces are judged by", $"publish {domain} TXT \"{wanted}\"")]
                : [DoctorFinding.Trouble(subject, "missing", $"{domain} has no SPF record, and large receivers take no mail without", $"publish {domain} TXT \"{wanted}\"")];
        }
        if (!sendsItself && !isHost)
            return [DoctorFinding.Ok(subject, $"there is a record ({records.Records[0]}); mail goes out by a smarthost, whose addresses it has to name")];
        if (results.Count == 0)
            return [DoctorFinding.Unknown(subject, "there is a record; no public address is known to compare it with", "see 'addresses'")];
        var bad = results.Where(static r => r.Outcome.Result != SpfResult.Pass).ToList();
        return bad.Count == 0 ? [DoctorFinding.Ok(subject, $"covers {string.Join(" and ", results.Select(static r => r.Address))}")]
            : [.. bad.Select(r => Uncovered(subject, domain, records.Records[0], wanted, r.Address, r.Outcome))];
    }

    private static DoctorFinding Uncovered(string subject, string domain, string record, string wanted, IPAddress address, SpfOutcome outcome) => outcome.Result switch
    {
        SpfResult.PermError => DoctorFinding.Trouble(subject, "error", $"the SPF record of {domain} is in error: {outcome.Problem}", $"correct it; {wanted} is enough for this house"),
        SpfResult.TempError => DoctorFinding.Unknown(subject, $"the SPF record of {domain} cannot be evaluated just now: {outcome.Problem}", "see 'resolver'"),
        _ => DoctorFinding.Trouble(
            subject, address.AddressFamily == AddressFamily.InterNetworkV6 ? "not-ipv6" : "not-ipv4",
            $"the SPF record of {domain} ({record}) does not let {address} send ({ReceivedSpf.Name(outcome.Result)})", $"publish \"{wanted}\", or add the address"),
    };

    private static bool IsSpf(string text) => text.Equals("v=spf1", StringComparison.OrdinalIgnoreCase) || text.StartsWith("v=spf1 ", StringComparison.OrdinalIgnoreCase);
}
