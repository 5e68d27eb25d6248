using HomeMail.Protocol.Dns;
using HomeMail.Server.Delivery;
using HomeMail.Server.Delivery.Trust;
using HomeMail.Server.Dns;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;

namespace HomeMail.Server.Tests.Delivery.Trust;

/// <summary>A destination's MTA-STS, from DNS to web server, and a store for what was fetched.</summary>
internal sealed class StsBench : IAsyncDisposable
{
    public const string Enforce = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.net\r\nmax_age: 604800\r\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("homemail-sts-").FullName;

    public StsBench(FakeTimeProvider? clock = null, ZoneResolver? zone = null)
    {
        Clock = clock ?? new FakeTimeProvider(Letters.Noon);
        Zone = zone ?? new ZoneResolver();
        State = new StateStore(Path.Combine(_folder, "state.db"), Clock);
        Results = new TlsResults(State, Clock);
        Zone.Addresses("mta-sts.example.net", "192.0.2.43");
        Policies = Open();
    }

    public FakeTimeProvider Clock { get; }

    public ZoneResolver Zone { get; }

    public PolicyHost Host { get; } = new();

    public StateStore State { get; }

    public TlsResults Results { get; }

    public StsPolicies Policies { get; private set; }

    public bool ClockIsSane { get; set; } = true;

    /// <summary>What was counted today: <c>domain type ok N, failure=N ...</c>, one line each.</summary>
    public string Counted => string.Join('\n', Results.Of(DateOnly.FromDateTime(Clock.GetUtcNow().UtcDateTime)).Select(t =>
        $"{t.Domain} {t.PolicyType} ok {t.Successes}{string.Concat(t.Failures.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $", {f.Key} {f.Value}"))}"));

    public void Announce(string id)
    {
        Zone.Remove("_mta-sts.example.net");
        Zone.Txt("_mta-sts.example.net", $"v=STSv1; id={id};");
    }

    /// <summary>As after a start: nothing is known but what the store has.</summary>
    public StsPolicies Open()
    {
        // Time-outs are real here: the other clock is moved.
        var options = new DeliveryOptions { Hostname = "home.example", TrustAnchors = TestCertificates.Anchors, ClockIsSane = () => ClockIsSane };
        return Policies = new StsPolicies(Zone, new PolicyFetch(Zone, Host, options, TimeProvider.System), State, Results, Clock, Log.None);
    }

    public async Task<string> FindAsync()
    {
        var (policy, _) = await Policies.FindAsync("example.net", CancellationToken.None);
        return policy is null ? "none" : $"{policy.Mode} {string.Join(',', policy.Hosts)}";
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        State.Dispose();
        Directory.Delete(_folder, true);
    }
}
