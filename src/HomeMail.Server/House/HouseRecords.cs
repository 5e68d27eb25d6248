using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Authentication;

namespace HomeMail.Server.House;

/// <summary>A domain as its records tell of it.</summary>
/// <param name="Name">The name.</param>
/// <param name="DkimKeys">The keys to publish; none if they are not made yet, or cannot be read.</param>
/// <param name="SendsThroughOthers">Some of its mail leaves through a smarthost, whose addresses its SPF record has to name too.</param>
public sealed record DomainToPublish(string Name, IReadOnlyList<DkimKey> DkimKeys, bool SendsThroughOthers = false);

/// <summary>What a house has to publish.</summary>
public sealed record HouseToPublish
{
    /// <summary><c>[server] hostname</c>.</summary>
    public required string Hostname { get; init; }

    /// <summary>The public addresses, as far as they are known.</summary>
    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    /// <summary>The hosted domains.</summary>
    public required IReadOnlyList<DomainToPublish> Domains { get; init; }

    /// <summary>The ports of the services for mail programs by their SRV names (RFC 6186 3); 0 for one that is not there.</summary>
    public required IReadOnlyList<(string Service, int Port)> Services { get; init; }

    /// <summary>Whether the certificate is one that others can verify.</summary>
    public bool HasVerifiableCertificate { get; init; }
}

/// <summary>
/// The DNS records of a house. SPF names the host and not its addresses, so when those change, only A and AAAA move.
/// </summary>
public static class HouseRecords
{
    /// <summary>Composes the records.</summary>
    /// <param name="house">The house.</param>
    public static IReadOnlyList<PublishedRecord> Compose(HouseToPublish house)
    {
        ArgumentNullException.ThrowIfNull(house);
        var host = house.Hostname;
        var records = new List<PublishedRecord>();
        records.AddRange(house.Addresses.Select(address => PublishedRecord.Of(host, address)));
        // Two SPF records at one name are an error (RFC 7208 4.5): a domain that is the host's own name has one already.
        if (!house.Domains.Any(d => d.Name.Equals(host, StringComparison.OrdinalIgnoreCase)))
            records.Add(new PublishedRecord(
                host, host, DnsType.Txt, "v=spf1 a -all", RecordUse.HelloSpf, RecordNeed.Recommended, "for HELO, and for bounces, which have no sender"));
        foreach (var domain in house.Domains)
            AddDomain(house, domain, records);
        foreach (var address in house.Addresses)
            records.Add(new PublishedRecord(
                host, DnsName.Reverse(address), DnsType.Ptr, host + ".", RecordUse.Reverse, RecordNeed.Provider,
                "ask whoever gives you the address; large receivers refuse IPv6 without it"));
        return records;
    }

    /// <summary>The MTA-STS policy (RFC 8461 3.2), to be served at <c>https://mta-sts.DOMAIN/.well-known/mta-sts.txt</c>.</summary>
    /// <param name="hostname"><c>[server] hostname</c>.</param>
    /// <param name="hasVerifiableCertificate">Whether the certificate is one that others can verify: otherwise enforcing would keep mail away.</param>
    public static string MtaStsPolicy(string hostname, bool hasVerifiableCertificate) =>
        $"version: STSv1\r\nmode: {(hasVerifiableCertificate ? "enforce" : "testing")}\r\nmx: {hostname}\r\nmax_age: 604800\r\n";

    private static void AddDomain(HouseToPublish house, DomainToPublish domain, List<PublishedRecord> records)
    {
        var host = house.Hostname;
        var name = domain.Name;
        Add(name, DnsType.Mx, $"10 {host}.", RecordUse.Exchange, RecordNeed.Required);
        Add(name, DnsType.Txt, domain.SendsThroughOthers ? $"v=spf1 a:{host} ~all" : $"v=spf1 a:{host} -all", RecordUse.Spf, RecordNeed.Required,
            domain.SendsThroughOthers ? "put in the include: that your smarthost's provider names, before ~all" : null);
        foreach (var key in domain.DkimKeys)
            Add(key.RecordName, DnsType.Txt, key.RecordText, RecordUse.DkimKey, RecordNeed.Required);
        Add($"_dmarc.{name}", DnsType.Txt, $"v=DMARC1; p=quarantine; rua=mailto:postmaster@{name}", RecordUse.Dmarc, RecordNeed.Recommended);
        Add($"_smtp._tls.{name}", DnsType.Txt, $"v=TLSRPTv1; rua=mailto:postmaster@{name}", RecordUse.TlsReporting, RecordNeed.Recommended);
        // An id is 1 to 32 letters and digits (RFC 8461 3.1), and another one when the policy is another.
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(MtaStsPolicy(host, house.HasVerifiableCertificate))))[..20];
        Add($"_mta-sts.{name}", DnsType.Txt, $"v=STSv1; id={id}", RecordUse.MtaSts, RecordNeed.Optional,
            $"only together with the policy, served at https://mta-sts.{name}/.well-known/mta-sts.txt");
        foreach (var (service, port) in house.Services)
        {
            // RFC 6186 3.4: a dot says that there is no such service. RFC 8314 5.1: TLS from the start comes first.
            var data = port == 0 ? "0 0 0 ." : string.Create(
                CultureInfo.InvariantCulture, $"{(service.EndsWith('s') ? 0 : 10)} 1 {port} {host}.");
            Add($"_{service}._tcp.{name}", DnsType.Srv, data, RecordUse.Service, RecordNeed.Recommended);
        }

        void Add(string owner, DnsType type, string data, RecordUse use, RecordNeed need, string? note = null) =>
            records.Add(new PublishedRecord(name, owner, type, data, use, need, note));
    }
}
