using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HomeMail.Load;

/// <summary>The two ways to make names durable that .NET has no call for.</summary>
internal static partial class FileSystem
{
    private const int ReadOnlyCloseOnExec = 0x80000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenCall(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int SyncCall(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystemCall(SafeFileHandle file);

    public static void SyncFolder(string path) => With(path, SyncCall);

    public static void SyncAll(string path) => With(path, SyncFileSystemCall);

    private static void With(string path, Func<SafeFileHandle, int> call)
    {
        using var file = new SafeFileHandle(OpenCall(path, ReadOnlyCloseOnExec, 0), ownsHandle: true);
        if (file.IsInvalid || call(file) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }
}
