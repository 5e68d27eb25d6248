using System.Globalization;
using System.Net.Sockets;
using System.Text;
using HomeMail.Supervision;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Supervision;

/// <summary>A supervisor's end of the socket, and what arrives there.</summary>
public sealed class NotifySocketTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;
    private readonly Socket _supervisor = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
    private readonly FakeTimeProvider _clock = new();

    public void Dispose()
    {
        _supervisor.Dispose();
        Directory.Delete(_root, true);
    }

    private string Receive()
    {
        var octets = new byte[4096];
        return Encoding.UTF8.GetString(octets, 0, _supervisor.Receive(octets));
    }

    private NotifySocket? Open(params (string Name, string Value)[] environment) =>
        NotifySocket.Open(name => environment.FirstOrDefault(entry => entry.Name == name).Value, 4711, _clock);

    [Fact]
    public void What_happens_is_told_at_a_path()
    {
        var path = Path.Combine(_root, "notify");
        _supervisor.Bind(new UnixDomainSocketEndPoint(path));
        using var socket = Open(("NOTIFY_SOCKET", path))!;
        socket.Ready("serving mail.example.org");
        Assert.Equal("READY=1\nSTATUS=serving mail.example.org", Receive());
        socket.Reloading();
        Assert.Matches("^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$", Receive());
        socket.Stopping();
        Assert.StartsWith("STOPPING=1\n", Receive(), StringComparison.Ordinal);
        Assert.Null(socket.Watchdog);
        socket.CheckTime(long.MaxValue);
        Assert.Equal(0, _supervisor.Available);
    }

    [Fact]
    public void The_time_of_a_reload_is_the_kernels()
    {
        var path = Path.Combine(_root, "notify");
        _supervisor.Bind(new UnixDomainSocketEndPoint(path));
        using var socket = Open(("NOTIFY_SOCKET", path))!;
        socket.Reloading();
        var told = long.Parse(Receive().Split('=')[^1], CultureInfo.InvariantCulture) / 1e6;
        // /proc/uptime also counts the time a machine has slept: never less.
        var up = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.InRange(told, 0.001, up + 1);
    }

    [Fact]
    public void A_name_in_no_file_system_is_an_address_too()
    {
        var name = $"homemail-test-{Guid.NewGuid():N}";
        _supervisor.Bind(new UnixDomainSocketEndPoint("\0" + name));
        using var socket = Open(("NOTIFY_SOCKET", "@" + name))!;
        socket.Ready("x");
        Assert.StartsWith("READY=1\n", Receive(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_watchdog_is_fed_at_half_of_its_time()
    {
        var path = Path.Combine(_root, "notify");
        _supervisor.Bind(new UnixDomainSocketEndPoint(path));
        using var socket = Open(("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "20000000"), ("WATCHDOG_PID", "4711"))!;
        Assert.Equal(TimeSpan.FromSeconds(20), socket.Watchdog);
        socket.Ready("x");
        Receive();
        Assert.Equal("WATCHDOG=1", Receive());
        for (var second = 1; second < 10; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            socket.CheckTime(_clock.GetTimestamp());
        }
        Assert.Equal(0, _supervisor.Available);
        _clock.Advance(TimeSpan.FromSeconds(1));
        socket.CheckTime(_clock.GetTimestamp());
        Assert.Equal("WATCHDOG=1", Receive());
        socket.CheckTime(_clock.GetTimestamp());
        Assert.Equal(0, _supervisor.Available);
    }

    [Theory]
    [InlineData("WATCHDOG_USEC", "0")]
    [InlineData("WATCHDOG_USEC", "-5")]
    [InlineData("WATCHDOG_USEC", "soon")]
    [InlineData("WATCHDOG_PID", "4712")]
    public void A_watchdog_of_somebody_else_or_of_no_time_is_none(string name, string value)
    {
        using var socket = Open(("NOTIFY_SOCKET", "/nowhere"), (name, value), ("WATCHDOG_USEC", "20000000"))!;
        Assert.Null(socket.Watchdog);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("relative/path")]
    [InlineData("vsock:2:1234")]
    public void Without_an_address_of_a_known_kind_there_is_none(string? address) =>
        Assert.Null(NotifySocket.Open(name => name == "NOTIFY_SOCKET" ? address : null, 1, _clock));

    [Fact]
    public void A_supervisor_that_is_not_there_or_does_not_read_stops_nothing()
    {
        using var nobody = Open(("NOTIFY_SOCKET", Path.Combine(_root, "nobody")), ("WATCHDOG_USEC", "1000"))!;
        nobody.Ready("x");
        nobody.Stopping();

        var path = Path.Combine(_root, "notify");
        _supervisor.Bind(new UnixDomainSocketEndPoint(path));
        using var deaf = Open(("NOTIFY_SOCKET", path))!;
        // More than a socket's queue holds, were it read by nobody.
        for (var i = 0; i < 10_000; i++)
            deaf.Ready("x");
        Assert.StartsWith("READY=1\n", Receive(), StringComparison.Ordinal);
    }
}
