using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HomeMail.Server.Delivery;

namespace HomeMail.Server.Tests.Delivery.Trust;

/// <summary>A web server with TLS on loopback that gives the same answer to everybody; as a dialer it stands at every address.</summary>
internal sealed class PolicyHost : IDialer, IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public PolicyHost()
    {
        _listener.Start();
        _serving = Task.Run(ServeAsync);
    }

    public X509Certificate2 Certificate { get; set; } = TestCertificates.For("mta-sts.example.net");

    /// <summary>The whole answer.</summary>
    public string Answer { get; set; } = "";

    public bool Refuses { get; set; }

    public ConcurrentQueue<string> Dials { get; } = new();

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Answers with a policy.</summary>
    public void Publish(string policy) =>
        Answer = $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {policy.Length}\r\n\r\n{policy}";

    public async ValueTask<Stream> DialAsync(IPEndPoint remote, CancellationToken cancel)
    {
        Dials.Enqueue(remote.ToString());
        if (Refuses)
            throw new DialException("connection refused");
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_listener.LocalEndpoint, cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                try
                {
                    await using var tls = new SslStream(client.GetStream());
                    await tls.AuthenticateAsServerAsync(
                        new SslServerAuthenticationOptions { ServerCertificate = Certificate, ApplicationProtocols = [SslApplicationProtocol.Http11] }, _stop.Token);
                    var request = new StringBuilder();
                    var buffer = new byte[4096];
                    while (!request.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
                    {
                        var read = await tls.ReadAsync(buffer, _stop.Token);
                        if (read == 0)
                            break;
                        request.Append(Encoding.ASCII.GetString(buffer, 0, read));
                    }
                    if (request.Length == 0)
                        continue;
                    Requests.Enqueue(request.ToString());
                    await tls.WriteAsync(Encoding.Latin1.GetBytes(Answer), _stop.Token);
                    await tls.ShutdownAsync();
                }
                catch (Exception e) when (e is IOException or AuthenticationException)
                {
                    // A client that does not like the certificate.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException or ObjectDisposedException)
        {
            // The end.
        }
    }
}
