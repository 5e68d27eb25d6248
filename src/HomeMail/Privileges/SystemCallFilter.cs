using System.Runtime.InteropServices;

namespace HomeMail.Privileges;

/// <summary>
/// seccomp(2): system calls that no mail server makes are refused with EPERM: those that reach into other processes, mount, load code into the kernel,
/// set the clock, or have been the way into many kernels. What is refused is a list, since what a runtime needs changes with its version.
/// </summary>
internal static class SystemCallFilter
{
    private const ushort LoadWord = 0x20;
    private const ushort JumpEqual = 0x15;
    private const ushort JumpGreaterOrEqual = 0x35;
    private const ushort Return = 0x06;

    private const uint Allow = 0x7FFF0000;
    private const uint RefuseWithEPerm = 0x00050001;

    private const uint NumberOffset = 0;
    private const uint ArchitectureOffset = 4;
    private const uint X64 = 0xC000003E;
    private const uint Arm64 = 0xC00000B7;

    // On x64 numbers from here on are the 32-bit pointer interface: the same calls by another name.
    private const uint X32Bit = 0x40000000;

    private const nint SetModeFilter = 1;
    private const nint SynchronizeThreads = 1;

    // Name, number on x64, number on arm64 (the generic table).
    private static readonly (string Name, ushort X64, ushort Arm64)[] Refused =
    [
        ("ptrace", 101, 117),
        ("process_vm_readv", 310, 270),
        ("process_vm_writev", 311, 271),
        ("process_madvise", 440, 440),
        ("pidfd_getfd", 438, 438),
        ("kcmp", 312, 272),
        ("mount", 165, 40),
        ("umount2", 166, 39),
        ("pivot_root", 155, 41),
        ("chroot", 161, 51),
        ("open_tree", 428, 428),
        ("move_mount", 429, 429),
        ("fsopen", 430, 430),
        ("fsmount", 432, 432),
        ("mount_setattr", 442, 442),
        ("setns", 308, 268),
        ("unshare", 272, 97),
        ("open_by_handle_at", 304, 265),
        ("swapon", 167, 224),
        ("swapoff", 168, 225),
        ("reboot", 169, 142),
        ("sethostname", 170, 161),
        ("setdomainname", 171, 162),
        ("init_module", 175, 105),
        ("finit_module", 313, 273),
        ("delete_module", 176, 106),
        ("kexec_load", 246, 104),
        ("kexec_file_load", 320, 294),
        ("bpf", 321, 280),
        ("perf_event_open", 298, 241),
        ("userfaultfd", 323, 282),
        ("io_uring_setup", 425, 425),
        ("io_uring_enter", 426, 426),
        ("io_uring_register", 427, 427),
        ("add_key", 248, 217),
        ("request_key", 249, 218),
        ("keyctl", 250, 219),
        ("settimeofday", 164, 170),
        ("clock_settime", 227, 112),
        ("adjtimex", 159, 171),
        ("clock_adjtime", 305, 266),
        ("acct", 163, 89),
        ("quotactl", 179, 60),
        ("syslog", 103, 116),
        ("vhangup", 153, 58),
    ];

    private static readonly (string Name, ushort X64, ushort Arm64)[] Programs = [("execve", 59, 221), ("execveat", 322, 281)];

    /// <summary>Refuses them to the calling thread and to what it executes; no_new_privs must be set.</summary>
    /// <returns>Null if done, else why not.</returns>
    public static string? Restrict()
    {
        if (Program(Refused) is not { } program)
            return "not for this processor";
        unsafe
        {
            fixed (Instruction* code = program)
            {
                var filter = new FilterProgram { Length = (ushort)program.Length, Code = code };
                return Native.ProcessControl(Native.SetSeccomp, Native.SeccompModeFilter, (ulong)(nint)(&filter)) == 0 ? null : $"prctl: error {Marshal.GetLastPInvokeError()}";
            }
        }
    }

    /// <summary>Refuses to every thread of this process to execute programs: this one needs none.</summary>
    /// <returns>Null if done, else why not.</returns>
    public static string? RefusePrograms()
    {
        if (Program(Programs) is not { } program)
            return "not for this processor";
        unsafe
        {
            fixed (Instruction* code = program)
            {
                var filter = new FilterProgram { Length = (ushort)program.Length, Code = code };
                return Native.SystemCall(Native.SeccompCall, SetModeFilter, SynchronizeThreads, (nint)(&filter)) == 0 ? null : $"seccomp: error {Marshal.GetLastPInvokeError()}";
            }
        }
    }

    private static Instruction[]? Program((string Name, ushort X64, ushort Arm64)[] refused)
    {
        var isX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;
        if (!isX64 && RuntimeInformation.ProcessArchitecture != Architecture.Arm64)
            return null;
        var code = new List<Instruction>
        {
            new(LoadWord, 0, 0, ArchitectureOffset),
            // The same numbers mean other calls to another architecture's interface, which nothing here uses.
            new(JumpEqual, 0, (byte)(refused.Length + (isX64 ? 3 : 2)), isX64 ? X64 : Arm64),
            new(LoadWord, 0, 0, NumberOffset),
        };
        if (isX64)
            code.Add(new(JumpGreaterOrEqual, (byte)(refused.Length + 1), 0, X32Bit));
        for (var i = 0; i < refused.Length; i++)
            code.Add(new(JumpEqual, (byte)(refused.Length - i), 0, isX64 ? refused[i].X64 : refused[i].Arm64));
        code.Add(new(Return, 0, 0, Allow));
        code.Add(new(Return, 0, 0, RefuseWithEPerm));
        return [.. code];
    }

    // struct sock_filter.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Instruction(ushort code, byte whenTrue, byte whenFalse, uint operand)
    {
        public readonly ushort Code = code;
        public readonly byte WhenTrue = whenTrue;
        public readonly byte WhenFalse = whenFalse;
        public readonly uint Operand = operand;
    }

    // struct sock_fprog.
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct FilterProgram
    {
        public ushort Length;
        public Instruction* Code;
    }
}
