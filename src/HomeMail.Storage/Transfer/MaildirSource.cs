using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// A Maildir to import from: <c>cur</c> and <c>new</c> of its top folder, of Maildir++ folders beside them (<c>.Sub.Folder</c>) and of folders in folders.
/// INTERNALDATE is the time of a file's last change, as Dovecot and others have it. What is in <c>tmp</c> was never delivered.
/// </summary>
public sealed class MaildirSource : IMessageSource
{
    private const int BufferSize = 64 * 1024;

    // Deeper is a circle of mounts, or no mail.
    private const int DeepestFolder = 16;

    private readonly IFileSystem _files;
    private readonly List<(string Mailbox, string Folder)> _folders = [];
    private readonly List<string> _problems = [];

    private MaildirSource(IFileSystem files) => _files = files;

    /// <inheritdoc/>
    public IReadOnlyList<string> Mailboxes => [.. _folders.Select(folder => folder.Mailbox).Distinct()];

    /// <inheritdoc/>
    public long Total { get; private set; }

    /// <inheritdoc/>
    public long Done { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Looks for the folders of a Maildir, and counts its messages.</summary>
    /// <param name="path">Its folder: one that has <c>cur</c>, or that has folders which have.</param>
    /// <param name="mailbox">The mailbox that the top folder is; folders below become mailboxes below it, and those below INBOX mailboxes beside it.</param>
    /// <param name="files">The file system; null is the machine's.</param>
    /// <returns>The source; null if there is no Maildir.</returns>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static MaildirSource? Open(string path, string mailbox = MailboxName.Inbox, IFileSystem? files = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        var source = new MaildirSource(files ?? RealFileSystem.Instance);
        var prefix = mailbox == MailboxName.Inbox ? "" : mailbox + MailboxName.Separator;
        source.Find(path.Length > 1 ? path.TrimEnd('/') : path, mailbox, prefix, 0);
        return source._folders.Count == 0 ? null : source;
    }

    /// <inheritdoc/>
    public IEnumerable<ISourceMessage> Read()
    {
        var buffer = new byte[BufferSize];
        foreach (var (mailbox, folder) in _folders)
        {
            var keywords = MaildirKeywords.Read(_files, folder);
            foreach (var path in Sorted(folder))
            {
                Done++;
                if (TryOpen(path) is not { } open)
                    continue;
                using var file = open.File;
                var (flags, words) = MaildirFile.ReadFlags(Path.GetFileName(path.AsSpan()), keywords);
                yield return new Message(file, new MessageMarks(mailbox, flags, words, open.Date), path, buffer);
            }
        }
    }

    private void Find(string path, string mailbox, string prefix, int depth)
    {
        var names = new List<string>();
        _files.List(path, (name, isFolder) =>
        {
            if (isFolder)
                names.Add(name.ToString());
        });
        names.Sort(StringComparer.Ordinal);
        if (names.Contains("cur"))
        {
            if (MailboxName.TryNormalize(mailbox, out var normal))
                Add(normal, path);
            else
                _problems.Add($"{path}: no mailbox can have this name");
        }
        if (depth == DeepestFolder)
            return;
        foreach (var name in names)
        {
            if (name is "cur" or "new" or "tmp")
                continue;
            var below = name[0] == '.' ? MaildirName.FromPlusPlus(name) : MaildirName.Level(name);
            if (below is null)
                continue;
            // A folder called INBOX beside others becomes the inbox (mbsync and others lay it out so).
            below = prefix + below;
            Find($"{path}/{name}", below, below + MailboxName.Separator, depth + 1);
        }
    }

    private void Add(string mailbox, string folder)
    {
        _folders.Add((mailbox, folder));
        foreach (var part in (string[])["cur", "new"])
            Visit($"{folder}/{part}", _ => Total++);
    }

    private void Visit(string folder, Action<string> visit)
    {
        try
        {
            _files.List(folder, (name, isFolder) =>
            {
                if (!isFolder && name[0] != '.')
                    visit(name.ToString());
            });
        }
        catch (StorageException error) when (error.Error == FileError.NotFound)
        {
            // Some programs make "new" only when they need it.
        }
    }

    /// <summary>By the time of delivery that names begin with, so that UIDs are given in the order in which messages came.</summary>
    private List<string> Sorted(string folder)
    {
        var paths = new List<(long Seconds, string Name, string Path)>();
        foreach (var part in (string[])["cur", "new"])
            Visit($"{folder}/{part}", name => paths.Add((MaildirFile.Seconds(name), name, $"{folder}/{part}/{name}")));
        paths.Sort(static (left, right) => left.Seconds != right.Seconds ? left.Seconds.CompareTo(right.Seconds) : string.CompareOrdinal(left.Name, right.Name));
        return [.. paths.Select(path => path.Path)];
    }

    private (IFile File, DateTimeOffset Date)? TryOpen(string path)
    {
        try
        {
            if (_files.TryStat(path, out var stat))
                return (_files.Open(path), stat.Modified);
            _problems.Add($"{path}: it is gone, or its name is not UTF-8");
        }
        catch (StorageException error)
        {
            _problems.Add(error.Message);
        }
        return null;
    }

    private sealed class Message(IFile file, MessageMarks marks, string path, byte[] buffer) : ISourceMessage
    {
        private long _offset;
        private int _start;
        private int _end;
        private byte _last;

        public MessageMarks Marks => marks;

        public string Place => path;

        public int Read(Span<byte> to)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = file.Read(buffer, _offset);
                _offset += _end;
                if (_end == 0)
                    return 0;
            }
            _start += LineEnds.ToCrlf(buffer.AsSpan(_start, _end - _start), to, ref _last, out var written);
            return written;
        }
    }
}
