using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Tests.Dns;

/// <summary>A query as the server saw it.</summary>
internal sealed record SeenQuery(string Name, DnsType Type, bool Edns, bool Tcp, byte[] Message)
{
    /// <summary>The question section as it came.</summary>
    public ReadOnlySpan<byte> Question => Message.AsSpan(12, Message.Length - 12 - (Edns ? 11 : 0));

    /// <summary>Begins a response to this query.</summary>
    public ResponseBuilder Respond(DnsResponseCode code = DnsResponseCode.NoError) => new(this, code);
}

/// <summary>Composes a response, written apart from the code under test.</summary>
internal sealed class ResponseBuilder
{
    private readonly SeenQuery _query;
    private readonly MemoryStream _message = new();
    private readonly int[] _counts = new int[3];
    private byte _flags1 = 0x81; // QR, RD
    private byte _flags2 = 0x80; // RA

    public ResponseBuilder(SeenQuery query, DnsResponseCode code)
    {
        _query = query;
        _flags2 |= (byte)((int)code & 15);
    }

    public ResponseBuilder Truncated()
    {
        _flags1 |= 2;
        return this;
    }

    public ResponseBuilder AuthenticData()
    {
        _flags2 |= 0x20;
        return this;
    }

    public ResponseBuilder NoRecursion()
    {
        _flags2 &= 0x7f;
        return this;
    }

    public ResponseBuilder Answer(string owner, DnsType type, byte[] data, uint ttl = 300) => Record(0, owner, type, data, ttl);

    public ResponseBuilder Address(string owner, string address, uint ttl = 300)
    {
        var parsed = IPAddress.Parse(address);
        return Answer(owner, parsed.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa, parsed.GetAddressBytes(), ttl);
    }

    public ResponseBuilder Txt(string owner, params string[] strings) =>
        Answer(owner, DnsType.Txt, [.. strings.SelectMany(s => (byte[])[(byte)s.Length, .. Encoding.Latin1.GetBytes(s)])]);

    public ResponseBuilder Cname(string owner, string target, uint ttl = 300) => Answer(owner, DnsType.Cname, Wire(target), ttl);

    public ResponseBuilder Mx(string owner, ushort preference, string host) =>
        Answer(owner, DnsType.Mx, [(byte)(preference >> 8), (byte)preference, .. Wire(host)]);

    public ResponseBuilder Soa(string zone = "example", uint ttl = 3600, uint minimum = 60)
    {
        var data = new byte[20];
        BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(16), minimum);
        return Record(1, zone, DnsType.Soa, [.. Wire("ns." + zone), .. Wire("root." + zone), .. data], ttl);
    }

    public byte[] Build()
    {
        var header = new byte[12];
        _query.Message.AsSpan(0, 2).CopyTo(header);
        header[2] = _flags1;
        header[3] = _flags2;
        header[5] = 1;
        for (var i = 0; i < 3; i++)
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6 + (i * 2)), (ushort)_counts[i]);
        return [.. header, .. _query.Question, .. _message.ToArray()];
    }

    public static byte[] Wire(string name)
    {
        var wire = new MemoryStream();
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            wire.WriteByte((byte)label.Length);
            wire.Write(Encoding.Latin1.GetBytes(label));
        }
        wire.WriteByte(0);
        return wire.ToArray();
    }

    private ResponseBuilder Record(int section, string owner, DnsType type, byte[] data, uint ttl)
    {
        _counts[section]++;
        _message.Write(Wire(owner));
        var head = new byte[10];
        BinaryPrimitives.WriteUInt16BigEndian(head, (ushort)type);
        head[3] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), ttl);
        BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(8), (ushort)data.Length);
        _message.Write(head);
        _message.Write(data);
        return this;
    }
}

/// <summary>A DNS server of the test's own, UDP and TCP on one loopback port. Its answers are a function; none means silence.</summary>
internal sealed class LoopbackDnsServer : IAsyncDisposable
{
    private readonly Func<SeenQuery, IEnumerable<byte[]>> _answer;
    private readonly Socket _udp;
    private readonly Socket? _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];
    private readonly List<SeenQuery> _seen = [];

    public LoopbackDnsServer(Func<SeenQuery, IEnumerable<byte[]>> answer, bool tcp = true)
    {
        _answer = answer;
        (_udp, _tcp) = Bind(tcp);
        _loops.Add(UdpAsync());
        if (_tcp is not null)
            _loops.Add(TcpAsync(_tcp));
    }

    public LoopbackDnsServer(Func<SeenQuery, byte[]?> answer, bool tcp = true)
        : this(q => answer(q) is { } message ? [message] : Array.Empty<byte[]>(), tcp)
    {
    }

    public IPEndPoint EndPoint => (IPEndPoint)_udp.LocalEndPoint!;

    public IReadOnlyList<SeenQuery> Seen
    {
        get
        {
            lock (_seen)
                return [.. _seen];
        }
    }

    public NameServer Server => new(EndPoint, true);

    public DnsMailResolver Resolver(double timeout = 5, int attempts = 2) =>
        new(new NameServerSettings([Server], TimeSpan.FromSeconds(timeout), attempts), TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp?.Dispose();
        await Task.WhenAll(_loops);
    }

    private static (Socket Udp, Socket? Tcp) Bind(bool withTcp)
    {
        while (true)
        {
            var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            if (!withTcp)
                return (udp, null);
            var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                tcp.Bind(udp.LocalEndPoint!);
                tcp.Listen();
                return (udp, tcp);
            }
            catch (SocketException)
            {
                udp.Dispose();
                tcp.Dispose();
            }
        }
    }

    private async Task UdpAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var got = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                foreach (var message in Answers(buffer[..got.ReceivedBytes], false))
                    await _udp.SendToAsync(message, got.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task TcpAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                using var peer = await listener.AcceptAsync(_stop.Token);
                using var stream = new NetworkStream(peer);
                var head = new byte[2];
                await stream.ReadExactlyAsync(head, _stop.Token);
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
                await stream.ReadExactlyAsync(query, _stop.Token);
                foreach (var message in Answers(query, true))
                {
                    BinaryPrimitives.WriteUInt16BigEndian(head, (ushort)message.Length);
                    await stream.WriteAsync(head, _stop.Token);
                    await stream.WriteAsync(message, _stop.Token);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException or IOException)
        {
        }
    }

    private IEnumerable<byte[]> Answers(byte[] message, bool tcp)
    {
        var labels = new List<string>();
        var at = 12;
        for (; message[at] != 0; at += 1 + message[at])
            labels.Add(Encoding.Latin1.GetString(message, at + 1, message[at]));
        var query = new SeenQuery(
            string.Join('.', labels), (DnsType)BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(at + 1)), message[11] == 1, tcp, message);
        lock (_seen)
            _seen.Add(query);
        return _answer(query);
    }
}
