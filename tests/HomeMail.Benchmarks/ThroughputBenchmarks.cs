using System.Net;
using System.Text;
using BenchmarkDotNet.Attributes;
using HomeMail.Protocol.Message;
using HomeMail.Server;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using HomeMail.Server.Intake;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail.Benchmarks;

/// <summary>Sixteen sessions at once, from greeting to a mailbox on the disk: everything but sockets. DNS is a zone in memory.</summary>
public class ThroughputBenchmarks
{
    private const int Sessions = 16;
    private const int Messages = 25;

    private readonly CancellationTokenSource _stop = new();
    private string _folder = "";
    private DataFolder? _data;
    private MessageIntake? _intake;
    private SmtpServerOptions? _options;
    private byte[] _dialogue = [];

    [GlobalSetup]
    public void SetUp()
    {
        _folder = Directory.CreateTempSubdirectory("homemail-bench-").FullName;
        _data = DataFolder.Open(_folder, TimeProvider.System);
        _data.Spool.Recover();
        var names = new HostedNames(
            "mail.example.org", [new HostedDomain("example.org", "home")], [new HostedAccount("alice", [new Address("alice", "example.org")], null)], [], "a secret"u8);
        var origin = new OriginChecks(new ZoneResolver(), domain => names.Domain(domain) is not null, TimeProvider.System, static () => true);
        _intake = new MessageIntake(
            _data.Spool, origin, static _ => 0, () => new IntakeOptions("mail.example.org", names, static _ => []), static _ => { }, TimeProvider.System, Log.None);
        _options = new SmtpServerOptions { Hostname = "mail.example.org", Limits = new SmtpLimits { GreetingDelay = TimeSpan.Zero } };
        var body = "From: a@b.example\r\nTo: alice@example.org\r\nSubject: s\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 52));
        _dialogue = Encoding.ASCII.GetBytes(
            "EHLO client.example\r\n" + string.Concat(Enumerable.Repeat("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n" + body + ".\r\n", Messages)) + "QUIT\r\n");
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _data!.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, true);
    }

    [Benchmark(OperationsPerInvoke = Sessions * Messages)]
    public void MessageOf4kToTheMailbox() => Task.WaitAll(Enumerable.Range(0, Sessions).Select(_ => Task.Run(TalkAsync)));

    private async Task TalkAsync()
    {
        var (client, server) = StreamPair.Create(1 << 20);
        var session = new SmtpSession(
            new Transport(server), SmtpRole.Mta, new IPEndPoint(IPAddress.Loopback, 40000), _options!, _intake!, new AuthenticationGuard(TimeProvider.System), TimeProvider.System, Log.None, _stop.Token);
        var running = session.RunAsync();
        await client.WriteAsync(_dialogue);
        using var reader = new StreamReader(client);
        var accepted = 0;
        while (await reader.ReadLineAsync() is { } line)
            if (line.StartsWith("250 2.6.0", StringComparison.Ordinal))
                accepted++;
        await running;
        if (accepted != Messages)
            throw new InvalidOperationException($"{accepted} of {Messages} messages were accepted");
    }
}
