using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using HomeMail.Server.Net;
using HomeMail.Server.Web;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Web;

public sealed class WebListenerTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("web-").FullName;
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConnectionGate _gate = new(10, 10);
    private readonly WebListener _listener;
    private readonly Task _running;

    public WebListenerTests()
    {
        var identity = TlsIdentity.LoadOrMake(_folder, "mail.home.example", TimeProvider.System);
        _listener = new WebListener(
            new IPEndPoint(IPAddress.Loopback, 0), "autoconfig",
            new WebListenerContext(
                static request => WebReply.Plain(200, $"{request.Method} {request.Host} {request.Path} {request.Query} tls={request.IsTls} {Encoding.UTF8.GetString(request.Body.Span)}"),
                () => identity, _gate, _clock, Log.None));
        _running = _listener.RunAsync(_stop.Token);
    }

    [Fact]
    public async Task PlainTextIsAnsweredAndTheConnectionEnds()
    {
        var answer = await AskAsync("GET /a%20b?c=d HTTP/1.1\r\nHost: x.example\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Connection: close\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nGET x.example /a b c=d tls=False \n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TlsIsAnsweredAtTheSameEndpoint()
    {
        using var client = await ConnectAsync();
        await using var tls = new SslStream(new NetworkStream(client), false, static (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("x.example");
        await tls.WriteAsync("GET / HTTP/1.1\r\nHost: x.example\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Contains("GET x.example /  tls=True", await ToEndAsync(tls), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ContentIsReadInPiecesAndAfterTheWordForIt()
    {
        using var client = await ConnectAsync();
        await using var stream = new NetworkStream(client);
        await stream.WriteAsync("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        var word = new byte["HTTP/1.1 100 Continue\r\n\r\n".Length];
        await stream.ReadExactlyAsync(word, TestContext.Current.CancellationToken);
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", Encoding.ASCII.GetString(word));
        foreach (var part in (string[])["ab", "cd", "ef"])
            await stream.WriteAsync(Encoding.ASCII.GetBytes(part), TestContext.Current.CancellationToken);
        Assert.Contains("POST x /p  tls=False abcdef", await ToEndAsync(stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HeadHasNoContent()
    {
        var answer = await AskAsync("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Contains("Content-Length: 21\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TooMuchIsRefusedInWordsThatArrive()
    {
        Assert.StartsWith("HTTP/1.1 431 ", await AskAsync("GET / HTTP/1.1\r\nHost: x\r\nA: " + new string('a', WebListener.MaxHead) + "\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 413 ", await AskAsync($"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {WebListener.MaxBody + 1}\r\n\r\n{new string('b', WebListener.MaxBody + 1)}"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400 ", await AskAsync("nonsense\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoIsSlowIsCutOffAndLeavesNoPlaceTaken()
    {
        using var client = await ConnectAsync();
        await using var stream = new NetworkStream(client);
        await stream.WriteAsync("GET / HT"u8.ToArray(), TestContext.Current.CancellationToken);
        await UntilAsync(() => _gate.Count == 1);
        // The reader must have begun before time goes on; the limit is already running then.
        _clock.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal("", await ToEndAsync(stream));
        await UntilAsync(() => _gate.Count == 0);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }

    private async Task<Socket> ConnectAsync()
    {
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(_listener.EndPoint, TestContext.Current.CancellationToken);
        return client;
    }

    private async Task<string> AskAsync(string request)
    {
        using var client = await ConnectAsync();
        await using var stream = new NetworkStream(client);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), TestContext.Current.CancellationToken);
        return await ToEndAsync(stream);
    }

    private static async Task<string> ToEndAsync(Stream stream)
    {
        using var all = new MemoryStream();
        try
        {
            await stream.CopyToAsync(all, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // Cut off: what came before counts.
        }
        return Encoding.UTF8.GetString(all.ToArray());
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _listener.Dispose();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
