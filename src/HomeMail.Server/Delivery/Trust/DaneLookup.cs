using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery.Trust;

/// <summary>What was found of a host's TLSA records.</summary>
/// <param name="BaseName">The name at which they are, without port and protocol.</param>
/// <param name="Usable">Those that SMTP can use.</param>
/// <param name="HasRecords">Whether there are any at all, vouched for by DNSSEC.</param>
/// <param name="Trouble">Why it cannot be said whether there are any, or null.</param>
public sealed record DaneFinding(string BaseName, IReadOnlyList<TlsaRecord> Usable, bool HasRecords = false, string? Trouble = null);

/// <summary>
/// Finds a host's TLSA records (RFC 7672 2.2). They count only where the resolver vouches for MX, addresses and the records themselves, and where its
/// word can be believed; an answer that does not come is not the same as no records, or whoever stands in the way could turn DANE off (RFC 7672 2.1).
/// </summary>
/// <param name="dns">Look-ups.</param>
/// <param name="port">The port: 25.</param>
public sealed class DaneLookup(IMailResolver dns, int port = 25)
{
    /// <summary>Looks the records of a host up.</summary>
    /// <param name="host">The host.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<DaneFinding> FindAsync(MailHost host, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(host);
        var none = new DaneFinding(host.Name, []);
        if (!host.IsAuthenticated)
            return none;
        // Where the host's name is an alias, the records may be at its end or at its beginning, in this order (RFC 7672 2.2.2).
        var names = DnsName.Same(host.CanonicalName, host.Name) ? (string[])[host.Name] : [host.CanonicalName, host.Name];
        foreach (var name in names)
        {
            var answer = await dns.TlsaAsync($"_{port}._tcp.{name}", cancel).ConfigureAwait(false);
            if (answer.Status == DnsStatus.TemporaryFailure)
                return none with { Trouble = answer.Detail ?? "no answer" };
            if (answer.Status != DnsStatus.Found || !answer.Authenticated)
                continue;
            var usable = answer.Records.Where(r => Tlsa.IsUsable(r.Usage, r.Selector, r.MatchingType, r.Data.Span)).ToList();
            return new DaneFinding(name, usable, HasRecords: true);
        }
        return none;
    }
}
