using System.Text;
using BenchmarkDotNet.Attributes;
using HomeMail.Fuzz;
using HomeMail.Server.Smtp;

namespace HomeMail.Benchmarks;

/// <summary>A session on one thread, with an intake that keeps nothing: what the protocol itself costs.</summary>
public class SessionBenchmarks
{
    private static readonly SmtpLimits NoLimits = new() { GreetingDelay = TimeSpan.Zero, Commands = int.MaxValue, Transactions = int.MaxValue, Recipients = int.MaxValue };

    private readonly InlineSession _session = new(SmtpRole.Mta, NoLimits);
    private byte[] _noops = [];
    private byte[] _small = [];
    private byte[] _chunked = [];

    [GlobalSetup]
    public void SetUp()
    {
        _session.Stream.Feed("EHLO client.example\r\n"u8.ToArray());
        _noops = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("NOOP\r\n", 100)));
        var body = "From: a@b.example\r\nTo: c@d.example\r\nSubject: s\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 52));
        const string envelope = "MAIL FROM:<a@b.example> SIZE=4100\r\nRCPT TO:<c@d.example>\r\n";
        _small = Encoding.ASCII.GetBytes(envelope + "DATA\r\n" + body + ".\r\n");
        _chunked = Encoding.ASCII.GetBytes(envelope + $"BDAT {body.Length} LAST\r\n" + body);
    }

    [Benchmark(OperationsPerInvoke = 100)]
    public int Noop() => Feed(_noops);

    [Benchmark]
    public int MessageOf4kByData() => Feed(_small);

    [Benchmark]
    public int MessageOf4kByBdat() => Feed(_chunked);

    private int Feed(byte[] octets)
    {
        _session.Stream.ClearOutput();
        _session.Stream.Feed(octets);
        return _session.Stream.OutputLength;
    }
}
