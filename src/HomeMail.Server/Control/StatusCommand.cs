using System.Globalization;

namespace HomeMail.Server.Control;

/// <summary>An endpoint that the server listens at.</summary>
/// <param name="Service">The key in <c>[listen]</c>.</param>
/// <param name="EndPoint">The address and port.</param>
public sealed record ListeningAt(string Service, string EndPoint);

/// <summary>Something that is not as it should be.</summary>
/// <param name="What">What.</param>
/// <param name="IsFailing">Whether mail is not taken for it.</param>
public readonly record struct HealthProblem(string What, bool IsFailing = false);

/// <summary>What <c>homemail status</c> tells of the running server.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Hostname">Its name.</param>
/// <param name="Data">The data folder.</param>
/// <param name="Started">Since when it runs.</param>
/// <param name="Listening">Where it listens.</param>
/// <param name="Connections">Connections to these just now.</param>
/// <param name="Queued">Messages in the queue.</param>
/// <param name="Held">Those of them that are held by hand.</param>
/// <param name="Today">How often what has happened to messages today (UTC), by the words of the delivery history.</param>
public sealed record ServerFacts(
    string Version, string Hostname, string Data, DateTimeOffset Started, IReadOnlyList<ListeningAt> Listening, int Connections, int Queued, int Held,
    IReadOnlyDictionary<string, int> Today)
{
    /// <summary>What has become today (UTC) of encryption to other hosts, by the names of RFC 8460 4.3 and <c>success</c>.</summary>
    public IReadOnlyDictionary<string, int> TlsToday { get; init; } = new Dictionary<string, int>();

    /// <summary>The house's public addresses, as far as they are known.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>What is not as it should be.</summary>
    public IReadOnlyList<HealthProblem> Problems { get; init; } = [];

    /// <summary>Octets written to storage today (UTC), or null.</summary>
    public long? WrittenToday { get; init; }

    /// <summary>What is known of the ways out, a line each.</summary>
    public IReadOnlyList<string> WaysOut { get; init; } = [];
}

/// <summary>Tells how the server does, in one object.</summary>
/// <param name="facts">What the server knows of itself.</param>
/// <param name="clock">Time.</param>
public sealed class StatusCommand(Func<ServerFacts> facts, TimeProvider clock)
{
    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("status", RunAsync)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        var now = facts();
        var disk = Disk(now.Data);
        await call.Channel.WriteAsync(json =>
        {
            json.WriteString("version", now.Version);
            json.WriteString("hostname", now.Hostname);
            json.WriteString("data", now.Data);
            json.WriteString("started", now.Started.UtcDateTime);
            json.WriteNumber("uptimeSeconds", (long)Math.Max(0, (clock.GetUtcNow() - now.Started).TotalSeconds));
            json.WriteStartArray("listening");
            foreach (var at in now.Listening)
            {
                json.WriteStartObject();
                json.WriteString("service", at.Service);
                json.WriteString("at", at.EndPoint);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteString("health", now.Problems.Any(static p => p.IsFailing) ? "failing" : now.Problems.Count > 0 ? "wanting" : "fine");
            json.WriteStartArray("problems");
            foreach (var problem in now.Problems)
                json.WriteStringValue(problem.What);
            json.WriteEndArray();
            json.WriteStartArray("addresses");
            foreach (var address in now.Addresses)
                json.WriteStringValue(address);
            json.WriteEndArray();
            if (now.WrittenToday is { } written)
                json.WriteNumber("writtenTodayBytes", written);
            json.WriteStartArray("waysOut");
            foreach (var way in now.WaysOut)
                json.WriteStringValue(way);
            json.WriteEndArray();
            json.WriteNumber("connections", now.Connections);
            json.WriteNumber("queued", now.Queued);
            json.WriteNumber("held", now.Held);
            json.WriteStartObject("today");
            foreach (var (word, count) in now.Today)
                json.WriteNumber(word, count);
            json.WriteEndObject();
            json.WriteStartObject("tlsToday");
            foreach (var (word, count) in now.TlsToday)
                json.WriteNumber(word, count);
            json.WriteEndObject();
            if (ResidentBytes() is { } resident)
                json.WriteNumber("residentBytes", resident);
            if (disk is { } space)
            {
                json.WriteNumber("diskFreeBytes", space.Free);
                json.WriteNumber("diskBytes", space.Total);
            }
        }, cancel).ConfigureAwait(false);
        return ControlResult.Ok;
    }

    /// <summary>Octets of memory that are resident: VmRSS of proc(5), in kB. Null where nobody knows.</summary>
    public static long? ResidentBytes()
    {
        const string field = "VmRSS:";
        try
        {
            foreach (var line in File.ReadLines("/proc/self/status"))
                if (line.StartsWith(field, StringComparison.Ordinal)
                    && long.TryParse(line.AsSpan(field.Length).Trim().TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes))
                    return kilobytes * 1024;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A system without /proc: then nobody knows.
        }
        return null;
    }

    /// <summary>Room below a folder, or null where nobody knows.</summary>
    /// <param name="folder">The folder.</param>
    public static (long Free, long Total)? Disk(string folder)
    {
        try
        {
            var drive = new DriveInfo(folder);
            return (drive.AvailableFreeSpace, drive.TotalSize);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
