using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace HomeMail.Load;

/// <summary>
/// What this machine can do at most: files made durable a second, and round trips over loopback a second. The files stay: to delete them would slow down
/// what is measured next.
/// </summary>
internal static class Limits
{
    /// <summary>Each file by itself: created, written, synced, then its folder. As a mail server must that answers one client at a time.</summary>
    public static void Disk(Options options)
    {
        var (folder, files, sessions, content) = Read(options);
        var timings = new Timings(files);
        var next = 0;
        var began = Stopwatch.GetTimestamp();
        Parallel(sessions, session =>
        {
            var own = Directory.CreateDirectory(Path.Combine(folder, $"{session}")).FullName;
            while (Interlocked.Increment(ref next) - 1 is var number && number < files)
            {
                var since = Stopwatch.GetTimestamp();
                using (var file = File.OpenHandle(Path.Combine(own, $"{number}"), FileMode.CreateNew, FileAccess.Write))
                {
                    RandomAccess.Write(file, content, 0);
                    RandomAccess.FlushToDisk(file);
                }
                FileSystem.SyncFolder(own);
                timings.Took(since);
            }
        });
        timings.Tell(Stopwatch.GetElapsedTime(began));
    }

    /// <summary>The same files, but those of all sessions synced together by one call for the file system, and nobody goes on before it.</summary>
    public static void DiskInGroups(Options options)
    {
        var (folder, files, sessions, content) = Read(options);
        Directory.CreateDirectory(folder);
        var rounds = files / sessions;
        var timings = new Timings(rounds * sessions);
        var began = Stopwatch.GetTimestamp();
        using var written = new Barrier(sessions, _ => FileSystem.SyncAll(folder));
        Parallel(sessions, session =>
        {
            for (var round = 0; round < rounds; round++)
            {
                var since = Stopwatch.GetTimestamp();
                using (var file = File.OpenHandle(Path.Combine(folder, $"{session}.{round}"), FileMode.CreateNew, FileAccess.Write))
                    RandomAccess.Write(file, content, 0);
                written.SignalAndWait();
                timings.Took(since);
            }
        });
        timings.Tell(Stopwatch.GetElapsedTime(began));
    }

    /// <summary>A line there and a line back, as SMTP does five times a message.</summary>
    public static void RoundTrips(Options options)
    {
        var count = options.Number("messages", 20_000);
        var sessions = options.Number("sessions", 16);
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        listener.Listen(sessions);
        var timings = new Timings(count);
        var next = 0;
        var echoes = Enumerable.Range(0, sessions).Select(_ => new Thread(() =>
        {
            using var accepted = listener.Accept();
            accepted.NoDelay = true;
            var line = new byte[64];
            while (accepted.Receive(line) is > 0 and var read)
                accepted.Send(line.AsSpan(0, read));
        }, 256 * 1024)).ToList();
        echoes.ForEach(static thread => thread.Start());
        var began = Stopwatch.GetTimestamp();
        Parallel(sessions, _ =>
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(listener.LocalEndPoint!);
            var line = new byte[32];
            while (Interlocked.Increment(ref next) - 1 < count)
            {
                var since = Stopwatch.GetTimestamp();
                socket.Send(line);
                socket.Receive(line);
                timings.Took(since);
            }
        });
        timings.Tell(Stopwatch.GetElapsedTime(began));
        echoes.ForEach(static thread => thread.Join());
    }

    private static (string Folder, int Files, int Sessions, byte[] Content) Read(Options options) => (
        options.Text("folder", Path.Combine(Directory.GetCurrentDirectory(), "limit")), options.Number("messages", 2000), options.Number("sessions", 16),
        new byte[options.Number("size", 4096)]);

    private static void Parallel(int sessions, Action<int> work)
    {
        var threads = Enumerable.Range(0, sessions).Select(session => new Thread(() => work(session), 256 * 1024)).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
    }
}
