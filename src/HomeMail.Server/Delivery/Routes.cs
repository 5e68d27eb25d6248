namespace HomeMail.Server.Delivery;

/// <summary>All routes, and which of them a message takes: that of the sender's domain if it has one, else the most specific for the destination.</summary>
public sealed class Routes
{
    private readonly Dictionary<string, Route> _byName;
    private readonly IReadOnlyDictionary<string, string> _senderRoutes;

    /// <summary>Takes the configuration.</summary>
    /// <param name="routes">The routes; of two with one name the later counts.</param>
    /// <param name="senderRoutes">Sender domain, in lower case, to the name of a route (<c>[domain:NAME] route</c>); or null.</param>
    public Routes(IEnumerable<Route> routes, IReadOnlyDictionary<string, string>? senderRoutes = null)
    {
        ArgumentNullException.ThrowIfNull(routes);
        _byName = new Dictionary<string, Route>(StringComparer.OrdinalIgnoreCase);
        foreach (var route in routes)
            _byName[Normal(route.Name)] = route;
        _senderRoutes = senderRoutes ?? new Dictionary<string, string>();
    }

    /// <summary>The route for a destination.</summary>
    /// <param name="domain">The recipient's domain.</param>
    /// <param name="senderDomain">The domain of MAIL FROM if it is hosted here or not; null for the null reverse-path.</param>
    public Route For(string domain, string? senderDomain) => OfSender(senderDomain) ?? OfDestination(domain);

    /// <summary>Where a recipient's mail goes.</summary>
    /// <param name="domain">The recipient's domain.</param>
    /// <param name="senderDomain">The domain of MAIL FROM, or null.</param>
    public Destination To(string domain, string? senderDomain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        var override_ = OfSender(senderDomain);
        var route = override_ ?? OfDestination(domain);
        if (route.Only is { } smarthost)
            return new Destination($"smarthost:{smarthost.Name} by route:{route.Name}", "", route);
        var folded = domain.ToLowerInvariant();
        return new Destination(override_ is null ? folded : $"{folded} by route:{route.Name}", folded, route);
    }

    /// <summary>Whether a route is named after exactly this host, so that its address may be one inside the house.</summary>
    /// <param name="host">A host name.</param>
    public bool Names(string host) => _byName.ContainsKey(host);

    private Route? OfSender(string? senderDomain) =>
        senderDomain is not null && _senderRoutes.TryGetValue(senderDomain.ToLowerInvariant(), out var name)
            ? _byName.GetValueOrDefault(Normal(name))
            : null;

    private Route OfDestination(string domain)
    {
        if (_byName.TryGetValue(domain, out var route))
            return route;
        // The longest suffix first: .a.example.org before .example.org.
        for (var dot = domain.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = domain.IndexOf('.', dot + 1))
            if (_byName.TryGetValue(domain[dot..], out route))
                return route;
        return _byName.GetValueOrDefault("*") ?? Route.Default;
    }

    private static string Normal(string name) => name.StartsWith("*.", StringComparison.Ordinal) ? name[1..] : name;
}
