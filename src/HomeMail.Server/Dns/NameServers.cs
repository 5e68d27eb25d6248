using System.Globalization;
using System.Net;

namespace HomeMail.Server.Dns;

/// <summary>A recursive resolver to ask.</summary>
/// <param name="EndPoint">Its address and port.</param>
/// <param name="Trusted">Whether its AD bit can be believed: it runs on this machine, or the administrator has said so (RFC 6698 A.3).</param>
public sealed record NameServer(IPEndPoint EndPoint, bool Trusted)
{
    /// <inheritdoc/>
    public override string ToString() => EndPoint.ToString();
}

/// <summary>Which resolvers to ask, and how patiently.</summary>
/// <param name="Servers">In order of preference; never empty.</param>
/// <param name="Timeout">For the first try at one server; later ones wait twice as long.</param>
/// <param name="Attempts">How many times the list is gone through.</param>
public sealed record NameServerSettings(IReadOnlyList<NameServer> Servers, TimeSpan Timeout, int Attempts)
{
    /// <summary>The default wait for the first try.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(3);

    /// <summary>The default number of rounds.</summary>
    public const int DefaultAttempts = 2;

    private const int MaxServers = 5;

    /// <summary>
    /// Reads the value of <c>[server] resolver</c> or <c>--resolver</c>: addresses with or without port (<c>192.0.2.1:5353</c>,
    /// <c>[2001:db8::1]:53</c>, <c>::1</c>), separated by commas. Names are not taken: who would resolve them?
    /// </summary>
    /// <param name="text">The value.</param>
    /// <param name="settings">The settings, if it could be read.</param>
    public static bool TryParse(string text, out NameServerSettings? settings)
    {
        ArgumentNullException.ThrowIfNull(text);
        settings = null;
        var servers = new List<NameServer>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IPEndPoint.TryParse(part, out var endPoint) || servers.Count == MaxServers)
                return false;
            if (endPoint.Port == 0)
                endPoint.Port = 53;
            servers.Add(new NameServer(endPoint, IPAddress.IsLoopback(endPoint.Address)));
        }
        if (servers.Count == 0)
            return false;
        settings = new NameServerSettings(servers, DefaultTimeout, DefaultAttempts);
        return true;
    }

    /// <summary>Settings for addresses that are already read, such as those of <c>[server] resolver</c>.</summary>
    /// <param name="endPoints">The addresses; at least one.</param>
    /// <param name="trusted">Whether their AD bit is believed; null for those on this machine only.</param>
    public static NameServerSettings For(IReadOnlyList<IPEndPoint> endPoints, bool? trusted = null)
    {
        ArgumentNullException.ThrowIfNull(endPoints);
        return new NameServerSettings(
            [.. endPoints.Select(e => new NameServer(e, trusted ?? IPAddress.IsLoopback(e.Address)))], DefaultTimeout, DefaultAttempts);
    }

    /// <summary>
    /// Reads a resolv.conf: <c>nameserver</c> lines and the options <c>timeout</c>, <c>attempts</c> and <c>trust-ad</c>. Anything else is
    /// skipped, search lists in particular: mail domains are always complete. Without a server it is the one on this machine.
    /// </summary>
    /// <param name="text">The file's text.</param>
    /// <param name="believed">Whether their AD bit is believed, whatever the file says; null if the file says.</param>
    public static NameServerSettings ParseResolvConf(string text, bool? believed = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var addresses = new List<IPAddress>();
        var timeout = DefaultTimeout;
        var attempts = DefaultAttempts;
        var trusted = false;
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2)
                continue;
            if (words[0] == "nameserver" && IPAddress.TryParse(words[1], out var address) && addresses.Count < MaxServers)
                addresses.Add(address);
            if (words[0] != "options")
                continue;
            foreach (var option in words.AsSpan(1))
            {
                if (option == "trust-ad")
                    trusted = true;
                else if (Number(option, "timeout:") is { } seconds)
                    timeout = TimeSpan.FromSeconds(Math.Clamp(seconds, 1, 10));
                else if (Number(option, "attempts:") is { } rounds)
                    attempts = Math.Clamp(rounds, 1, 4);
            }
        }
        if (addresses.Count == 0)
            addresses.Add(IPAddress.Loopback);
        return new NameServerSettings(
            [.. addresses.Select(a => new NameServer(new IPEndPoint(a, 53), believed ?? (trusted || IPAddress.IsLoopback(a))))], timeout, attempts);
    }

    private static int? Number(string option, string key) =>
        option.StartsWith(key, StringComparison.Ordinal)
        && int.TryParse(option.AsSpan(key.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

/// <summary>Follows a resolv.conf while we run: DHCP rewrites it when the house changes its provider or router.</summary>
/// <param name="path">The file.</param>
/// <param name="clock">The time.</param>
/// <param name="trusted">Whether the AD bit is believed, whatever the file says; null if the file says.</param>
public sealed class ResolvConf(string path, TimeProvider clock, bool? trusted = null)
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private NameServerSettings? _settings;
    private DateTime _written;
    private long _looked;

    /// <summary>What the file says now; it is looked at every few seconds at most. If it cannot be read, the last known or the local one.</summary>
    public NameServerSettings Current
    {
        get
        {
            lock (_gate)
            {
                if (_settings is not null && clock.GetElapsedTime(_looked) < LookAgainAfter)
                    return _settings;
                _looked = clock.GetTimestamp();
                try
                {
                    var written = File.GetLastWriteTimeUtc(path);
                    if (_settings is null || written != _written)
                        _settings = NameServerSettings.ParseResolvConf(File.ReadAllText(path), trusted);
                    _written = written;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    _settings ??= NameServerSettings.ParseResolvConf("", trusted);
                }
                return _settings;
            }
        }
    }
}
