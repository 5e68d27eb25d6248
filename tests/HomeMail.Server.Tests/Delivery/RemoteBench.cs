using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Server.Delivery;
using HomeMail.Server.Delivery.Trust;
using HomeMail.Server.Dns;
using HomeMail.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>A small internet: addresses that answer with dialogues, refuse, or swallow; and a client that delivers into it.</summary>
internal sealed class RemoteBench : IDialer, IAsyncDisposable
{
    public const string Accept = """
        S: 220 mx
        C: EHLO home.example
        S: 250 mx
        C: MAIL FROM:<alice@home.example>
        S: 250 ok
        C: RCPT TO:<bob@example.net>
        S: 250 ok
        C: DATA
        S: 354 go
        data
        S: 250 ok
        """;

    private readonly Dictionary<string, Queue<string>> _hosts = [];
    private readonly List<Task> _servers = [];
    private readonly Lock _gate = new();

    public RemoteBench(
        Func<DeliveryOptions, DeliveryOptions>? change = null, IOwnAddresses? own = null, Func<RemoteBench, ITlsPolicy>? tls = null, Func<TlsResults>? results = null,
        PortEvidence? ports = null)
    {
        var options = new DeliveryOptions { Hostname = "home.example", TrustAnchors = TestCertificates.Anchors };
        Options = change?.Invoke(options) ?? options;
        var log = new Log(TextWriter.Synchronized(LogText), Clock, LogLevel.Debug);
        var finder = new HostFinder(Zone, own ?? new FixedOwnAddresses([], []), Options, new Random(1));
        var policy = tls?.Invoke(this) ?? new RouteTlsPolicy();
        Delivery = new RemoteDelivery(finder, this, new UnmeasuredFamilies(), policy, Options, Clock, log) { TlsResults = results?.Invoke(), Ports = ports };
    }

    public FakeTimeProvider Clock { get; } = new(Letters.Noon);

    public DeliveryOptions Options { get; }

    public ZoneResolver Zone { get; } = new();

    public RemoteDelivery Delivery { get; }

    public StringWriter LogText { get; } = new();

    public X509Certificate2? Certificate { get; set; }

    /// <summary>Certificates of single addresses.</summary>
    public Dictionary<string, X509Certificate2> Certificates { get; } = [];

    /// <summary>The message that was sent last.</summary>
    public MailTransaction? LastMail { get; private set; }

    /// <summary>What was dialled, in order.</summary>
    public ConcurrentQueue<string> Dials { get; } = new();

    public ConcurrentQueue<DialogueServer> Servers { get; } = new();

    public int Places { get; private set; }

    public int PlacesTaken { get; private set; }

    /// <summary>Makes an address answer: with dialogues one after the other, <c>refuse</c>, or <c>drop</c>; the last one stays.</summary>
    public RemoteBench Host(string address, params string[] behaviours)
    {
        _hosts[IPAddress.Parse(address).ToString()] = new Queue<string>(behaviours);
        return this;
    }

    public async ValueTask<Stream> DialAsync(IPEndPoint remote, CancellationToken cancel)
    {
        string behaviour;
        lock (_gate)
        {
            Dials.Enqueue(remote.Port == 25 ? remote.Address.ToString() : remote.ToString());
            behaviour = !_hosts.TryGetValue(remote.Address.ToString(), out var queue) ? "refuse" : queue.Count > 1 ? queue.Dequeue() : queue.Peek();
        }
        if (behaviour == "refuse")
            throw new DialException("connection refused");
        if (behaviour == "drop")
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
        var (near, far) = DuplexStream.Pair();
        var server = new DialogueServer(far, behaviour, Certificates.GetValueOrDefault(remote.Address.ToString()) ?? Certificate);
        Servers.Enqueue(server);
        lock (_gate)
        {
            _servers.Add(Task.Run(async () =>
            {
                await using (far)
                    await server.RunAsync();
            }));
        }
        return near;
    }

    public Task<(string Outcome, Reach Reach)> SendAsync(Route? route = null, params string[] recipients) =>
        SendAsync(Letters.Envelope(recipients.Length == 0 ? ["bob@example.net"] : recipients), route);

    public Task<(string Outcome, Reach Reach)> SendAsync(Envelope envelope, Route? route = null) => SendAsync(Delivery, Letters.Mail(envelope), route);

    /// <summary>Sends through something that stands before this delivery.</summary>
    public async Task<(string Outcome, Reach Reach)> SendAsync(IRemoteDelivery delivery, MailTransaction mail, Route? route = null)
    {
        var routes = new Routes(route is null ? [] : [route]);
        Delivery.Routes = routes;
        LastMail = mail;
        var destination = routes.To(mail.Recipients[0].Address.Domain, "home.example");
        var sent = Task.Run(() => delivery.DeliverAsync(mail, destination, TakePlaceAsync, CancellationToken.None));
        // Nothing but time-outs moves when everything else stands still.
        var patience = Environment.TickCount64 + 20_000;
        while (!sent.IsCompleted)
        {
            await Task.WhenAny(sent, Task.Delay(5));
            Clock.Advance(TimeSpan.FromMilliseconds(250));
            Assert.True(Environment.TickCount64 < patience, "the attempt does not end");
        }
        var reach = await sent;
        return (string.Join('\n', mail.Results.Select(r => r is null ? "open" : $"{r.Outcome} {r.Diagnostic}")), reach);
    }

    /// <summary>Waits for the servers' parts of the dialogues to have ended well.</summary>
    public async Task ServersEnd()
    {
        foreach (var server in _servers)
            await server.WaitAsync(TimeSpan.FromSeconds(20));
    }

    public async ValueTask DisposeAsync()
    {
        await Delivery.DisposeAsync();
        Certificate?.Dispose();
    }

    private ValueTask<IDisposable> TakePlaceAsync(CancellationToken cancel)
    {
        Places++;
        PlacesTaken++;
        return ValueTask.FromResult<IDisposable>(new Place(this));
    }

    private sealed class Place(RemoteBench bench) : IDisposable
    {
        public void Dispose() => bench.PlacesTaken--;
    }
}
