using HomeMail.Config;
using HomeMail.Storage.Files;

namespace HomeMail;

/// <summary>
/// The drop folder where users of this machine can reach it. It lies in the data folder, where it outlives a restart of the machine; so that folder lets everybody
/// pass, and what is in it is closed to others by itself.
/// </summary>
internal static class DropLink
{
    /// <summary>A link to the folder, for callers who may not read the configuration.</summary>
    public const string Default = "/run/homemail/drop";

    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes the folder, and the way to it.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It is another user's.</exception>
    public static void Open(ServerSettings settings)
    {
        DroppedFile.MakeFolder(settings.DropFolder);
        if (settings.Drop is not null)
            return;
        foreach (var path in Directory.EnumerateFileSystemEntries(settings.Data))
            // Not the control socket, which may be here: the kernel says who calls there.
            if (path != settings.DropFolder && Path.GetFileName(path) != "control" && new FileInfo(path).LinkTarget is null
                && File.GetUnixFileMode(path) is var mode && (mode & Others) != 0)
                File.SetUnixFileMode(path, mode & ~Others);
        File.SetUnixFileMode(settings.Data, (File.GetUnixFileMode(settings.Data) & ~Others) | UnixFileMode.OtherExecute);
    }

    /// <summary>Lets the link beside the control socket lead to the folder, if that socket is where everybody looks.</summary>
    /// <param name="socket">The control socket.</param>
    /// <param name="folder">The folder.</param>
    public static void Point(string socket, string folder)
    {
        if (Path.GetDirectoryName(socket) != Path.GetDirectoryName(Default))
            return;
        try
        {
            if (new FileInfo(Default).LinkTarget == folder)
                return;
            File.Delete(Default);
            File.CreateSymbolicLink(Default, folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Callers then look where the folder is by default.
        }
    }
}
