using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using HomeMail.Config;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>What the running server knows of one family.</summary>
/// <param name="BlockedSince">Since when port 25 is believed to be blocked on the way out; null if it is not.</param>
/// <param name="ReachedAt">When a mail host was last reached; null if none was since the start.</param>
/// <param name="PublicClientAt">When a client with a public address last came in; null if none has since the start.</param>
internal sealed record FamilyView(DateTimeOffset? BlockedSince = null, DateTimeOffset? ReachedAt = null, DateTimeOffset? PublicClientAt = null);

/// <summary>What the running server knows, or why nothing of it is known.</summary>
internal sealed record ServerView
{
    // A server that hangs must not make the doctor hang.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>Why it was not asked; null if it has answered.</summary>
    public string? Silence { get; init; }

    /// <summary>Whether it has answered.</summary>
    public bool Answers => Silence is null;

    /// <summary>Its version.</summary>
    public string Version { get; init; } = "";

    /// <summary>Since when it runs.</summary>
    public DateTimeOffset Started { get; init; }

    /// <summary>Where it listens: service and endpoint.</summary>
    public IReadOnlyList<(string Service, IPEndPoint At)> Listening { get; init; } = [];

    /// <summary>Octets of its memory that are in RAM; 0 if not known.</summary>
    public long ResidentBytes { get; init; }

    /// <summary>Octets of its managed heap.</summary>
    public long HeapBytes { get; init; }

    /// <summary>Octets that it has had written to disk since its start; null if not known.</summary>
    public long? WrittenBytes { get; init; }

    /// <summary>Who has told it which public addresses.</summary>
    public IReadOnlyList<AddressReport> Public { get; init; } = [];

    /// <summary>The routers that have been seen to hide their clients.</summary>
    public IReadOnlyList<IPAddress> Masked { get; init; } = [];

    /// <summary>What it knows of IPv4.</summary>
    public FamilyView Four { get; init; } = new();

    /// <summary>What it knows of IPv6.</summary>
    public FamilyView Six { get; init; } = new();

    /// <summary>The ports that the router forwards: ours, and outside.</summary>
    public IReadOnlyList<(int Port, int Outside)> Mapped { get; init; } = [];

    /// <summary>What its store has had to say.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];

    /// <summary>What it knows of a family.</summary>
    /// <param name="family">The family.</param>
    public FamilyView Of(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? Six : Four;

    /// <summary>Asks the running server.</summary>
    /// <param name="settings">The configuration.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<ServerView> AskAsync(Settings settings, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(Patience);
        try
        {
            await using var client = await ControlClient.ConnectAsync(settings, timer.Token);
            if (client is null)
                return new ServerView { Silence = "the server does not run" };
            JsonElement status = default, house = default;
            await client.AskAsync("status", null, line => Keep(line, out status), timer.Token);
            await client.AskAsync("house", null, line => Keep(line, out house), timer.Token);
            return Read(status, house);
        }
        catch (SocketException)
        {
            return new ServerView { Silence = "the server runs, but only root and its own user may ask it" };
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or KeyNotFoundException or InvalidOperationException)
        {
            return new ServerView { Silence = "the server does not answer at its control socket" };
        }
    }

    /// <summary>Asks the running server where a session comes from.</summary>
    /// <param name="settings">The configuration.</param>
    /// <param name="greeting">The greeting of the session.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The address; null if it is no session of that server.</returns>
    public static async Task<IPAddress?> ClientOfAsync(Settings settings, string greeting, CancellationToken cancel)
    {
        try
        {
            await using var client = await ControlClient.ConnectAsync(settings, cancel);
            if (client is null)
                return null;
            var answer = await client.AskAsync("session", json => json.WriteString("id", greeting[(greeting.LastIndexOf(' ') + 1)..]), null, cancel);
            return IPAddress.TryParse(answer.Line.Text("client"), out var address) ? address : null;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            return null;
        }
    }

    private static Task Keep(JsonElement line, out JsonElement kept)
    {
        kept = line.Clone();
        return Task.CompletedTask;
    }

    private static ServerView Read(JsonElement status, JsonElement house)
    {
        var families = house.GetProperty("families").EnumerateArray()
            .ToDictionary(static f => f.Number("family"), static f => new FamilyView(f.When("blockedSince"), f.When("reachedAt"), f.When("publicClientAt")));
        return new ServerView
        {
            Version = status.Text("version"),
            Started = status.When("started") ?? default,
            Listening = [.. status.GetProperty("listening").EnumerateArray().Where(static at => IPEndPoint.TryParse(at.Text("at"), out _)).Select(static at => (at.Text("service"), IPEndPoint.Parse(at.Text("at"))))],
            ResidentBytes = status.Number("residentBytes"),
            HeapBytes = house.Number("heapBytes"),
            WrittenBytes = house.TryGetProperty("writtenBytes", out var written) ? written.GetInt64() : null,
            Public = [.. house.GetProperty("public").EnumerateArray().Select(static r => new AddressReport(IPAddress.Parse(r.Text("address")), Source(r.Text("source"))))],
            Masked = [.. house.GetProperty("masked").EnumerateArray().Select(static a => IPAddress.Parse(a.GetString()!))],
            Four = families.GetValueOrDefault(4) ?? new(),
            Six = families.GetValueOrDefault(6) ?? new(),
            Mapped = [.. house.GetProperty("mapped").EnumerateArray().Select(static m => ((int)m.Number("port"), (int)m.Number("outside")))],
            Notices = [.. house.GetProperty("notices").EnumerateArray().Select(static n => Words.Printable(n.GetString()!))],
        };
    }

    private static AddressSource Source(string name) => Enum.TryParse<AddressSource>(name, out var source) ? source : AddressSource.Hostname;
}
