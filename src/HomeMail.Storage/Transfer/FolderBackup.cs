using System.Text;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// A copy of a data folder that can be put back as it is. It is made in two passes: the first, while mail goes on, takes the messages, which never change and are most of
/// it, as hard links where that can be; the second, while the store stands still, takes what has come or gone since, and all small files. A second backup to the
/// same place only takes what is new.
/// </summary>
/// <param name="data">The data folder.</param>
/// <param name="target">Where to; empty, a backup of before, or not there.</param>
/// <param name="socket">The server's socket, which may be in the data folder; or null.</param>
public sealed class FolderBackup(string data, string target, string? socket = null)
{
    /// <summary>The file in a backup that says whether it is whole, and of when.</summary>
    public const string MarkName = "homemail-backup";

    private const string Message = ".eml";

    // So many UIDs and mod-sequences may have been given out between a backup and the day on which it is needed. A UID must not mean two messages (RFC 9051 2.3.1.1),
    // so the copy goes on above all of them.
    private const uint UidsAhead = 1_000_000;
    private const ulong ModSeqsAhead = 1_000_000_000;

    // Not of the store, or of this moment only: locks, sockets, and what was never accepted.
    private static readonly string[] LeftOut = ["lock", "control", "spool/tmp"];

    private readonly IFileSystem _files = RealFileSystem.Instance;

    /// <summary>Files that were linked.</summary>
    public int Linked { get; private set; }

    /// <summary>Files that were copied.</summary>
    public int Copied { get; private set; }

    /// <summary>Octets that were copied.</summary>
    public long OctetsCopied { get; private set; }

    /// <summary>Messages in the backup.</summary>
    public int Messages { get; private set; }

    /// <summary>Makes the place ready, and says that what is there is no whole backup until <see cref="Complete"/>.</summary>
    /// <exception cref="IOException">There is something else, or it cannot be written.</exception>
    public void Begin()
    {
        if (Inside(target, data) || Inside(data, target))
            throw new IOException("a backup has to stand beside the data folder, neither in it nor around it");
        if (!_files.TryStat(data + "/mail", out _))
            throw new IOException($"there is no mail in the data folder {data}");
        _files.CreateFolder(target);
        var strange = false;
        _files.List(target, (_, _) => strange = true);
        if (strange && !_files.TryStat($"{target}/{MarkName}", out _))
            throw new IOException($"{target} has something in it that is no backup");
        WriteMark("incomplete: call homemail backup again\n");
        SystemCalls.CopyOwner(data, target);
    }

    /// <summary>The first pass: messages only. Mail may come and go meanwhile.</summary>
    /// <param name="progress">Is told how many messages have been seen.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">Something cannot be read or written.</exception>
    public void TakeMessages(Action<int> progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(progress);
        Messages = 0;
        Walk("", messagesOnly: true, progress, cancel);
    }

    /// <summary>The second pass: everything, as it is now. Nothing may change meanwhile.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">Something cannot be read or written.</exception>
    public void TakeRest(CancellationToken cancel)
    {
        Messages = 0;
        Walk("", messagesOnly: false, static _ => { }, cancel);
    }

    /// <summary>The backup is whole, and on the device.</summary>
    /// <param name="time">When the store stood still.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Complete(DateTimeOffset time)
    {
        SystemCalls.SyncFileSystem(target);
        WriteMark($"complete: {time.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}\n");
        SystemCalls.SyncFileSystem(target);
    }

    private void Walk(string folder, bool messagesOnly, Action<int> progress, CancellationToken cancel)
    {
        var (files, folders) = List(data + folder);
        var there = List(target + folder);
        if (!messagesOnly)
        {
            foreach (var name in there.Files.Except(files))
                if (folder.Length > 0 || name != MarkName)
                    _files.Unlink($"{target}{folder}/{name}");
            foreach (var name in there.Folders.Except(folders))
                RemoveTree($"{target}{folder}/{name}");
        }
        foreach (var name in files)
        {
            cancel.ThrowIfCancellationRequested();
            var isMessage = IsMessage(folder, name);
            if (IsLeftOut(folder, name) || $"{data}{folder}/{name}" == socket || (messagesOnly && !isMessage))
                continue;
            if (isMessage)
            {
                if (++Messages % 1000 == 0)
                    progress(Messages);
                if (there.Files.Contains(name) && IsSame($"{data}{folder}/{name}", $"{target}{folder}/{name}"))
                    continue;
            }
            Take($"{data}{folder}/{name}", $"{target}{folder}", name, isMessage);
        }
        foreach (var name in folders)
        {
            if (IsLeftOut(folder, name))
                continue;
            if (!there.Folders.Contains(name) && _files.CreateFolder($"{target}{folder}/{name}"))
                CopyMode($"{data}{folder}/{name}", $"{target}{folder}/{name}");
            Walk($"{folder}/{name}", messagesOnly, progress, cancel);
        }
    }

