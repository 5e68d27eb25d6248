using System.Globalization;
using System.Net;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.House;

/// <summary>How much a record matters.</summary>
public enum RecordNeed
{
    /// <summary>Mail does not work without it.</summary>
    Required,

    /// <summary>Mail is treated worse without it.</summary>
    Recommended,

    /// <summary>It helps, or it only makes sense together with something that this server does not do.</summary>
    Optional,

    /// <summary>It is in the hands of whoever gave us the address.</summary>
    Provider,
}

/// <summary>What a record is there for; it decides how it is compared with what is published.</summary>
public enum RecordUse
{
    /// <summary>An address of the host.</summary>
    Address,

    /// <summary>The host that takes a domain's mail.</summary>
    Exchange,

    /// <summary>SPF (RFC 7208) of a domain.</summary>
    Spf,

    /// <summary>SPF of the host's own name, which is what HELO and the null reverse-path are checked by.</summary>
    HelloSpf,

    /// <summary>A DKIM key (RFC 6376 3.6).</summary>
    DkimKey,

    /// <summary>A DMARC policy (RFC 9989).</summary>
    Dmarc,

    /// <summary>Where reports about TLS go (RFC 8460 3).</summary>
    TlsReporting,

    /// <summary>The sign of an MTA-STS policy (RFC 8461 3.1).</summary>
    MtaSts,

    /// <summary>A service for mail programs (RFC 6186, RFC 8314 5.1).</summary>
    Service,

    /// <summary>The name of an address.</summary>
    Reverse,
}

/// <summary>A DNS record that this house is to publish.</summary>
/// <param name="Domain">The hosted domain, or the host name, that it belongs to.</param>
/// <param name="Name">The owner without trailing dot.</param>
/// <param name="Type">The type.</param>
/// <param name="Data">The data: of TXT the text in one piece, of others as a zone file has it.</param>
/// <param name="Use">What it is there for.</param>
/// <param name="Need">How much it matters.</param>
/// <param name="Note">What else is to be said, or null.</param>
public sealed record PublishedRecord(string Domain, string Name, DnsType Type, string Data, RecordUse Use, RecordNeed Need, string? Note = null)
{
    /// <summary>Seconds that it may be kept: addresses move, the rest stays.</summary>
    public int TimeToLive => Use == RecordUse.Address ? 300 : 3600;

    /// <summary>The type's name.</summary>
    public string TypeName => Type.ToString().ToUpperInvariant();

    /// <summary>The data as a zone file has it (RFC 1035 5.1): texts quoted, in strings of at most 255 octets.</summary>
    public string ZoneData => Type == DnsType.Txt ? DkimKeyRecord.ToZoneFile(Data) : Data;

    /// <summary>The record as a line of a zone file, with absolute names.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}. {TimeToLive} IN {TypeName} {ZoneData}");

    internal static PublishedRecord Of(string hostname, IPAddress address) => new(
        hostname, hostname, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa, address.ToString(),
        RecordUse.Address, RecordNeed.Required);
}
