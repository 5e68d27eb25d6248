using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>
/// DNS over the network: asks recursive resolvers, over UDP with EDNS (RFC 6891), without it where a resolver is too old for it, and over
/// TCP when an answer was cut (RFC 7766). Every failure but the caller's cancellation is an answer.
/// </summary>
/// <remarks>
/// The platform's <c>Dns</c> class cannot be used: it needs NSS, which a static program does not have, and tells neither MX nor TXT nor why
/// nothing came.
/// </remarks>
public sealed class DnsMailResolver : IMailResolver
{
    // The most queries on the wire at one time; each holds a socket.
    private const int MaxInFlight = 128;

    // Resolvers follow CNAMEs themselves; this many more are followed where one leaves the end of a chain to us (RFC 1034 5.2.2).
    private const int MaxAliases = 8;

    private static readonly TimeSpan WithoutEdnsFor = TimeSpan.FromMinutes(10);

    private readonly Func<NameServerSettings> _settings;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _inFlight = new(MaxInFlight);
    private readonly ConcurrentDictionary<IPEndPoint, long> _withoutEdns = new();
    private IPEndPoint? _lastGood;

    /// <summary>A resolver that asks fixed servers.</summary>
    /// <param name="settings">Whom to ask.</param>
    /// <param name="clock">The time.</param>
    public DnsMailResolver(NameServerSettings settings, TimeProvider clock)
        : this(() => settings, clock)
    {
    }

    /// <summary>A resolver that follows a resolv.conf.</summary>
    /// <param name="resolvConf">The file.</param>
    /// <param name="clock">The time.</param>
    public DnsMailResolver(ResolvConf resolvConf, TimeProvider clock)
        : this(() => resolvConf.Current, clock)
    {
    }

