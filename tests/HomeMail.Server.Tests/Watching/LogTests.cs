using System.Net.Sockets;
using System.Text;
using HomeMail.Server.Watching;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Watching;

/// <summary>A log that nobody can flood, and that the system's log understands.</summary>
public sealed class LogTests
{
    [Fact]
    public void Too_many_lines_of_one_kind_are_left_out_and_told()
    {
        var clock = new FakeTimeProvider();
        var text = new StringWriter();
        var log = new Log(text, clock) { MostLines = 3 };
        for (var i = 0; i < 10; i++)
            log.Info("session", ("i", i));
        log.Info("message");
        Assert.Equal(4, Lines(text).Length);
        Assert.Equal(7, log.LeftOut);
        clock.Advance(TimeSpan.FromSeconds(10));
        log.Info("session", ("i", 10));
        Assert.Contains("error left-out name=session lines=7", Lines(text)[^2], StringComparison.Ordinal);
        Assert.EndsWith("info session i=10", Lines(text)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Whoever_looks_closely_sees_all()
    {
        var text = new StringWriter();
        var log = new Log(text, new FakeTimeProvider(), LogLevel.Debug) { MostLines = 3 };
        for (var i = 0; i < 10; i++)
            log.Info("session");
        Assert.Equal(10, Lines(text).Length);
        Assert.Equal(0, log.LeftOut);
    }

    [Theory]
    [InlineData("2026-01-31T12:00:00.123Z info session id=x\n", "<22>homemail[PID]: info session id=x")]
    [InlineData("2026-01-31T12:00:00.123Z error store what=\"disk full\"\n", "<19>homemail[PID]: error store what=\"disk full\"")]
    [InlineData("2026-01-31T12:00:00.123Z debug command\n", "<23>homemail[PID]: debug command")]
    public void A_message_for_the_systems_log(string line, string message) =>
        Assert.Equal(message.Replace("PID", Environment.ProcessId.ToString(), StringComparison.Ordinal), SystemLog.Message(line));

    [Fact]
    public void The_systems_log_may_come_and_go()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("hm-log-").FullName, "log");
        var otherwise = new StringWriter();
        using var system = new SystemLog(otherwise, path);
        var log = new Log(system, TimeProvider.System);
        log.Info("before");
        Assert.Contains("info before", otherwise.ToString(), StringComparison.Ordinal);
        for (var round = 0; round < 2; round++)
        {
            using var listener = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.ReceiveTimeout = 5000;
            log.Info("while", ("round", round));
            var buffer = new byte[1024];
            Assert.Equal($"<22>homemail[{Environment.ProcessId}]: info while round={round}", Encoding.UTF8.GetString(buffer, 0, listener.Receive(buffer)));
            listener.Dispose();
            File.Delete(path);
        }
        log.Info("after");
        Assert.Contains("info after", otherwise.ToString(), StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(path)!, true);
    }

    private static string[] Lines(StringWriter text) => text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
