using System.Net.Sockets;
using HomeMail.Server.Control;
using Xunit;

namespace HomeMail.Server.Tests.Control;

public sealed class ControlListenerTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hm").FullName;

    private string Socket => _root + "/run/control";

    public void Dispose() => Directory.Delete(_root, true);

    private Task<ControlListener> OpenAsync(string? path = null) =>
        ControlListener.OpenAsync(path ?? Socket, _root, new ControlSession([new ControlCommand("ping", (_, _) => Task.FromResult(ControlResult.Ok))], _root, TimeProvider.System, Log.None), Log.None);

    private async Task<bool> AnswersAsync()
    {
        if (await ControlSocket.ConnectAsync(Socket, TestContext.Current.CancellationToken) is not { } stream)
            return false;
        await using var channel = new ControlChannel(stream, TimeProvider.System);
        await channel.WriteAsync(json => json.WriteString("command", "ping"), TestContext.Current.CancellationToken);
        await channel.FlushAsync(TestContext.Current.CancellationToken);
        using var answer = await channel.ReadAsync(TestContext.Current.CancellationToken);
        return answer!.RootElement.GetProperty("result").GetString() == "ok";
    }

    [Fact]
    public async Task Our_own_user_is_answered_until_it_ends()
    {
        using var stop = new CancellationTokenSource();
        var listener = await OpenAsync();
        var running = listener.RunAsync(stop.Token);
        Assert.True(await AnswersAsync());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(Socket));

        // One that is connected and silent does not hold up the end.
        await using var silent = await ControlSocket.ConnectAsync(Socket, TestContext.Current.CancellationToken);
        Assert.True(await AnswersAsync());
        await stop.CancelAsync();
        await running;
        listener.Dispose();
        Assert.False(File.Exists(Socket));
        Assert.False(await AnswersAsync());
    }

    [Fact]
    public async Task A_socket_is_replaced_only_if_nobody_answers()
    {
        using var first = await OpenAsync();
        var error = await Assert.ThrowsAsync<IOException>(() => OpenAsync());
        Assert.Contains("another server answers there", error.Message, StringComparison.Ordinal);

        // What one that was killed leaves.
        var left = _root + "/left";
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(left));
            dead.Listen();
            File.Move(left, left + "2");
        }
        using var second = await OpenAsync(left + "2");
        Assert.Equal(left + "2", second.Path);
    }

    [Fact]
    public async Task A_file_is_never_replaced()
    {
        var path = _root + "/letter";
        File.WriteAllText(path, "dear");
        Assert.Contains("a file of that name", (await Assert.ThrowsAsync<IOException>(() => OpenAsync(path))).Message, StringComparison.Ordinal);
        Assert.Equal("dear", File.ReadAllText(path));
    }

    [Fact]
    public async Task A_path_that_is_too_long_is_told() =>
        Assert.Contains("107 octets at most", (await Assert.ThrowsAsync<IOException>(() => OpenAsync(_root + "/" + new string('x', 100)))).Message, StringComparison.Ordinal);

    [Fact]
    public void The_kernel_says_who_calls()
    {
        var path = _root + "/s";
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        using var server = listener.Accept();
        Assert.Equal(PeerCredentials.OwnUser, PeerCredentials.UserOf(server));
    }
}