    private DnsMailResolver(Func<NameServerSettings> settings, TimeProvider clock)
    {
        _settings = settings;
        _clock = clock;
    }

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string name, AddressFamily family, CancellationToken cancel) =>
        LookUpAsync(name, family == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa, static r => new IPAddress(r.Data), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken cancel) =>
        LookUpAsync(name, DnsType.Mx, static r => new MxRecord(r.Preference, r.Name), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken cancel) =>
        LookUpAsync(name, DnsType.Txt, static r => Encoding.Latin1.GetString(r.Data), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken cancel) =>
        LookUpAsync(DnsName.Reverse(address), DnsType.Ptr, static r => r.Name, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken cancel) =>
        LookUpAsync(name, DnsType.Tlsa, static r => new TlsaRecord(r.Data[0], r.Data[1], r.Data[2], r.Data.AsMemory(3)), cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken cancel) =>
        LookUpAsync(
            name, DnsType.Srv,
            static r => new SrvRecord(r.Preference, BinaryPrimitives.ReadUInt16BigEndian(r.Data), BinaryPrimitives.ReadUInt16BigEndian(r.Data.AsSpan(2)), r.Name),
            cancel);

    private async ValueTask<DnsAnswer<T>> LookUpAsync<T>(string name, DnsType type, Func<DnsRecord, T> read, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(name);
        cancel.ThrowIfCancellationRequested();
        var canonical = name.TrimEnd('.');
        var authenticated = true;
        var timeToLive = uint.MaxValue;
        for (var alias = 0; alias <= MaxAliases; alias++)
        {
            var wire = new byte[DnsName.MaxWireLength];
            if (canonical.Length == 0 || !DnsName.TryEncode(canonical, wire, out var length))
                return new DnsAnswer<T>(DnsStatus.NoSuchDomain, [], canonical);
            var (response, server, problem) = await AskAsync(wire.AsMemory(0, length), type, cancel).ConfigureAwait(false);
            if (response is null || server is null)
                return new DnsAnswer<T>(DnsStatus.TemporaryFailure, [], canonical, Detail: problem);
            authenticated &= response.AuthenticData && server.Trusted;
            canonical = canonical.Replace(" ", @"\032", StringComparison.Ordinal); // as names in answers have it
            var asked = canonical;
            if (!FollowAliases(response.Answers, ref canonical, ref timeToLive))
                return new DnsAnswer<T>(DnsStatus.TemporaryFailure, [], canonical, Detail: "CNAME loop");

            // RFC 6604 3: with a chain, the code speaks of its end.
            if (response.Code == DnsResponseCode.NameError)
                return new DnsAnswer<T>(
                    DnsStatus.NoSuchDomain, [], canonical, authenticated, null, Seconds(Math.Min(timeToLive, response.NegativeTimeToLive)));
            var records = new List<T>();
            foreach (var record in response.Answers)
            {
                if (record.Type != type || !DnsName.Same(record.Owner, canonical))
                    continue;
                timeToLive = Math.Min(timeToLive, record.TimeToLive);
                records.Add(read(record));
            }
            if (records.Count > 0)
                return new DnsAnswer<T>(DnsStatus.Found, records, canonical, authenticated, null, Seconds(timeToLive));
            if (response.HasSoa || DnsName.Same(asked, canonical))
                return new DnsAnswer<T>(
                    DnsStatus.NoData, [], canonical, authenticated, null, Seconds(Math.Min(timeToLive, response.NegativeTimeToLive)));
        }
        return new DnsAnswer<T>(DnsStatus.TemporaryFailure, [], canonical, Detail: "CNAME chain too long");
    }

    private static TimeSpan Seconds(uint seconds) => TimeSpan.FromSeconds(seconds);

    private static bool FollowAliases(IReadOnlyList<DnsRecord> answers, ref string canonical, ref uint timeToLive)
    {
        // Each record can be used once, so a loop ends by running out of steps.
        for (var step = 0; step <= answers.Count; step++)
        {
            DnsRecord? alias = null;
            foreach (var record in answers)
                if (record.Type == DnsType.Cname && DnsName.Same(record.Owner, canonical))
                    alias = record;
            if (alias is not { } next)
                return true;
            canonical = next.Name;
            timeToLive = Math.Min(timeToLive, next.TimeToLive);
        }
        return false;
    }

    private async ValueTask<(DnsResponse? Response, NameServer? Server, string? Problem)> AskAsync(
        ReadOnlyMemory<byte> name, DnsType type, CancellationToken cancel)
    {
        await _inFlight.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var settings = _settings();
            var problem = "no server";
            for (var round = 0; round < settings.Attempts; round++)
            {
                foreach (var server in InOrder(settings.Servers))
                {
                    // Some routers drop queries with EDNS without a word: the last round tries it without.
                    var edns = round == 0 || round < settings.Attempts - 1;
                    var (response, told) = await TryAsync(server, name, type, edns, settings.Timeout * (1 << round), cancel).ConfigureAwait(false);
                    if (response is not null)
                    {
                        Volatile.Write(ref _lastGood, server.EndPoint);
                        return (response, server, null);
                    }
                    problem = $"{told} from {server}";
                }
            }
            return (null, null, problem);
        }
        finally
        {
            _inFlight.Release();
        }
    }

    // The server that answered last comes first: with a dead one at the top, not every look-up waits for it.
    private IEnumerable<NameServer> InOrder(IReadOnlyList<NameServer> servers)
    {
        var lastGood = Volatile.Read(ref _lastGood);
        foreach (var server in servers)
            if (server.EndPoint.Equals(lastGood))
                yield return server;
        foreach (var server in servers)
            if (!server.EndPoint.Equals(lastGood))
                yield return server;
    }

    private async ValueTask<(DnsResponse? Response, string? Problem)> TryAsync(
        NameServer server, ReadOnlyMemory<byte> name, DnsType type, bool edns, TimeSpan timeout, CancellationToken cancel)
    {
        using var timer = new CancellationTokenSource(timeout, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            edns = edns && !KnownWithoutEdns(server.EndPoint);
            var response = await DnsExchange.QueryAsync(server.EndPoint, name, type, edns, both.Token).ConfigureAwait(false);
            if (edns && response is { Code: DnsResponseCode.FormatError or DnsResponseCode.NotImplemented or DnsResponseCode.BadVersion })
            {
                response = await DnsExchange.QueryAsync(server.EndPoint, name, type, false, both.Token).ConfigureAwait(false);
                if (response is { Code: DnsResponseCode.NoError or DnsResponseCode.NameError })
                    _withoutEdns[server.EndPoint] = _clock.GetTimestamp(); // RFC 6891 6.2.2
            }
            return response switch
            {
                null => (null, "broken answer"),
                { Code: DnsResponseCode.NameError, HasSoa: false } => (null, "NXDOMAIN without SOA"),
                { Code: DnsResponseCode.NameError } => (response, null),
                { Code: not DnsResponseCode.NoError } => (null, Name(response.Code)),
                { Answers.Count: 0, HasSoa: false, Authoritative: false } => (null, "referral"),
                _ => (response, null),
            };
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, "time-out");
        }
        catch (SocketException e)
        {
            return (null, e.SocketErrorCode.ToString());
        }
        catch (IOException)
        {
            return (null, "TCP connection closed");
        }
    }

    private bool KnownWithoutEdns(IPEndPoint server)
    {
        if (!_withoutEdns.TryGetValue(server, out var since))
            return false;
        if (_clock.GetElapsedTime(since) < WithoutEdnsFor)
            return true;
        _withoutEdns.TryRemove(server, out _);
        return false;
    }

    private static string Name(DnsResponseCode code) => code switch
    {
        DnsResponseCode.FormatError => "FORMERR",
        DnsResponseCode.ServerFailure => "SERVFAIL",
        DnsResponseCode.NotImplemented => "NOTIMP",
        DnsResponseCode.Refused => "REFUSED",
        DnsResponseCode.BadVersion => "BADVERS",
        _ => $"RCODE {(int)code}",
    };
}
