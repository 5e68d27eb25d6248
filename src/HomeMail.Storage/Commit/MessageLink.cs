using HomeMail.Storage.Files;

namespace HomeMail.Storage.Commit;

/// <summary>Gives a message its place: a second name for the same file, or where that can't be, a copy.</summary>
internal static class MessageLink
{
    /// <summary>Makes a message stand under a new name, whole or not at all. Durable when the folder is synced.</summary>
    /// <param name="files">The file system.</param>
    /// <param name="from">A name it has.</param>
    /// <param name="folder">The folder of the new name.</param>
    /// <param name="to">The new name, which is free.</param>
    public static void Place(IFileSystem files, string from, string folder, string to)
    {
        try
        {
            files.Link(from, to);
        }
        catch (StorageException error) when (error.Error is FileError.NotPermitted or FileError.TooManyLinks or FileError.OtherFileSystem)
        {
            Copy(files, from, folder, to);
        }
    }

    private static void Copy(IFileSystem files, string from, string folder, string to)
    {
        // rename(2) would put the copy in the place of a message that is there; link(2) refuses by itself.
        if (files.TryStat(to, out _))
            throw new StorageException(FileError.Exists, "copy", to);
        var beside = string.Concat(folder, "/.", Path.GetFileName(to), ".new");
        files.Unlink(beside);
        using (var source = files.Open(from))
        using (var target = files.Create(beside, readOnly: true))
        {
            files.Copy(source, 0, target, 0, source.Length);
            if (files.TryStat(from, out var stat))
                target.SetModified(stat.Modified);
            target.Sync();
        }
        files.Rename(beside, to);
    }
}
