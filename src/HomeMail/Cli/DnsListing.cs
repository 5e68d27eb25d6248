using HomeMail.Protocol.Dns;
using HomeMail.Server.House;

namespace HomeMail.Cli;

/// <summary>The records of a house as a table, as part of a zone file, and as input for <c>nsupdate</c>.</summary>
internal static class DnsListing
{
    /// <summary>A line a record.</summary>
    public static async Task<int> TableAsync(ResultWriter writer, HouseToPublish house, PublicPicture picture, bool isUnread)
    {
        var records = HouseRecords.Compose(house);
        var width = records.Max(record => record.Name.Length);
        foreach (var record in records)
        {
            var need = Name(record.Need);
            await writer.WriteAsync(
                $"{need,-11} {record.Name.PadRight(width)} {record.TypeName,-5} {record.ZoneData}{(record.Note is { } note ? $"  ; {note}" : "")}",
                ("record", need), ("name", record.Name), ("type", record.TypeName), ("data", record.Data), ("note", record.Note));
        }
        foreach (var address in house.Addresses)
            await writer.WriteAsync(
                $"{address} is the public address by {string.Join(", ", picture.SourcesOf(address).Select(Name))}",
                ("address", address), ("sources", string.Join(' ', picture.SourcesOf(address).Select(Name))));
        foreach (var line in HouseRecords.MtaStsPolicy(house.Hostname, house.HasVerifiableCertificate).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
            await writer.WriteAsync($"mta-sts.txt  {line}", ("mta-sts", line));
        var lacks = house.Addresses.Count == 0 ? "the house's public address is not known: set [server] public-ip" : isUnread ? "the DKIM records are not all here" : null;
        await writer.WriteAsync(lacks ?? $"{records.Count} records", ("result", lacks is null ? "pass" : "fail"), ("records", records.Count), ("what", lacks));
        return lacks is null ? ExitCode.Fine : ExitCode.FoundWanting;
    }

    /// <summary>Part of a zone file (RFC 1035 5), with absolute names. What is optional or in other hands is there as a comment.</summary>
    public static async Task<int> ZoneAsync(TextWriter output, HouseToPublish house)
    {
        string? domain = null;
        foreach (var record in HouseRecords.Compose(house))
        {
            if (record.Domain != domain)
                await output.WriteLineAsync($"{(domain is null ? "" : "\n")}; {domain = record.Domain}");
            if (record.Note is { } note)
                await output.WriteLineAsync($"; {Name(record.Need)}: {note}");
            await output.WriteLineAsync($"{(IsOurs(record) ? "" : "; ")}{record}");
        }
        return house.Addresses.Count == 0 ? await NoAddressAsync(output) : ExitCode.Fine;
    }

    /// <summary>Input for <c>nsupdate</c> or <c>knsupdate</c>: for each zone what to take away, what to add, and <c>send</c>.</summary>
    public static async Task<int> NsUpdateAsync(TextWriter output, HouseToPublish house, string? server)
    {
        if (server is not null)
            await output.WriteLineAsync($"server {server}");
        var hosted = house.Domains.Select(d => d.Name).ToList();
        foreach (var zone in HouseRecords.Compose(house).Where(IsOurs).GroupBy(record => ZoneOf(record, hosted)))
        {
            await output.WriteLineAsync($"zone {zone.Key}.");
            var removed = new HashSet<(string, DnsType)>();
            foreach (var record in zone)
            {
                // Beside SPF others may have texts at a name; those at the names of mail's own are ours alone.
                if (record.Use is not (RecordUse.Spf or RecordUse.HelloSpf) && removed.Add((record.Name, record.Type)))
                    await output.WriteLineAsync($"update delete {record.Name}. {record.TypeName}");
                else if (record.Use is RecordUse.Spf or RecordUse.HelloSpf)
                    await output.WriteLineAsync($"; an SPF record that is there already must go: two of them are an error");
                await output.WriteLineAsync($"update add {record.Name}. {record.TimeToLive} {record.TypeName} {record.ZoneData}");
            }
            await output.WriteLineAsync("send");
        }
        return house.Addresses.Count == 0 ? await NoAddressAsync(output) : ExitCode.Fine;
    }

    /// <summary>A source of addresses in words.</summary>
    public static string Name(AddressSource source) => source switch
    {
        AddressSource.Configuration => "public-ip",
        AddressSource.Interface => "interface",
        AddressSource.Pcp => "pcp",
        AddressSource.NatPmp => "nat-pmp",
        AddressSource.Upnp => "upnp",
        AddressSource.Peers => "peers",
        AddressSource.Reached => "connection",
        _ => "dns",
    };

    private static string Name(RecordNeed need) => need switch
    {
        RecordNeed.Required => "required",
        RecordNeed.Recommended => "recommended",
        RecordNeed.Optional => "optional",
        _ => "provider",
    };

    private static bool IsOurs(PublishedRecord record) => record.Need is RecordNeed.Required or RecordNeed.Recommended;

    // Of the host it is the hosted domain above it, if there is one.
    private static string ZoneOf(PublishedRecord record, List<string> hosted) =>
        hosted.Where(domain => DnsName.IsWithin(record.Name, domain)).MaxBy(domain => domain.Length)
        ?? record.Domain[(record.Domain.IndexOf('.', StringComparison.Ordinal) + 1)..];

    private static async Task<int> NoAddressAsync(TextWriter output)
    {
        await output.WriteLineAsync("; A and AAAA are missing: the house's public address is not known; set [server] public-ip");
        return ExitCode.FoundWanting;
    }
}
