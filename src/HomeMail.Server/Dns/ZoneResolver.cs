using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>
/// A zone in memory: the DNS of tests and of the lab, with failures by name. It keeps to the rules that real DNS has: CNAMEs are followed,
/// a name above others exists without records of its own (RFC 8020), and case does not count.
/// </summary>
public sealed class ZoneResolver : IMailResolver
{
    private const int MaxAliases = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Name, DnsType Type), List<object>> _records = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Name, DnsType? Type), string> _failures = [];
    private readonly List<(string Name, DnsType Type)> _queries = [];

    /// <summary>Whether found and negative answers bear the AD bit.</summary>
    public bool Authenticated { get; set; }

    /// <summary>The TTL that answers bear.</summary>
    public TimeSpan TimeToLive { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>What was asked so far, in order and in lower case; the steps of a CNAME chain are not counted.</summary>
    public IReadOnlyList<(string Name, DnsType Type)> Queries
    {
        get
        {
            lock (_gate)
                return [.. _queries];
        }
    }

    /// <summary>Adds A and AAAA records.</summary>
    /// <param name="name">The owner.</param>
    /// <param name="addresses">The addresses.</param>
    public ZoneResolver Addresses(string name, params string[] addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        foreach (var text in addresses)
        {
            var address = IPAddress.Parse(text);
            Add(name, address.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa, address);
        }
        return this;
    }

    /// <summary>Adds an MX record.</summary>
    /// <param name="name">The owner.</param>
    /// <param name="preference">The preference.</param>
    /// <param name="exchange">The host; empty or <c>.</c> for a null MX (RFC 7505).</param>
    public ZoneResolver Mx(string name, int preference, string exchange)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        return Add(name, DnsType.Mx, new MxRecord(preference, exchange.TrimEnd('.')));
    }

    /// <summary>Adds a TXT record.</summary>
    /// <param name="name">The owner.</param>
    /// <param name="text">The text, its strings joined.</param>
    public ZoneResolver Txt(string name, string text) => Add(name, DnsType.Txt, text);

    /// <summary>Adds a PTR record.</summary>
    /// <param name="owner">The address, or the name below in-addr.arpa or ip6.arpa.</param>
    /// <param name="name">The name it points to.</param>
    public ZoneResolver Ptr(string owner, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Add(IPAddress.TryParse(owner, out var address) ? DnsName.Reverse(address) : owner, DnsType.Ptr, name.TrimEnd('.'));
    }

    /// <summary>Makes a name an alias.</summary>
    /// <param name="name">The alias.</param>
    /// <param name="target">The name it stands for.</param>
    public ZoneResolver Cname(string name, string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return Add(name, DnsType.Cname, target.TrimEnd('.'));
    }

    /// <summary>Adds a TLSA record.</summary>
    /// <param name="name">The owner.</param>
    /// <param name="record">The record.</param>
    public ZoneResolver Tlsa(string name, TlsaRecord record) => Add(name, DnsType.Tlsa, record);

    /// <summary>Adds an SRV record.</summary>
    /// <param name="name">The owner.</param>
    /// <param name="record">The record.</param>
    public ZoneResolver Srv(string name, SrvRecord record) => Add(name, DnsType.Srv, record);

    /// <summary>Makes look-ups of a name fail for now.</summary>
    /// <param name="name">The name.</param>
    /// <param name="failure">What happened, such as <c>time-out</c> or <c>SERVFAIL</c>: the detail of the answer.</param>
    /// <param name="type">Only look-ups of this type; null for all.</param>
    public ZoneResolver Fail(string name, string failure = "time-out", DnsType? type = null)
    {
        lock (_gate)
            _failures[(Fold(name), type)] = failure;
        return this;
    }

    /// <summary>Takes all records and failures of a name away.</summary>
    /// <param name="name">The name.</param>
    public ZoneResolver Remove(string name)
    {
        var key = Fold(name);
        lock (_gate)
        {
            foreach (var record in _records.Keys.Where(k => k.Name == key).ToList())
                _records.Remove(record);
            foreach (var failure in _failures.Keys.Where(k => k.Name == key).ToList())
                _failures.Remove(failure);
            _names.Clear();
            foreach (var (owner, _) in _records.Keys)
                AddNames(owner);
        }
        return this;
    }

    /// <summary>Makes a name exist without any record.</summary>
    /// <param name="name">The name.</param>
    public ZoneResolver Empty(string name)
    {
        lock (_gate)
            AddNames(Fold(name));
        return this;
    }

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string name, AddressFamily family, CancellationToken cancel) =>
        LookUp<IPAddress>(name, family == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken cancel) => LookUp<MxRecord>(name, DnsType.Mx, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken cancel) => LookUp<string>(name, DnsType.Txt, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken cancel) =>
        LookUp<string>(DnsName.Reverse(address), DnsType.Ptr, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken cancel) => LookUp<TlsaRecord>(name, DnsType.Tlsa, cancel);

    /// <inheritdoc/>
    public ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken cancel) => LookUp<SrvRecord>(name, DnsType.Srv, cancel);

    private static string Fold(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.TrimEnd('.').ToLowerInvariant();
    }

    private ZoneResolver Add(string name, DnsType type, object record)
    {
        var key = Fold(name);
        lock (_gate)
        {
            if (!_records.TryGetValue((key, type), out var records))
                _records[(key, type)] = records = [];
            records.Add(record);
            AddNames(key);
        }
        return this;
    }

    // A name exists if anything below it does.
    private void AddNames(string name)
    {
        while (_names.Add(name))
        {
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0)
                return;
            name = name[(dot + 1)..];
        }
    }

    private ValueTask<DnsAnswer<T>> LookUp<T>(string name, DnsType type, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var canonical = name.TrimEnd('.');
        lock (_gate)
        {
            for (var alias = 0; alias <= MaxAliases; alias++)
            {
                var key = Fold(canonical);
                if (!DnsName.IsValid(key))
                    return new(new DnsAnswer<T>(DnsStatus.NoSuchDomain, [], canonical));
                if (alias == 0)
                    _queries.Add((key, type));
                if (_failures.TryGetValue((key, type), out var failure) || _failures.TryGetValue((key, null), out failure))
                    return new(new DnsAnswer<T>(DnsStatus.TemporaryFailure, [], canonical, Detail: failure));
                if (_records.TryGetValue((key, type), out var records))
                    return new(new DnsAnswer<T>(DnsStatus.Found, [.. records.Cast<T>()], canonical, Authenticated, null, TimeToLive));
                if (!_records.TryGetValue((key, DnsType.Cname), out var target))
                    return new(new DnsAnswer<T>(
                        _names.Contains(key) ? DnsStatus.NoData : DnsStatus.NoSuchDomain, [], canonical, Authenticated, null, TimeToLive));
                canonical = (string)target[0];
            }
        }
        return new(new DnsAnswer<T>(DnsStatus.TemporaryFailure, [], canonical, Detail: "CNAME loop"));
    }
}
