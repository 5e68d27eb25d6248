using HomeMail.Protocol.Dns;
using HomeMail.Protocol.MtaSts;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery.Trust;

/// <summary>
/// The configuration, made stricter by what the destination publishes: the host's TLSA records where there are any that can be used, else the domain's
/// MTA-STS policy (RFC 8461 2 leaves DANE the first word). A route with <c>tls = off</c> is the owner's word, and nothing is looked up for it.
/// </summary>
/// <param name="dane">Finds TLSA records.</param>
/// <param name="sts">Finds MTA-STS policies.</param>
public sealed class PublishedTlsPolicy(DaneLookup dane, StsPolicies sts) : ITlsPolicy
{
    private static readonly RouteTlsPolicy Configured = new();

    /// <inheritdoc/>
    public async ValueTask<TlsDemand> DemandAsync(Destination destination, MailHost host, Smarthost? smarthost, bool isWaived, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(host);
        var least = await Configured.DemandAsync(destination, host, smarthost, isWaived, cancel).ConfigureAwait(false);
        if (smarthost is not null || least.Use == TlsUse.Never || isWaived || destination.Domain is "" or ['[', ..]
            || !InternationalName.TryToAscii(destination.Domain.TrimEnd('.'), out var domain))
            return least;

        var found = await dane.FindAsync(host, cancel).ConfigureAwait(false);
        if (found.Trouble is { } trouble)
        {
            return least with
            {
                Policy = TlsPolicyKind.Dane,
                Refusal = Refused(host, $"the host is not used: whether it has DANE records could not be found out ({trouble})", TlsResult.DnssecInvalid),
            };
        }
        if (found.Usable.Count > 0)
        {
            return new TlsDemand(TlsUse.Always, new DaneJudge(found.Usable, [found.BaseName, host.Name, domain]))
            {
                Policy = TlsPolicyKind.Dane,
                ServerName = found.BaseName,
                ProvesHost = true,
            };
        }

        var (policy, isUncertain) = await sts.FindAsync(domain, cancel).ConfigureAwait(false);
        if (isUncertain)
            least = least with { IsUncertain = true };
        if (policy is { Mode: StsMode.Enforce })
        {
            var demand = TlsDemand.Verified with { Policy = TlsPolicyKind.Sts, ProvesHost = true };
            return policy.Allows(host.Name) ? demand
                : demand with { Refusal = Refused(host, "the host is not used: the domain's MTA-STS policy does not name it", TlsResult.ValidationFailure) };
        }
        if (found.HasRecords)
            return (least.Use == TlsUse.Always ? least : least with { Use = TlsUse.Always }) with { Policy = TlsPolicyKind.DaneWithoutName };
        if (policy is { Mode: StsMode.Testing })
        {
            return least with
            {
                Policy = TlsPolicyKind.StsTesting,
                Watch = policy.Allows(host.Name) ? VerifiedName.Instance : new NoCertificate("the domain's MTA-STS policy does not name the host"),
            };
        }
        return least;
    }

    private static SessionFault Refused(MailHost host, string words, TlsResult kind) =>
        new(Diagnostic.Of(host.Name, new EnhancedStatusCode(4, 7, 5), words), Tls: kind);
}
