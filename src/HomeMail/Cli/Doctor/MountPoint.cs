namespace HomeMail.Cli.Doctor;

/// <summary>The file system that a folder is on, from the kernel's table (proc(5), <c>/proc/self/mountinfo</c>).</summary>
/// <param name="Path">Where it is mounted.</param>
/// <param name="Type">Its type.</param>
/// <param name="Device">What it is on.</param>
/// <param name="Options">Its options, those of the file system behind those of the mount.</param>
internal sealed record MountPoint(string Path, string Type, string Device, string Options)
{
    /// <summary>It is in memory, and gone with the power.</summary>
    public bool IsMemory => Type is "tmpfs" or "ramfs" or "rootfs" or "devtmpfs";

    /// <summary>It is on another machine.</summary>
    public bool IsNetwork => Type is "nfs" or "nfs4" or "cifs" or "smb3" or "smbfs" or "9p" or "ceph" or "glusterfs" or "fuse.sshfs" or "davfs";

    /// <summary>It is on flash that wears out: a chip of a router, or a card.</summary>
    public bool IsFlash => Type is "jffs2" or "ubifs" or "yaffs2" || Device.StartsWith("/dev/mmcblk", StringComparison.Ordinal) || Device.StartsWith("/dev/mtd", StringComparison.Ordinal);

    /// <summary>Nothing can be written to it.</summary>
    public bool IsReadOnly => Options.Split(',').Contains("ro");

    /// <summary>It is the overlay of OpenWrt, whose upper layer lasts.</summary>
    public bool IsOpenWrt => Device.StartsWith("overlayfs:/overlay", StringComparison.Ordinal);

    /// <summary>The file system of a folder, or null.</summary>
    /// <param name="folder">The folder; links in its path are followed.</param>
    public static MountPoint? Of(string folder)
    {
        try
        {
            return Find(File.ReadLines("/proc/self/mountinfo"), Real(folder));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The file system of a path in a table: the longest mount point above it, and of equal ones the last.</summary>
    /// <param name="lines">The table.</param>
    /// <param name="path">The path.</param>
    public static MountPoint? Find(IEnumerable<string> lines, string path)
    {
        MountPoint? found = null;
        foreach (var line in lines)
        {
            // id parent major:minor root mount-point options [optional fields] - type device options
            var words = line.Split(' ');
            var dash = Array.IndexOf(words, "-");
            if (dash < 6 || words.Length < dash + 4)
                continue;
            var at = Unescape(words[4]);
            if (IsAbove(at, path) && (found is null || at.Length >= found.Path.Length))
                found = new MountPoint(at, words[dash + 1], words[dash + 2], $"{words[5]},{words[dash + 3]}");
        }
        return found;
    }

    private static bool IsAbove(string mount, string path) =>
        mount == "/" || path.Equals(mount, StringComparison.Ordinal) || (path.StartsWith(mount, StringComparison.Ordinal) && path[mount.Length] == '/');

    // Space, tab, line feed and backslash are octal in the table.
    private static string Unescape(string text) =>
        text.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);

    private static string Real(string folder)
    {
        var real = "/";
        foreach (var name in System.IO.Path.GetFullPath(folder).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = System.IO.Path.Combine(real, name);
            real = new DirectoryInfo(next) is { LinkTarget: not null } link && link.ResolveLinkTarget(true) is { } target ? target.FullName : next;
        }
        return real;
    }
}
