namespace HomeMail.Server.Delivery;

/// <summary>
/// Says what is asked of the encryption to a host. The route's setting is the least; what the destination publishes (MTA-STS, RFC 8461; DANE,
/// RFC 7672) can only make it stricter.
/// </summary>
public interface ITlsPolicy
{
    /// <summary>The demand for one host.</summary>
    /// <param name="destination">The destination, with its route.</param>
    /// <param name="host">The host.</param>
    /// <param name="smarthost">The smarthost whose host it is, or null for one of the destination's MX.</param>
    /// <param name="isWaived">The sender wants the destination's policies passed over (<c>TLS-Required: No</c>, RFC 8689 3).</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The demand; with a refusal if nothing may be sent to this host.</returns>
    ValueTask<TlsDemand> DemandAsync(Destination destination, MailHost host, Smarthost? smarthost, bool isWaived, CancellationToken cancel);
}

/// <summary>The configuration alone.</summary>
public sealed class RouteTlsPolicy : ITlsPolicy
{
    /// <inheritdoc/>
    public ValueTask<TlsDemand> DemandAsync(Destination destination, MailHost host, Smarthost? smarthost, bool isWaived, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(host);
        var required = destination.Route.Tls == RouteTls.Required;
        if (smarthost is not null)
        {
            return ValueTask.FromResult(smarthost.Tls switch
            {
                SmarthostTls.Implicit => TlsDemand.Verified with { FromStart = true },
                SmarthostTls.StartTls => TlsDemand.Verified,
                _ => required ? TlsDemand.Verified : TlsDemand.Never,
            });
        }
        var demand = destination.Route.Tls switch
        {
            RouteTls.Required => TlsDemand.Verified,
            RouteTls.Off => TlsDemand.Never,
            _ => TlsDemand.Opportunistic,
        };
        return ValueTask.FromResult(host.IsAuthenticated ? demand with { ProvesHost = true } : demand);
    }
}