    // In a mailbox or the spool: such files are never written again, so that one inode may be in two places.
    private static bool IsMessage(string folder, string name) =>
        (folder.StartsWith("/mail/", StringComparison.Ordinal) && name.EndsWith(Message, StringComparison.Ordinal)) || folder == "/spool/msg";

    private static bool IsLeftOut(string folder, string name)
    {
        var path = folder.Length == 0 ? name : string.Concat(folder.AsSpan(1), "/", name);
        return Array.IndexOf(LeftOut, path) >= 0 || name == HeaderCache.FileName || name.EndsWith(".new", StringComparison.Ordinal) || name.StartsWith(".deleted-", StringComparison.Ordinal);
    }

    private bool IsSame(string from, string to) =>
        _files.TryStat(from, out var ours) && _files.TryStat(to, out var theirs) && ours.Length == theirs.Length && ours.Modified == theirs.Modified;

    private void Take(string from, string folder, string name, bool isMessage)
    {
        var to = $"{folder}/{name}";
        try
        {
            if ((isMessage && TryLink(from, to)) || (name == MailboxFile.Name && TryDescribe(from, folder)))
                return;
            Copy(from, to, $"{folder}/.{name}.new");
        }
        catch (StorageException error) when (error.Error == FileError.NotFound && !_files.TryStat(from, out _))
        {
            // Expunged since it was listed: in the first pass that may be.
        }
    }

    private bool TryLink(string from, string to)
    {
        try
        {
            _files.Unlink(to);
            _files.Link(from, to);
            Linked++;
            return true;
        }
        catch (StorageException error) when (error.Error is FileError.OtherFileSystem or FileError.NotPermitted or FileError.TooManyLinks or FileError.Denied)
        {
            return false;
        }
    }

    private bool TryDescribe(string from, string folder)
    {
        if (MailboxFile.Read(_files, Path.GetDirectoryName(from)!, out _) is not { } file)
            return false;
        var ahead = file with
        {
            UidNext = (uint)Math.Min((ulong)file.UidNext + UidsAhead, Math.Max(file.UidNext, uint.MaxValue / 2)),
            NextModSeq = file.NextModSeq + ModSeqsAhead,
            IsClosed = false,
        };
        ahead.Write(_files, folder);
        CopyMode(from, $"{folder}/{MailboxFile.Name}");
        Copied++;
        return true;
    }

    private void Copy(string from, string to, string beside)
    {
        _files.Unlink(beside);
        using (var source = _files.Open(from))
        using (var copy = _files.Create(beside))
        {
            var length = source.Length;
            _files.Copy(source, 0, copy, 0, length);
            if (_files.TryStat(from, out var stat))
                copy.SetModified(stat.Modified);
            OctetsCopied += length;
        }
        CopyMode(from, beside);
        _files.Rename(beside, to);
        Copied++;
    }

    // Secrets stay as hidden as they were, and what root copies can be read by whom it belongs to.
    private static void CopyMode(string from, string to)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(to, File.GetUnixFileMode(from));
        SystemCalls.CopyOwner(from, to);
    }

    private (HashSet<string> Files, HashSet<string> Folders) List(string folder)
    {
        var files = new HashSet<string>(StringComparer.Ordinal);
        var folders = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            // A folder may be a link, to a larger disk for one.
            _files.List(folder, (name, isFolder) => (isFolder ? folders : files).Add(name.ToString()));
        }
        catch (StorageException error) when (error.Error == FileError.NotFound)
        {
            // Of the copy: not made yet. Of the store: deleted since it was listed.
        }
        return (files, folders);
    }

    private void RemoveTree(string folder)
    {
        // What a link leads to is not of the backup.
        if (_files.TryStat(folder, out var stat) && !stat.IsFolder)
        {
            _files.Unlink(folder);
            return;
        }
        var (files, folders) = List(folder);
        foreach (var name in files)
            _files.Unlink($"{folder}/{name}");
        foreach (var name in folders)
            RemoveTree($"{folder}/{name}");
        _files.RemoveFolder(folder);
    }

    private void WriteMark(string text)
    {
        var path = $"{target}/{MarkName}";
        _files.Unlink(path + ".new");
        using (var file = _files.Create(path + ".new"))
        {
            file.Write(Encoding.UTF8.GetBytes(text), 0);
            file.Sync();
        }
        _files.Rename(path + ".new", path);
        _files.SyncFolder(target);
    }

    private static bool Inside(string path, string folder) => path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal);
}
