namespace HomeMail.Server.Delivery;

/// <summary>
/// Says what is asked of the encryption to a host. The route's setting is the least; what the destination publishes (MTA-STS, RFC 8461; DANE,
/// RFC 7672) can only make it stricter. A seam: those two are other implementations around <see cref="RouteTlsPolicy"/>.
/// </summary>
public interface ITlsPolicy
{
    /// <summary>The demand for one host.</summary>
    /// <param name="destination">The destination, with its route.</param>
    /// <param name="host">The host.</param>
    /// <param name="smarthost">The smarthost whose host it is, or null for one of the destination's MX.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The demand; null if nothing may be sent to this host at all.</returns>
    ValueTask<TlsDemand?> DemandAsync(Destination destination, MailHost host, Smarthost? smarthost, CancellationToken cancel);

    /// <summary>Whether the host's name itself can be believed to be the destination's, as REQUIRETLS asks (RFC 8689 4.2.1, step 2).</summary>
    /// <param name="destination">The destination.</param>
    /// <param name="host">The host.</param>
    bool IsProven(Destination destination, MailHost host);
}

/// <summary>The configuration alone.</summary>
public sealed class RouteTlsPolicy : ITlsPolicy
{
    /// <inheritdoc/>
    public ValueTask<TlsDemand?> DemandAsync(Destination destination, MailHost host, Smarthost? smarthost, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var required = destination.Route.Tls == RouteTls.Required;
        if (smarthost is not null)
        {
            return ValueTask.FromResult<TlsDemand?>(smarthost.Tls switch
            {
                SmarthostTls.Implicit => TlsDemand.Verified with { FromStart = true },
                SmarthostTls.StartTls => TlsDemand.Verified,
                _ => required ? TlsDemand.Verified : TlsDemand.Never,
            });
        }
        return ValueTask.FromResult<TlsDemand?>(destination.Route.Tls switch
        {
            RouteTls.Required => TlsDemand.Verified,
            RouteTls.Off => TlsDemand.Never,
            _ => TlsDemand.Opportunistic,
        });
    }

    /// <inheritdoc/>
    public bool IsProven(Destination destination, MailHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.IsAuthenticated;
    }
}
