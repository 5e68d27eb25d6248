using HomeMail.Storage.Commit;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage;

/// <summary>
/// Messages on their way in (<c>spool/tmp</c>), and the files of the queue: <c>spool/msg/&lt;id&gt;</c>, the message, and
/// <c>spool/env/&lt;id&gt;</c>, its envelope. Which files exist in which state is told in this folder's README.
/// </summary>
public sealed partial class Spool
{
    internal const string EnvelopeSuffix = ".env";

    // From this size on, in octets, a message is copied and synced by a thread of its own before it gets in line.
    private const int LargeMessage = 256 * 1024;

    private readonly TimeProvider _clock;
    private readonly StorageOptions _options;
    private readonly StoreWriter _writer;
    private readonly MailStore _mail;
    private readonly Action<StorageNotice> _notices;

    internal Spool(string path, IFileSystem files, TimeProvider clock, StorageOptions options, StoreWriter writer, MailStore mail, Action<StorageNotice> notices)
    {
        Path = path;
        Files = files;
        _clock = clock;
        _options = options;
        _writer = writer;
        _mail = mail;
        _notices = notices;
        TemporaryFolder = path + "/tmp";
        MessageFolder = path + "/msg";
        EnvelopeFolder = path + "/env";
        DamagedFolder = path + "/damaged";
    }

    internal string Path { get; }

    internal IFileSystem Files { get; }

    internal string TemporaryFolder { get; }

    internal string MessageFolder { get; }

    internal string EnvelopeFolder { get; }

    internal string DamagedFolder { get; }

    /// <summary>Begins a message. Nothing is on disk until its body is large or it is committed.</summary>
    /// <param name="id">Its identifier, new.</param>
    public SpoolMessage Begin(MessageId id) => new(this, id);

    /// <summary>
    /// Whether a message of this size could be taken now: room, inodes, the floor under both. Asked at MAIL (RFC 1870 SIZE) and again by the
    /// commit, since a disk fills up in between.
    /// </summary>
    /// <param name="size">The announced size in octets, 0 if unknown.</param>
    public StorageCondition Admit(long size)
    {
        try
        {
            var free = Files.Free(Path);
            return free.Bytes - size < _options.FreeBytesFloor || free.Files < _options.FreeFilesFloor
                ? StorageCondition.DiskFull
                : StorageCondition.None;
        }
        catch (StorageException error)
        {
            return error.Condition;
        }
    }

    /// <summary>
    /// Puts a message where it belongs, all or nothing: when the result says committed, the message is on the device for each
    /// of its mailboxes and for the queue, and 250 may be answered. The message may be disposed afterwards in any case.
    /// </summary>
    /// <param name="request">What is to become of it.</param>
    /// <param name="cancel">Gives up before the work begins; once begun it is finished.</param>
    /// <exception cref="OperationCanceledException">Given up; nothing is left.</exception>
    public async Task<CommitResult> CommitAsync(CommitRequest request, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancel.ThrowIfCancellationRequested();
        var message = request.Message;
        if (message.Condition != StorageCondition.None)
            return new CommitResult { Condition = message.Condition, Detail = message.Detail };
        var condition = Admit(message.BodyLength);
        if (condition != StorageCondition.None)
            return new CommitResult { Condition = condition, Detail = "free-space floor" };
        return await AttemptAsync(async () =>
        {
            using var change = Prepare(request);
            await _writer.RunAsync(change).ConfigureAwait(false);
            return new CommitResult { Condition = StorageCondition.None, Stored = change.Stored, Size = change.Size };
        }, message.BodyLength > LargeMessage).ConfigureAwait(false);
    }

    /// <summary>Puts several messages into one mailbox, all or none of them, also if the power goes (RFC 3502 6.3.11).</summary>
    /// <param name="requests">The messages, in their order; each has the same mailbox as its only target, and no envelope.</param>
    public async Task<CommitResult> CommitAllAsync(IReadOnlyList<CommitRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        if (requests.Count == 1)
            return await CommitAsync(requests[0]).ConfigureAwait(false);
        foreach (var request in requests)
            if (request.Message.Condition != StorageCondition.None)
                return new CommitResult { Condition = request.Message.Condition, Detail = request.Message.Detail };
        var length = requests.Sum(static request => request.Message.BodyLength);
        var condition = Admit(length);
        if (condition != StorageCondition.None)
            return new CommitResult { Condition = condition, Detail = "free-space floor" };
        return await AttemptAsync(async () =>
        {
            using var change = new BatchChange(this, _mail, _writer, requests, _clock.GetUtcNow());
            await _writer.RunAsync(change).ConfigureAwait(false);
            return new CommitResult { Condition = StorageCondition.None, Stored = change.Stored, Size = length };
        }, length > LargeMessage).ConfigureAwait(false);
    }

    /// <summary>Opens a queued message to read.</summary>
    /// <param name="id">Which.</param>
    /// <exception cref="StorageException">It is not there or cannot be read.</exception>
    public IFile OpenMessage(MessageId id) => Files.Open(MessagePath(id));

    private CommitChange Prepare(CommitRequest request)
    {
        var change = new CommitChange(this, _mail, _writer, request, _clock.GetUtcNow());
        try
        {
            if (change.Size > LargeMessage)
                change.SyncEarly();
            return change;
        }
        catch
        {
            change.Dispose();
            throw;
        }
    }

    private static async Task<CommitResult> AttemptAsync(Func<Task<CommitResult>> commit, bool isLong)
    {
        try
        {
            return await (isLong ? Task.Run(commit) : commit()).ConfigureAwait(false);
        }
        catch (StorageException error)
        {
            return new CommitResult { Condition = error.Condition, Detail = error.Message };
        }
        catch (StorageClosedException error)
        {
            return new CommitResult { Condition = StorageCondition.Closed, Detail = error.Message };
        }
    }

    internal void MakeFolders()
    {
        Files.CreateFolder(Path);
        foreach (var folder in (string[])[TemporaryFolder, MessageFolder, EnvelopeFolder, DamagedFolder])
            Files.CreateFolder(folder);
        Files.SyncFolder(Path);
    }

    internal string TemporaryPath(MessageId id, string suffix = "") => string.Concat(TemporaryFolder, "/", id.Value, suffix);

    internal string MessagePath(MessageId id) => string.Concat(MessageFolder, "/", id.Value);

    internal string EnvelopePath(MessageId id) => string.Concat(EnvelopeFolder, "/", id.Value);

    /// <summary>Takes a file away that means nothing any more; if that fails the next start does it.</summary>
    internal void Discard(string path)
    {
        try
        {
            Files.Unlink(path);
        }
        catch (StorageException)
        {
            // It is garbage by its place; Recover clears it.
        }
    }
}
