using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Dns;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether A and AAAA of this host are the addresses that the house has now.</summary>
internal static class AddressesPart
{
    /// <summary>What is judged of one family.</summary>
    /// <param name="Name">Our name.</param>
    /// <param name="Family">The family.</param>
    /// <param name="Measured">The address by anybody but DNS, or null.</param>
    /// <param name="Published">What DNS says.</param>
    /// <param name="HasRelay">Mail may come in through a host in front of the house, which the name then may mean.</param>
    /// <param name="UpdatesDns">Whether the server sends updates to DNS.</param>
    internal sealed record Facts(string Name, AddressFamily Family, AddressReport? Measured, DnsAnswer<IPAddress> Published, bool HasRelay, bool UpdatesDns);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var resolver = await scene.ResolverAsync();
        var place = await scene.PlaceAsync();
        var findings = new List<DoctorFinding>();
        foreach (var family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            var published = await resolver.AddressesAsync(scene.Settings.Server.Hostname, family, cancel);
            findings.Add(Judge(new Facts(
                scene.Settings.Server.Hostname, family, place.Measured(family), published, scene.Settings.Relays.Count > 0, scene.Settings.DnsUpdate is not null)));
        }
        return findings;
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (name, family, measured, published, hasRelay, updatesDns) = facts;
        var isFour = family == AddressFamily.InterNetwork;
        var (word, type) = isFour ? ("IPv4", "A") : ("IPv6", "AAAA");
        var subject = $"addresses:{word}";
        var there = string.Join(", ", published.Records);
        var mend = updatesDns ? "`homemail dns --update` sends it to your name server and says what comes of it" : "change the record at your DNS provider, or let [dns-update] do it whenever the address changes";
        if (published.Status == DnsStatus.TemporaryFailure)
            return DoctorFinding.Unknown(subject, $"the {type} record of {name} cannot be looked up: {published.Detail}", "see 'resolver'");
        if (published.Records.FirstOrDefault(a => !PublicPicture.IsPublic(a)) is { } inner)
            return DoctorFinding.Trouble(subject, "private", $"{name} has the {type} record {inner}, which nobody on the internet can reach", mend);
        if (measured is null)
        {
            return published.Records.Count == 0 ? DoctorFinding.Ok(subject, $"none here, and no {type} record")
                : DoctorFinding.Attention(subject, "unconfirmed", $"{name} is {there} by DNS, and nobody else can say whether that is still so",
                    "set [server] public-ip if the address is fixed, or switch UPnP or PCP on in the router, so that a change is noticed");
        }
        var (address, by) = (measured.Address, DnsListing.Name(measured.Source));
        if (published.Records.Count == 0)
        {
            return isFour ? DoctorFinding.Trouble(subject, "missing", $"the house has {address} ({by}), and {name} has no A record", $"publish {name} A {address}")
                : DoctorFinding.Attention(subject, "missing", $"this host has {address} ({by}), and {name} has no AAAA record, so mail comes in by IPv4 only", $"publish {name} AAAA {address}");
        }
        if (published.Records.Contains(address))
        {
            return published.Records.Count == 1 || hasRelay ? DoctorFinding.Ok(subject, $"{address} ({by}) is what DNS says")
                : DoctorFinding.Trouble(subject, "others", $"the house has {address} ({by}), and DNS says {there}: part of the mail goes elsewhere", "take the others away");
        }
        return hasRelay ? DoctorFinding.Attention(subject, "elsewhere", $"the house has {address} ({by}), and DNS says {there}, which may be your relay's", null)
            : DoctorFinding.Trouble(subject, "stale", $"the house has {address} ({by}), and DNS says {there}: mail goes to somebody else, or nowhere", mend);
    }
}
