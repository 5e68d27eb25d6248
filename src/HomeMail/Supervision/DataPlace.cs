using System.Text;

namespace HomeMail.Supervision;

/// <summary>What kind of place a data folder lies in.</summary>
internal enum PlaceKind
{
    /// <summary>A file system that is made for data.</summary>
    Disk,

    /// <summary>Memory: what is there is gone with the power.</summary>
    Memory,

    /// <summary>The writable layer of a router's firmware or of a container.</summary>
    Overlay,

    /// <summary>A file system for bare flash chips: a router's own.</summary>
    Flash,

    /// <summary>Another machine.</summary>
    Network,
}

/// <summary>Where a data folder lies, as the kernel's table of mounts has it (proc_pid_mounts(5)).</summary>
/// <param name="Kind">What kind of place it is.</param>
/// <param name="Mount">Where that file system is mounted.</param>
/// <param name="FileSystem">Its type.</param>
internal readonly record struct DataPlace(PlaceKind Kind, string Mount, string FileSystem)
{
    /// <summary>What it is on.</summary>
    public string Device { get; init; } = "";

    /// <summary>Whether nothing can be written there.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Whether it is flash that wears out: a chip, or a card.</summary>
    public bool IsFlash => Kind == PlaceKind.Flash || Device.StartsWith("/dev/mmcblk", StringComparison.Ordinal);

    /// <summary>Whether it is the overlay of OpenWrt, whose upper layer is the router's flash, and not that of a container.</summary>
    public bool IsRouter => Device.StartsWith("overlayfs:/overlay", StringComparison.Ordinal);

    /// <summary>Looks a folder up, whether it is there yet or not. Null if the table cannot be read or names no such place.</summary>
    /// <param name="folder">The folder, absolute.</param>
    /// <param name="table">The table of mounts.</param>
    public static DataPlace? Of(string folder, string table = "/proc/self/mounts")
    {
        try
        {
            return Of(Resolve(folder), File.ReadLines(table));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Looks a folder up in the lines of the table.</summary>
    /// <param name="folder">The folder, absolute, without symbolic links.</param>
    /// <param name="mounts">Device, mount point, type, and more; of two at one point the later one hides the earlier.</param>
    public static DataPlace? Of(string folder, IEnumerable<string> mounts)
    {
        DataPlace? found = null;
        foreach (var line in mounts)
        {
            var fields = line.Split(' ');
            if (fields.Length < 3)
                continue;
            var mount = Unescape(fields[1]);
            if (IsBelow(folder, mount) && mount.Length >= (found?.Mount.Length ?? 0))
                found = new DataPlace(KindOf(fields[2]), mount, fields[2]) { Device = fields[0], IsReadOnly = fields.Length > 3 && fields[3].Split(',').Contains("ro") };
        }
        return found;
    }

    /// <summary>What somebody should know about the place, in plain words; null if it is a good one.</summary>
    public string? Warning => Kind switch
    {
        PlaceKind.Memory => $"mail is kept in memory here ({FileSystem} at {Mount}): it is lost when the power goes or the machine restarts",
        PlaceKind.Overlay => $"mail is kept on {FileSystem} at {Mount}: a router's own flash, which is small and wears out, or the layer of a container that goes with it",
        PlaceKind.Flash => $"mail is kept on the device's own flash ({FileSystem} at {Mount}), which is small and wears out",
        _ => null,
    };

    private static PlaceKind KindOf(string fileSystem) => fileSystem switch
    {
        "tmpfs" or "ramfs" or "rootfs" => PlaceKind.Memory,
        "overlay" or "overlayfs" or "aufs" or "mini_fo" => PlaceKind.Overlay,
        "jffs2" or "ubifs" or "yaffs2" or "squashfs" => PlaceKind.Flash,
        "nfs" or "nfs4" or "cifs" or "smb3" or "smbfs" or "9p" or "ceph" or "fuse.sshfs" or "davfs" => PlaceKind.Network,
        _ => PlaceKind.Disk,
    };

    private static bool IsBelow(string folder, string mount) =>
        mount == "/" || folder == mount || (folder.StartsWith(mount, StringComparison.Ordinal) && folder[mount.Length] == '/');

    // On OpenWrt /var is a symbolic link into memory: what counts is where the links lead, as far as the folders are there.
    private static string Resolve(string folder)
    {
        var resolved = "";
        var links = 0;
        var rest = new Stack<string>(folder.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        while (rest.TryPop(out var name))
        {
            if (name == ".")
                continue;
            if (name == "..")
            {
                resolved = resolved[..Math.Max(resolved.LastIndexOf('/'), 0)];
                continue;
            }
            var path = $"{resolved}/{name}";
            if (new FileInfo(path).LinkTarget is not { } target || ++links > 40)
            {
                resolved = path;
                continue;
            }
            if (target.StartsWith('/'))
                resolved = "";
            foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                rest.Push(part);
        }
        return resolved.Length == 0 ? "/" : resolved;
    }

    // White space and backslashes are three octal digits.
    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
            return field;
        var text = new StringBuilder();
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                text.Append((char)(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }
        return text.ToString();
    }
}
