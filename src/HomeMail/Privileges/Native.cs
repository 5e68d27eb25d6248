using System.Runtime.InteropServices;

namespace HomeMail.Privileges;

/// <summary>The system calls that give rights up. Each is for the calling thread alone unless libc says otherwise, which is why an execve follows them.</summary>
internal static partial class Native
{
    public const int SetKeepCapabilities = 8;
    public const int SetNoNewPrivileges = 38;
    public const int SetSeccomp = 22;
    public const int CapabilityAmbient = 47;
    public const ulong AmbientRaise = 2;
    public const ulong SeccompModeFilter = 2;

    public const long LandlockCreateRuleset = 444;
    public const long LandlockAddRule = 445;
    public const long LandlockRestrictSelf = 446;

    public static long SeccompCall => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 277 : 317;

    [LibraryImport("libc", EntryPoint = "setgroups", SetLastError = true)]
    public static partial int SetGroups(nuint count, uint[] groups);

    [LibraryImport("libc", EntryPoint = "setresgid", SetLastError = true)]
    public static partial int SetGroup(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "setresuid", SetLastError = true)]
    public static partial int SetUser(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, ulong second, ulong third = 0, ulong fourth = 0, ulong fifth = 0);

    [LibraryImport("libc", EntryPoint = "capset", SetLastError = true)]
    public static partial int SetCapabilities(in CapabilityHeader header, CapabilitySet[] sets);

    [LibraryImport("libc", EntryPoint = "capget", SetLastError = true)]
    public static partial int GetCapabilities(in CapabilityHeader header, [Out] CapabilitySet[] sets);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial long SystemCall(long number, nint first, nint second, nint third, nint fourth = 0);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "umask")]
    public static partial uint SetUmask(uint mask);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "setenv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Execute(string path, string?[] arguments);
}

/// <summary>struct __user_cap_header_struct of capset(2), version 3, of this thread.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CapabilityHeader()
{
    public uint Version = 0x20080522;
    public int Process = 0;
}

/// <summary>struct __user_cap_data_struct of capset(2): 32 of the capabilities.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CapabilitySet
{
    public uint Effective;
    public uint Permitted;
    public uint Inheritable;
}
