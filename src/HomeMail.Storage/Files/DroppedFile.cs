using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace HomeMail.Storage.Files;

/// <summary>
/// Files that pass between users of this machine through a folder where everybody may put one and nobody but the server sees what others have put: mode
/// 1733. The kernel says whose a file is; its name says only that it is whole.
/// </summary>
public sealed partial class DroppedFile : IDisposable
{
    /// <summary>How names of whole files end.</summary>
    public const string Suffix = ".mail";

    private const int ReadOnly = 0;
    private const int NoFollow = 0x20000;
    private const int NoFollowArm64 = 0x8000;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int EmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;
    private const int TypeMask = 0xF000;
    private const int Regular = 0x8000;

    private const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode FolderMode = UnixFileMode.StickyBit | UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private DroppedFile(Stream content, uint user)
    {
        Content = content;
        User = user;
    }

    /// <summary>The content.</summary>
    public Stream Content { get; }

    /// <summary>The user id of its owner.</summary>
    public uint User { get; }

    /// <summary>Makes the folder, or puts its mode right.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not make it.</exception>
    public static void MakeFolder(string folder)
    {
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, FolderMode);
    }

    /// <summary>Puts a file into the folder. When it returns the file is whole and on the device.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">It could not be written; nothing is left of it.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not put anything there.</exception>
    public static void Put(string folder, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        // Whoever could guess the name could read the file: the server has to be able to, and is another user.
        var name = Path.Combine(folder, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20)));
        var part = name + ".part";
        using var stream = new FileStream(part, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Open });
        try
        {
            File.SetUnixFileMode(stream.SafeFileHandle, Open);
            write(stream);
            stream.Flush(flushToDisk: true);
            File.Move(part, name + Suffix);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
        // The folder cannot be opened by those who may only put files into it, so its names are synced by way of the file.
        if (SyncFileSystem(stream.SafeFileHandle) != 0)
            stream.Flush(flushToDisk: true);
    }

    /// <summary>
    /// Opens a file of the folder: a regular one with one name, without following a link. Anything else could be somebody else's file.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The file; null if it is none of that kind, or gone.</returns>
    public static DroppedFile? TryOpen(string path)
    {
        var noFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? NoFollowArm64 : NoFollow;
        var descriptor = OpenFile(path, ReadOnly | noFollow | NonBlocking | CloseOnExec, 0);
        if (descriptor < 0)
            return null;
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Stat(handle, "", EmptyPath, BasicStats, out var stat) != 0 || (stat.Mode & TypeMask) != Regular || stat.LinkCount != 1)
        {
            handle.Dispose();
            return null;
        }
        return new DroppedFile(new FileStream(handle, FileAccess.Read), stat.User);
    }

    /// <inheritdoc/>
    public void Dispose() => Content.Dispose();

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileStat
    {
        [FieldOffset(16)] public uint LinkCount;
        [FieldOffset(20)] public uint User;
        [FieldOffset(28)] public ushort Mode;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(SafeFileHandle folder, string path, int flags, uint mask, out FileStat buffer);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystem(SafeFileHandle file);
}
