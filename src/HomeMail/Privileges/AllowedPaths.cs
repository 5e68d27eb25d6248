using HomeMail.Config;
using HomeMail.Server.Control;

namespace HomeMail.Privileges;

/// <summary>What of the file system a running server needs: its data, its configuration, and what names, certificates and time zones are read from.</summary>
internal static class AllowedPaths
{
    private static readonly string[] Shared =
    [
        // Names of hosts and users, the resolver, certificates.
        "/etc",
        "/usr/lib/ssl",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/usr/share/zoneinfo",
        // What the runtime reads of itself and the machine; which of it, the kernel decides by user.
        "/proc",
        "/sys",
    ];

    private static readonly string[] Devices = ["/dev/null", "/dev/urandom", "/dev/random", "/dev/log"];

    /// <summary>The rules for a configuration.</summary>
    public static IReadOnlyList<PathRule> For(Settings settings)
    {
        var rules = new List<PathRule> { new(settings.Server.Data, PathAccess.Keep), new(settings.Server.DropFolder, PathAccess.Keep) };
        foreach (var socket in ControlSocket.Candidates(settings.Server.Socket, settings.Server.Data))
            rules.Add(new(Path.GetDirectoryName(socket)!, PathAccess.Keep));
        // A file is replaced by renaming another one over it, and Landlock knows files and not names: so it is the folder that may be read.
        foreach (var file in (string?[])[settings.Path, settings.Tls.Certificate, settings.Tls.Key, "/etc/resolv.conf", Environment.GetEnvironmentVariable("SSL_CERT_FILE")])
            foreach (var folder in FoldersOf(file))
                rules.Add(new(folder, PathAccess.Read));
        if (Environment.GetEnvironmentVariable("SSL_CERT_DIR") is { Length: > 0 } certificates)
            foreach (var folder in certificates.Split(':', StringSplitOptions.RemoveEmptyEntries))
                rules.Add(new(folder, PathAccess.Read));
        foreach (var path in Shared)
            rules.Add(new(path, PathAccess.Read));
        foreach (var path in Devices)
            rules.Add(new(path, PathAccess.Device));
        rules.Add(new("/proc/self/exe", PathAccess.Execute));
        return rules;
    }

    // The folder of its name, and of each file that a symbolic link leads on to.
    private static IEnumerable<string> FoldersOf(string? file)
    {
        for (var links = 0; file is { Length: > 0 } && links < 8; links++)
        {
            var path = Path.GetFullPath(file);
            if (Path.GetDirectoryName(path) is not { Length: > 1 } folder)
                yield break;
            yield return folder;
            file = new FileInfo(path).LinkTarget is { } target ? Path.Combine(folder, target) : null;
        }
    }
}
