using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HomeMail.Storage.Files;

/// <summary>
/// The calls into libc that the BCL has no form of. The static program binds them at link time (DirectPInvoke). Only such are used
/// as have the same numbers and layouts on x64 and arm64, with glibc and musl.
/// </summary>
internal static partial class SystemCalls
{
    private const int ReadOnlyFlag = 0;
    private const int ReadWriteFlag = 2;
    private const int CreateFlag = 0x40;
    private const int ExclusiveFlag = 0x80;
    private const int CloseOnExecFlag = 0x80000;
    private const int LockExclusiveNow = 2 | 4;
    private const int StartWriteOutFlag = 2;
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint BasicStats = 0x7ff;

    private const int Eperm = 1, Enoent = 2, Eio = 5, Eacces = 13, Eexist = 17, Exdev = 18, Enotdir = 20, Einval = 22, Enospc = 28,
        Erofs = 30, Emlink = 31, Enametoolong = 36, Enosys = 38, Enotempty = 39, Eopnotsupp = 95, Edquot = 122, Eintr = 4, Ewouldblock = 11;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenCall(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkCall(string existing, string added);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameCall(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkCall(string path);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFolderCall(string path, int mode);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveFolderCall(string path);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int SyncCall(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystemCall(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwnerCall(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncRangeCall(SafeFileHandle file, long offset, long count, uint flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int LockCall(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "copy_file_range", SetLastError = true)]
    private static partial nint CopyCall(SafeFileHandle from, ref long fromOffset, SafeFileHandle to, ref long toOffset, nuint count, uint flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatCall(int folder, string path, int flags, uint mask, out StatBuffer buffer);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatFileSystemCall(string path, ulong* buffer);

    /// <summary>struct statx, which is the same on every architecture (statx(2)).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatBuffer
    {
        [FieldOffset(16)] public uint LinkCount;
        [FieldOffset(20)] public uint User;
        [FieldOffset(24)] public uint Group;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(112)] public long ModifiedSeconds;
        [FieldOffset(120)] public uint ModifiedNanoseconds;
    }

    internal static SafeFileHandle Create(string path, int mode) =>
        OpenPath(path, ReadWriteFlag | CreateFlag | ExclusiveFlag | CloseOnExecFlag, mode, "create");

    internal static SafeFileHandle Open(string path, bool write) =>
        OpenPath(path, (write ? ReadWriteFlag : ReadOnlyFlag) | CloseOnExecFlag, 0, "open");

    private static SafeFileHandle OpenPath(string path, int flags, int mode, string operation)
    {
        int descriptor;
        do
            descriptor = OpenCall(path, flags, mode);
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Eintr);
        if (descriptor < 0)
            throw Failure(operation, path);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    internal static void Link(string existing, string added)
    {
        if (LinkCall(existing, added) != 0)
            throw Failure("link", added);
    }

    internal static void Rename(string from, string to)
    {
        if (RenameCall(from, to) != 0)
            throw Failure("rename", to);
    }

    internal static bool Unlink(string path) =>
        UnlinkCall(path) == 0 || Marshal.GetLastPInvokeError() switch { Enoent or Enotdir => false, _ => throw Failure("unlink", path) };

    internal static bool CreateFolder(string path) =>
        MakeFolderCall(path, 0b111_101_000) == 0 || Marshal.GetLastPInvokeError() switch { Eexist => false, _ => throw Failure("mkdir", path) };

    internal static bool RemoveFolder(string path) =>
        RemoveFolderCall(path) == 0 || Marshal.GetLastPInvokeError() switch { Enoent => false, _ => throw Failure("rmdir", path) };

    internal static void Sync(SafeFileHandle file, string path)
    {
        int result;
        do
            result = SyncCall(file);
        while (result != 0 && Marshal.GetLastPInvokeError() == Eintr);

        // Some network file systems do not know fsync of a folder and say EINVAL; there is nothing more that could be done.
        if (result != 0 && Marshal.GetLastPInvokeError() != Einval)
            throw Failure("fsync", path);
    }

    /// <summary>Everything that was written to the file system of a path, by whomever, is on the device when this returns.</summary>
    internal static void SyncFileSystem(string path)
    {
        using var file = Open(path, write: false);
        if (SyncFileSystemCall(file) != 0)
            throw Failure("syncfs", path);
    }

    /// <summary>Gives a file or folder the owner that another has, as far as that is allowed: root may, others need not.</summary>
    internal static void CopyOwner(string from, string to)
    {
        if (StatCall(CurrentFolder, from, 0, BasicStats, out var buffer) == 0)
            _ = ChangeOwnerCall(to, buffer.User, buffer.Group);
    }

    /// <summary>Who owns a file or folder, or what a link to it leads to; null if it is not there.</summary>
    internal static uint? Owner(string path) => StatCall(CurrentFolder, path, 0, BasicStats, out var buffer) == 0 ? buffer.User : null;

    /// <summary>Only a hint: what does not work here is done by the fsync that follows.</summary>
    internal static void StartWriteOut(SafeFileHandle file) => _ = SyncRangeCall(file, 0, 0, StartWriteOutFlag);

    internal static bool TryLock(SafeFileHandle file, string path)
    {
        if (LockCall(file, LockExclusiveNow) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == Ewouldblock ? false : throw Failure("flock", path);
    }

    /// <summary>Copies what the kernel will copy; returns the count done, less than asked where the file system can't.</summary>
    internal static long Copy(SafeFileHandle from, long fromOffset, SafeFileHandle to, long toOffset, long count, string path)
    {
        var done = 0L;
        while (done < count)
        {
            var copied = CopyCall(from, ref fromOffset, to, ref toOffset, (nuint)(count - done), 0);
            if (copied > 0)
                done += copied;
            else if (copied == 0)
                return done;
            else if (Marshal.GetLastPInvokeError() is Exdev or Einval or Enosys or Eopnotsupp or Eperm or Eio)
                return done;
            else if (Marshal.GetLastPInvokeError() != Eintr)
                throw Failure("copy", path);
        }
        return done;
    }

    internal static bool TryStat(string path, out FileStat stat)
    {
        if (StatCall(CurrentFolder, path, NoFollow, BasicStats, out var buffer) != 0)
        {
            stat = default;
            return Marshal.GetLastPInvokeError() switch { Enoent or Enotdir => false, _ => throw Failure("stat", path) };
        }
        const int kind = 0xf000, folder = 0x4000;
        var modified = DateTimeOffset.UnixEpoch.AddSeconds(buffer.ModifiedSeconds).AddTicks(buffer.ModifiedNanoseconds / 100);
        stat = new FileStat((long)buffer.Size, modified, (buffer.Mode & kind) == folder, (int)buffer.LinkCount);
        return true;
    }

    internal static unsafe FreeSpace Free(string path)
    {
        if (!Environment.Is64BitProcess)
            return new FreeSpace(new DriveInfo(path).AvailableFreeSpace, long.MaxValue);

        // struct statvfs of 64-bit Linux, in words: bsize frsize blocks bfree bavail files ffree favail ...
        var words = stackalloc ulong[32];
        if (StatFileSystemCall(path, words) != 0)
            throw Failure("statvfs", path);
        var fragment = words[1] == 0 ? words[0] : words[1];
        return new FreeSpace((long)(fragment * words[4]), words[5] == 0 ? long.MaxValue : (long)words[7]);
    }

    private static StorageException Failure(string operation, string path)
    {
        var number = Marshal.GetLastPInvokeError();
        return new StorageException(Kind(number), operation, path, number);
    }

    /// <summary>The BCL puts the system's number into HResult.</summary>
    internal static StorageException Failure(IOException error, string operation, string path) =>
        error as StorageException ?? new StorageException(Kind(error.HResult), operation, path, error.HResult);

    private static FileError Kind(int number) => number switch
    {
        Enoent or Enotdir => FileError.NotFound,
        Eexist or Enotempty => FileError.Exists,
        Enospc or Edquot => FileError.NoSpace,
        Erofs => FileError.ReadOnly,
        Eperm or Eopnotsupp or Enosys => FileError.NotPermitted,
        Emlink => FileError.TooManyLinks,
        Exdev => FileError.OtherFileSystem,
        Enametoolong => FileError.NameTooLong,
        Eacces => FileError.Denied,
        _ => FileError.Other,
    };
}
