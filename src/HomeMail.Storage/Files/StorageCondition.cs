namespace HomeMail.Storage.Files;

/// <summary>Why the store could not do something: what a peer or user has to be told, without the numbers of the system.</summary>
public enum StorageCondition
{
    /// <summary>It was done.</summary>
    None = 0,

    /// <summary>No room, no inodes, or less than the free-space floor (ENOSPC, EDQUOT): 452 4.3.1 (RFC 5321 4.2.3, RFC 3463 3.4).</summary>
    DiskFull,

    /// <summary>The file system cannot be written (EROFS): 452 4.3.1 too, but it takes a person to mend.</summary>
    ReadOnly,

    /// <summary>The device failed or the system refused (EIO, EMFILE, EACCES, ...): 451 4.3.0.</summary>
    Failed,

    /// <summary>What was asked for is not there: a mailbox, a message.</summary>
    NotFound,

    /// <summary>What was to be made is there already.</summary>
    Exists,

    /// <summary>The name of a mailbox cannot be used (too long, control characters, empty levels).</summary>
    BadName,

    /// <summary>The store is closing; ask again later.</summary>
    Closed,
}

/// <summary>What the system said, reduced to what the store tells apart.</summary>
public enum FileError
{
    /// <summary>Anything not listed here.</summary>
    Other,

    /// <summary>ENOENT, ENOTDIR.</summary>
    NotFound,

    /// <summary>EEXIST, ENOTEMPTY.</summary>
    Exists,

    /// <summary>ENOSPC, EDQUOT.</summary>
    NoSpace,

    /// <summary>EROFS.</summary>
    ReadOnly,

    /// <summary>EPERM, ENOTSUP: FAT and some network file systems say so to link(2).</summary>
    NotPermitted,

    /// <summary>EMLINK: the file has as many names as the file system allows.</summary>
    TooManyLinks,

    /// <summary>EXDEV: the two names are on different file systems.</summary>
    OtherFileSystem,

    /// <summary>ENAMETOOLONG.</summary>
    NameTooLong,

    /// <summary>EACCES.</summary>
    Denied,
}

/// <summary>A step on the file system failed.</summary>
public sealed class StorageException : IOException
{
    /// <summary>Reports a failed step.</summary>
    /// <param name="error">What the system said.</param>
    /// <param name="operation">The step, such as <c>link</c>.</param>
    /// <param name="path">The path it was about.</param>
    /// <param name="errno">The system's number, 0 if there is none.</param>
    public StorageException(FileError error, string operation, string path, int errno = 0)
        : base($"{operation} {path}: {error}{(errno == 0 ? "" : $" (errno {errno})")}")
    {
        Error = error;
        Operation = operation;
        Path = path;
    }

    /// <summary>What the system said.</summary>
    public FileError Error { get; }

    /// <summary>The step that failed.</summary>
    public string Operation { get; }

    /// <summary>The path it was about.</summary>
    public string Path { get; }

    /// <summary>What to tell whoever asked.</summary>
    public StorageCondition Condition => Error switch
    {
        FileError.NoSpace => StorageCondition.DiskFull,
        FileError.ReadOnly => StorageCondition.ReadOnly,
        FileError.NotFound => StorageCondition.NotFound,
        FileError.Exists => StorageCondition.Exists,
        FileError.NameTooLong => StorageCondition.BadName,
        _ => StorageCondition.Failed,
    };
}
