using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using HomeMail.Config;
using HomeMail.Privileges;
using HomeMail.Server;
using HomeMail.Server.Watching;
using HomeMail.Storage.Files;
using HomeMail.Supervision;

namespace HomeMail;

public static partial class Program
{
    // Of one kind in ten seconds: more than a busy house has, and less than fills a disk.
    private const int MostLogLines = 1000;

    // 027
    private const uint OthersNothing = 0b000_010_111;

    /// <summary>Runs the server until it is told to stop. SIGHUP reads the configuration anew.</summary>
    /// <param name="settings">What to run.</param>
    /// <param name="stop">Ends it: connections drain, then the task ends.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunServerAsync(Settings settings, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(settings);
        // The data folder lets others pass to the drop folder; what is made in it is nobody else's to read.
        _ = Native.SetUmask(OthersNothing);
        using var system = settings.Server.LogsToSystem ? new SystemLog(Console.Out) : null;
        var log = new Log(system ?? Console.Out, TimeProvider.System, settings.Server.Log) { MostLines = MostLogLines };
        if (Confinement.Report is var (done, missing))
        {
            missing = string.Join("; ", ((string?[])[missing, SystemCallFilter.RefusePrograms()]).Where(static text => text is { Length: > 0 }));
            log.Info("confined", ("by", done));
            if (missing.Length > 0)
                log.Error("confined", ("lacks", missing));
        }
        WarnOfPlace(settings.Server.Data, log);
        using var supervisor = NotifySocket.Open(Environment.GetEnvironmentVariable, Environment.ProcessId, TimeProvider.System);
        try
        {
            await using var server = new HouseServer(settings, TimeProvider.System, log) { Supervisor = supervisor };
            using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                supervisor?.Reloading();
                Reload(server, settings.Path, log);
                server.TellReady();
            });
            await server.RunAsync(stop);
            return 0;
        }
        catch (Exception error) when (error is IOException or SocketException or CryptographicException or StorageException or UnauthorizedAccessException)
        {
            log.Error("cannot-start", ("what", error.Message));
            return 1;
        }
    }

    // Mail is kept on a router's flash only by who has been told; in memory it is lost, however often that has been said.
    private static void WarnOfPlace(string data, Log log)
    {
        var isNew = !Directory.Exists(Path.Combine(data, "spool"));
        if (DataPlace.Of(data) is { Warning: { } warning } place && (isNew || place.Kind == PlaceKind.Memory))
            log.Error("data", ("path", data), ("what", warning), ("then", "let [server] data name a folder on a disk or a stick"));
    }

    // A bad file leaves the old one in force.
    private static void Reload(HouseServer server, string path, Log log)
    {
        var load = SettingsFile.Load(path);
        foreach (var error in load.Errors)
            log.Error("reload", ("what", error.ToString()));
        if (load.Settings is null)
        {
            log.Error("reload", ("what", "the old configuration stays in force"));
            return;
        }
        try
        {
            server.Reload(load.Settings);
            log.Info("reload", ("what", "done"));
        }
        catch (Exception error) when (error is IOException or CryptographicException or UnauthorizedAccessException)
        {
            log.Error("reload", ("what", error.Message), ("then", "the old configuration stays in force"));
        }
    }
}
