using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using HomeMail.Config;
using HomeMail.Server.Dns;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>What the parts have in common: each fact is gathered when the first of them asks for it, and once.</summary>
internal sealed class DoctorScene
{
    // A router that hangs is not waited for longer.
    private static readonly TimeSpan RouterPatience = TimeSpan.FromSeconds(7);

    private readonly Lazy<Task<IReadOnlyList<ProbedResolver>>> _resolvers;
    private readonly Lazy<Task<IMailResolver>> _resolver;
    private readonly Lazy<Task<ServerView>> _server;
    private readonly Lazy<Task<HousePlace>> _place;
    private readonly Lazy<Task<WayOut>> _wayOut;
    private readonly Lazy<Task<TurnedAround>> _turned;
    private readonly CancellationToken _end;

    /// <summary>Nothing is looked at yet.</summary>
    /// <param name="settings">The configuration.</param>
    /// <param name="servers">The resolvers.</param>
    /// <param name="clock">Time.</param>
    /// <param name="end">All time is over.</param>
    public DoctorScene(Settings settings, NameServerSettings servers, TimeProvider clock, CancellationToken end)
    {
        Settings = settings;
        NameServers = servers;
        Clock = clock;
        _end = end;
        _resolvers = new(ProbeResolversAsync);
        _resolver = new(ChooseResolverAsync);
        _server = new(() => ServerView.AskAsync(settings, end));
        _place = new(FindPlaceAsync);
        _wayOut = new(async () => await WayOut.TryAsync(this, await ResolverAsync(), _end));
        _turned = new(() => TurnedAround.TryAsync(this, _end));
    }

    /// <summary>The configuration.</summary>
    public Settings Settings { get; }

    /// <summary>The resolvers that the server asks.</summary>
    public NameServerSettings NameServers { get; }

    /// <summary>Time.</summary>
    public TimeProvider Clock { get; }

    /// <summary>Which of several things is to be looked at; null for all.</summary>
    public string? One { get; init; }

    /// <summary>What the resolvers can do.</summary>
    public Task<IReadOnlyList<ProbedResolver>> ResolversAsync() => _resolvers.Value;

    /// <summary>DNS by those resolvers that answer, less patient than mail is; where none does, it says so at once.</summary>
    public Task<IMailResolver> ResolverAsync() => _resolver.Value;

    /// <summary>What the running server knows.</summary>
    public Task<ServerView> ServerAsync() => _server.Value;

    /// <summary>Where the house is on the internet.</summary>
    public Task<HousePlace> PlaceAsync() => _place.Value;

    /// <summary>Port 25 on the way out.</summary>
    public Task<WayOut> WayOutAsync() => _wayOut.Value;

    /// <summary>A connection from here to our own public address.</summary>
    public Task<TurnedAround> TurnedAroundAsync() => _turned.Value;

    /// <summary>Whether any mail goes straight to its destination.</summary>
    public bool SendsItself => Settings.Routes.Values.Any(static route => route.Via.Any(static way => way is null));

    private async Task<IReadOnlyList<ProbedResolver>> ProbeResolversAsync() =>
        await Task.WhenAll(NameServers.Servers.Select(server => ProbedResolver.AskAsync(server, Clock, _end)));

    private async Task<IMailResolver> ChooseResolverAsync()
    {
        var alive = (await ResolversAsync()).Where(r => r.Fault is null).Select(r => r.Server).ToList();
        return alive.Count == 0 ? new SilentResolver()
            : new CachingResolver(new DnsMailResolver(new NameServerSettings(alive, TimeSpan.FromSeconds(1.5), 2), Clock), Clock);
    }

    private async Task<HousePlace> FindPlaceAsync()
    {
        using var timer = new CancellationTokenSource(RouterPatience, Clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, _end);
        var gateways = new Gateways(Clock).Addresses;
        var told = new GatewayAddresses(() => gateways, new GatewayPorts(), Clock).AskAsync(both.Token);
        var sending = await new SendingAddresses().AskAsync(_end);
        var hostname = await new HostnameAddresses(await ResolverAsync(), () => Settings.Server.Hostname).AskAsync(_end);
        var server = await ServerAsync();
        var seen = SendsItself ? (await WayOutAsync()).SeenAs : [];
        var fixedOnes = Settings.Server.PublicAddresses;
        var measured = sending.Concat(await told).Concat(server.Public.Where(r => r.Source is not (AddressSource.Hostname or AddressSource.Configuration)))
            .Concat(seen.Select(a => new AddressReport(a, AddressSource.Peers)))
            .Where(r => fixedOnes.All(a => a.AddressFamily != r.Address.AddressFamily));
        return new HousePlace(
            gateways, [.. sending.Select(r => r.Address)], OnInterfaces(), await told, seen,
            new PublicPicture(fixedOnes.Select(a => new AddressReport(a, AddressSource.Configuration)).Concat(measured).Concat(hostname)));
    }

    private static IReadOnlyList<IPAddress> OnInterfaces()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => new IPAddress(a.Address.GetAddressBytes()))];
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }
}

/// <summary>Where the house is on the internet, as far as can be seen.</summary>
/// <param name="Gateways">The default gateways.</param>
/// <param name="Sending">The addresses that this machine sends from, one a family at most; private ones too.</param>
/// <param name="OnInterfaces">All addresses of this machine.</param>
/// <param name="ToldByRouter">What the router says that its outer address is, whatever it is.</param>
/// <param name="SeenOutside">The addresses that mail hosts outside have seen us under.</param>
/// <param name="Picture">The public addresses, with who says so.</param>
internal sealed record HousePlace(
    IReadOnlyList<IPAddress> Gateways, IReadOnlyList<IPAddress> Sending, IReadOnlyList<IPAddress> OnInterfaces, IReadOnlyList<AddressReport> ToldByRouter,
    IReadOnlyList<IPAddress> SeenOutside, PublicPicture Picture)
{
    /// <summary>The address that this machine sends from over a family, or null if it has no way out there.</summary>
    /// <param name="family">The family.</param>
    public IPAddress? SendingOf(AddressFamily family) => Sending.FirstOrDefault(a => a.AddressFamily == family);

    /// <summary>The public address of a family by anybody but our own DNS, or null.</summary>
    /// <param name="family">The family.</param>
    public AddressReport? Measured(AddressFamily family) => Picture.Reports.FirstOrDefault(r => r.Address.AddressFamily == family && r.Source != AddressSource.Hostname);

    /// <summary>Whether the public IPv4 address is this machine's own, so that no router translates.</summary>
    public bool HasNoNat => Picture.Of(AddressFamily.InterNetwork) is { } address && OnInterfaces.Contains(address);
}
