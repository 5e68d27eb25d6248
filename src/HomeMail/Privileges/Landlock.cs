using System.Runtime.InteropServices;

namespace HomeMail.Privileges;

/// <summary>What may be done below a path.</summary>
internal enum PathAccess
{
    /// <summary>Files and folders are read.</summary>
    Read,

    /// <summary>Everything that a mail store does with files: no devices, no programs.</summary>
    Keep,

    /// <summary>A file is read and run.</summary>
    Execute,

    /// <summary>A device is read and written.</summary>
    Device,
}

/// <summary>A path, and what may be done with it and below it.</summary>
internal readonly record struct PathRule(string Path, PathAccess Access);

/// <summary>landlock(7): what this thread, and what it executes, may open of the file system, whoever it runs as.</summary>
internal static class Landlock
{
    private const int PathOnly = 0x200000;
    private const int CloseOnExec = 0x80000;
    private const nint VersionFlag = 1;
    private const nint RulePathBeneath = 1;

    // Before version 2 a link from one folder into another is refused always, and a delivery is such a link.
    private const long LeastVersion = 2;

    private const ulong Execute = 1 << 0;
    private const ulong WriteFile = 1 << 1;
    private const ulong ReadFile = 1 << 2;
    private const ulong ReadFolder = 1 << 3;
    private const ulong RemoveFolder = 1 << 4;
    private const ulong RemoveFile = 1 << 5;
    private const ulong MakeFolder = 1 << 7;
    private const ulong MakeFile = 1 << 8;
    private const ulong MakeSocket = 1 << 9;
    private const ulong Refer = 1 << 13;
    private const ulong Truncate = 1 << 14;

    // All rights of version 1, device and pipe making included, are taken; REFER came with 2, TRUNCATE with 3.
    private const ulong First = (1 << 13) - 1;
    private const ulong ForFiles = Execute | WriteFile | ReadFile | Truncate;

    /// <summary>The kernel's version; 0 if it has none or has it switched off.</summary>
    public static long Version => Math.Max(Native.SystemCall(Native.LandlockCreateRuleset, 0, 0, VersionFlag), 0);

    /// <summary>Restricts the calling thread and what it executes. A path that is not there is left out.</summary>
    /// <returns>Null if done, else why not.</returns>
    public static string? Restrict(IEnumerable<PathRule> rules)
    {
        var version = Version;
        if (version < LeastVersion)
            return version == 0 ? "this kernel has none" : "this kernel's is too old: it would forbid the links that deliver mail";
        var handled = First | Refer | (version >= 3 ? Truncate : 0);
        var attributes = new RulesetAttributes { Files = handled };
        long set;
        unsafe
        {
            set = Native.SystemCall(Native.LandlockCreateRuleset, (nint)(&attributes), Marshal.SizeOf<RulesetAttributes>(), 0);
        }
        if (set < 0)
            return $"landlock_create_ruleset: error {Marshal.GetLastPInvokeError()}";
        try
        {
            foreach (var rule in rules)
                if (Add((int)set, rule, handled) is { } why)
                    return why;
            return Native.SystemCall(Native.LandlockRestrictSelf, (nint)set, 0, 0) == 0 ? null : $"landlock_restrict_self: error {Marshal.GetLastPInvokeError()}";
        }
        finally
        {
            _ = Native.Close((int)set);
        }
    }

    private static string? Add(int set, PathRule rule, ulong handled)
    {
        var isFolder = Directory.Exists(rule.Path);
        if (!isFolder && !File.Exists(rule.Path))
            return null;
        var descriptor = Native.Open(rule.Path, PathOnly | CloseOnExec);
        if (descriptor < 0)
            return null;
        try
        {
            var access = Rights(rule.Access) & handled & (isFolder ? ulong.MaxValue : ForFiles);
            var beneath = new PathBeneath { Access = access, Folder = descriptor };
            unsafe
            {
                return Native.SystemCall(Native.LandlockAddRule, set, RulePathBeneath, (nint)(&beneath)) == 0
                    ? null
                    : $"landlock_add_rule for {rule.Path}: error {Marshal.GetLastPInvokeError()}";
            }
        }
        finally
        {
            _ = Native.Close(descriptor);
        }
    }

    private static ulong Rights(PathAccess access) => access switch
    {
        PathAccess.Keep => ReadFile | WriteFile | ReadFolder | RemoveFile | RemoveFolder | MakeFile | MakeFolder | MakeSocket | Refer | Truncate,
        PathAccess.Execute => ReadFile | Execute,
        PathAccess.Device => ReadFile | WriteFile,
        _ => ReadFile | ReadFolder,
    };

    // struct landlock_ruleset_attr of the first version; later kernels take the shorter one.
    [StructLayout(LayoutKind.Sequential)]
    private struct RulesetAttributes
    {
        public ulong Files;
    }

    // struct landlock_path_beneath_attr, which is packed.
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct PathBeneath
    {
        public ulong Access;
        public int Folder;
    }
}
