using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;

namespace HomeMail.Storage;

/// <summary>How the store behaves; the defaults suit a house.</summary>
public sealed record StorageOptions
{
    /// <summary>Below this many free octets new mail is refused (452 4.3.1); what makes room, and flags, still work.</summary>
    public long FreeBytesFloor { get; init; } = 16 * 1024 * 1024;

    /// <summary>Below this many free inodes new mail is refused.</summary>
    public long FreeFilesFloor { get; init; } = 200;
}

/// <summary>
/// The server's data folder, which one process at a time has: the spool with the queue, and the mail of all accounts.
/// </summary>
public sealed class DataFolder : IAsyncDisposable
{
    private readonly IDisposable _lock;
    private readonly StoreWriter _writer;

    private DataFolder(string path, IFileSystem files, TimeProvider clock, StorageOptions options, Action<StorageNotice>? notices, IDisposable held)
    {
        Path = path;
        _lock = held;
        _writer = new StoreWriter(files);
        notices ??= static _ => { };
        Mail = new MailStore(path + "/mail", files, clock, _writer, notices);
        Spool = new Spool(path + "/spool", files, clock, options, _writer, Mail, notices);
        Mail.EnvelopeFolder = Spool.EnvelopeFolder;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Messages on their way in, and the queue's files.</summary>
    public Spool Spool { get; }

    /// <summary>The mailboxes.</summary>
    public MailStore Mail { get; }

    /// <summary>Opens the data folder and makes what is missing in it. <see cref="Spool.Recover()"/> comes next.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="clock">Where the time comes from.</param>
    /// <param name="notices">Is told what was found damaged; called from any thread.</param>
    /// <param name="files">The file system; null is the machine's.</param>
    /// <param name="options">Null means the defaults.</param>
    /// <exception cref="DataFolderInUseException">Another server has it.</exception>
    /// <exception cref="StorageException">It cannot be used.</exception>
    public static DataFolder Open(string path, TimeProvider clock, Action<StorageNotice>? notices = null, IFileSystem? files = null, StorageOptions? options = null)
    {
        files ??= RealFileSystem.Instance;
        if (files.CreateFolder(path))
            files.SyncFolder(System.IO.Path.GetDirectoryName(System.IO.Path.TrimEndingDirectorySeparator(path)) is { Length: > 0 } parent ? parent : ".");
        var held = files.TryLock(path + "/lock") ?? throw new DataFolderInUseException(path);
        try
        {
            var folder = new DataFolder(path, files, clock, options ?? new StorageOptions(), notices, held);
            folder.Spool.MakeFolders();
            files.CreateFolder(path + "/mail");
            files.SyncFolder(path);
            return folder;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The user id of who owns a data folder; null if there is none.</summary>
    /// <param name="path">The folder.</param>
    public static uint? OwnerOf(string path) => SystemCalls.Owner(path);

    /// <summary>
    /// Keeps mail and queue as they are until the result is disposed, so that they can be copied: what changes them waits meanwhile, and reading goes on. Whoever
    /// forgets to go on holds up everybody, so it ends by itself.
    /// </summary>
    /// <param name="atMost">How long at most.</param>
    public async Task<StorePause> PauseAsync(TimeSpan atMost)
    {
        var pause = new PauseChange(atMost);
        var done = _writer.RunAsync(pause);
        await Task.WhenAny(pause.Begun, done).ConfigureAwait(false);
        return new StorePause(pause, done);
    }

    /// <summary>Ends: what was begun is finished, nothing new is taken, and the folder is free for another process.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Mail.TrimAsync(TimeSpan.Zero).ConfigureAwait(false);
        }
        catch (Exception error) when (error is StorageException or StorageClosedException)
        {
            // Numbers then go on at the end of their reservations.
        }
        await _writer.CloseAsync().ConfigureAwait(false);
        _lock.Dispose();
    }
}

/// <summary>Another process has the data folder.</summary>
public sealed class DataFolderInUseException : IOException
{
    /// <summary>Says so.</summary>
    /// <param name="path">The data folder.</param>
    public DataFolderInUseException(string path)
        : base($"The data folder {path} is in use by another homemail (its file 'lock' is locked). Stop that one first, or give this one another folder.")
    {
    }
}
