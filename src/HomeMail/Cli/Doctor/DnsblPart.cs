using System.Net;
using HomeMail.Server;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether our own addresses are on one of the block lists of <c>[policy] dnsbl</c> (RFC 5782).</summary>
internal static class DnsblPart
{
    private const string Subject = "dnsbl";

    /// <summary>What is judged.</summary>
    /// <param name="Lists">The lists that were asked.</param>
    /// <param name="Listed">Which of them have which of our addresses.</param>
    /// <param name="Off">The lists that cannot be used, with what is wrong with them.</param>
    /// <param name="Addresses">Our addresses.</param>
    /// <param name="SendsItself">Whether mail leaves from them.</param>
    internal sealed record Facts(
        IReadOnlyList<string> Lists, IReadOnlyList<(IPAddress Address, IReadOnlyList<string> Zones)> Listed, IReadOnlyList<(string Zone, string Trouble)> Off,
        IReadOnlyList<IPAddress> Addresses, bool SendsItself);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var zones = scene.Settings.Policy.Dnsbl;
        var addresses = (await scene.PlaceAsync()).Picture.Addresses;
        var lists = new BlockLists(await scene.ResolverAsync(), () => zones, scene.Clock, Log.None);
        var listed = new List<(IPAddress, IReadOnlyList<string>)>();
        foreach (var address in addresses)
            listed.Add((address, await lists.FindAsync(address, cancel)));
        return Judge(new Facts([.. zones.Take(BlockLists.Most)], listed, lists.Off, addresses, scene.SendsItself));
    }

    public static IReadOnlyList<DoctorFinding> Judge(Facts facts)
    {
        if (facts.Lists.Count == 0)
            return [DoctorFinding.Ok(Subject, "no block lists in [policy] dnsbl to look into")];
        if (facts.Addresses.Count == 0)
            return [DoctorFinding.Unknown(Subject, "not looked at, since no public address is known", "see 'addresses'")];
        var findings = new List<DoctorFinding>();
        foreach (var (address, zones) in facts.Listed)
            foreach (var zone in zones)
                findings.Add(facts.SendsItself
                    ? DoctorFinding.Trouble(Subject, "listed", $"{address} is on the block list {zone}: receivers that ask it refuse our mail",
                        "see the list's own page for why and how to get off; if it lists all dynamic addresses, send by a smarthost")
                    : DoctorFinding.Ok(Subject, $"{address} is on the block list {zone}; mail goes out by a smarthost, so that does not matter"));
        foreach (var (zone, trouble) in facts.Off)
            findings.Add(DoctorFinding.Attention(Subject, "list-off", $"the block list {zone} is not used: {trouble}", "take it out of [policy] dnsbl, or ask it by a resolver of your own"));
        return findings.Count > 0 ? findings : [DoctorFinding.Ok(Subject, $"{string.Join(" and ", facts.Addresses)}: on none of {string.Join(", ", facts.Lists)}")];
    }
}
