using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Server.House;

namespace HomeMail.Server.Tests.House;

/// <summary>A gateway on loopback that speaks PCP, NAT-PMP and UPnP-IGD as it is told to: rightly, with lies, with garbage, or not at all.</summary>
internal sealed class ScriptedGateway : IDisposable
{
    public const string Description = """
        <?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><serviceList><service>
        <serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>
        """;

    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _pcp = Bound(SocketType.Dgram, ProtocolType.Udp);
    private readonly Socket _ssdp = Bound(SocketType.Dgram, ProtocolType.Udp);
    private readonly Socket _http = Bound(SocketType.Stream, ProtocolType.Tcp);

    public ScriptedGateway()
    {
        _http.Listen();
        _ = DatagramsAsync(_pcp, request => OnPcp(request));
        _ = DatagramsAsync(_ssdp, request => OnSearch(request));
        _ = CallsAsync();
    }

    public GatewayPorts Ports => new(PortOf(_pcp), PortOf(_ssdp)) { FirstWait = TimeSpan.FromMilliseconds(40) };

    public int HttpPort => PortOf(_http);

    /// <summary>What was asked over HTTP, whole requests.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Datagrams of PCP and NAT-PMP as they came.</summary>
    public ConcurrentQueue<byte[]> Requests { get; } = new();

    /// <summary>Answers PCP and NAT-PMP, both of which begin with their version; nothing for silence.</summary>
    public Func<byte[], IEnumerable<byte[]>> OnPcp { get; set; } = static _ => [];

    /// <summary>Answers a search.</summary>
    public Func<byte[], IEnumerable<byte[]>> OnSearch { get; set; } = static _ => [];

    /// <summary>Answers a request; null hangs.</summary>
    public Func<string, string?> OnHttp { get; set; } = static _ => null;

    /// <summary>Speaks PCP with an address.</summary>
    public void SpeakPcp(string address, Func<byte[], byte[]>? change = null) => OnPcp = request =>
    {
        if (request[0] != 2)
            return [];
        var answer = new byte[60];
        request.CopyTo(answer, 0);
        answer[1] |= 0x80;
        answer.AsSpan(8, 16).Clear();
        IPAddress.Parse(address).MapToIPv6().TryWriteBytes(answer.AsSpan(44), out _);
        return [change?.Invoke(answer) ?? answer];
    };

    /// <summary>Speaks NAT-PMP with an address.</summary>
    public void SpeakNatPmp(string address) => OnPcp = request => request switch
    {
        [2, ..] => [[0, 0x81, 0, 1, 0, 0, 0, 0]],
        [0, 0] => [[0, 0x80, 0, 0, 0, 0, 0, 1, .. IPAddress.Parse(address).GetAddressBytes()]],
        [0, 2, ..] => [[0, 0x82, 0, 0, 0, 0, 0, 1, request[4], request[5], request[6], request[7], .. request[8..12]]],
        _ => [],
    };

    /// <summary>Speaks UPnP with an address.</summary>
    public void SpeakUpnp(string address, int status = 200)
    {
        OnSearch = _ => [Found($"http://127.0.0.1:{HttpPort}/d.xml")];
        OnHttp = request => request.StartsWith("GET /d.xml", StringComparison.Ordinal) ? Answer(Description)
            : request.StartsWith("POST /ctl", StringComparison.Ordinal) ? Answer($"<e><NewExternalIPAddress>{address}</NewExternalIPAddress></e>", status) : Answer("", 404);
    }

    public static byte[] Found(string location) => Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: {location}\r\n\r\n");

    public static string Answer(string body, int status = 200) => $"HTTP/1.1 {status} X\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public void Dispose()
    {
        _stop.Cancel();
        _pcp.Dispose();
        _ssdp.Dispose();
        _http.Dispose();
        _stop.Dispose();
    }

    private static Socket Bound(SocketType type, ProtocolType protocol)
    {
        var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private async Task DatagramsAsync(Socket socket, Func<byte[], IEnumerable<byte[]>> answer)
    {
        var buffer = new byte[2048];
        try
        {
            while (true)
            {
                var received = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                var request = buffer[..received.ReceivedBytes];
                if (socket == _pcp)
                    Requests.Enqueue(request);
                foreach (var datagram in answer(request))
                    await socket.SendToAsync(datagram, received.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The end.
        }
    }

    private async Task CallsAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _http.AcceptAsync(_stop.Token));
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using (client)
        {
            try
            {
                var request = "";
                var buffer = new byte[8192];
                while (!request.Contains("\r\n\r\n", StringComparison.Ordinal) || (request.StartsWith("POST", StringComparison.Ordinal) && !request.Contains("</s:Envelope>", StringComparison.Ordinal)))
                {
                    var read = await client.ReceiveAsync(buffer, _stop.Token);
                    if (read == 0)
                        return;
                    request += Encoding.UTF8.GetString(buffer, 0, read);
                }
                Calls.Enqueue(request);
                if (OnHttp(request) is { } answer)
                    await client.SendAsync(Encoding.UTF8.GetBytes(answer), _stop.Token);
                else
                    await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                // The client has gone, or the test.
            }
        }
    }
}
