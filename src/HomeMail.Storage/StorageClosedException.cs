namespace HomeMail.Storage;

/// <summary>The store is closing.</summary>
public sealed class StorageClosedException : InvalidOperationException
{
    /// <summary>Says so.</summary>
    public StorageClosedException()
        : base("The store is closed.")
    {
    }
}
