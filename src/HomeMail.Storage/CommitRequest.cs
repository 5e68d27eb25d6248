using HomeMail.Storage.Files;

namespace HomeMail.Storage;

/// <summary>
/// What is to become of a message whose body is in the spool. The file is <see cref="LocalTrace"/>, <see cref="TravelTrace"/>,
/// <see cref="Header"/> and the body, in this order. The memory must not change until the commit has ended.
/// </summary>
public sealed class CommitRequest
{
    /// <summary>The message.</summary>
    public required SpoolMessage Message { get; init; }

    /// <summary>Fields for local eyes only, each ending in CRLF: Return-Path first, Authentication-Results, Received-SPF. Remote delivery starts behind them.</summary>
    public ReadOnlyMemory<byte> LocalTrace { get; init; }

    /// <summary>Fields put in front of what came and that travel on, each ending in CRLF: DKIM-Signature, Received.</summary>
    public ReadOnlyMemory<byte> TravelTrace { get; init; }

    /// <summary>The header as edited, with the empty line at its end.</summary>
    public ReadOnlyMemory<byte> Header { get; init; }

    /// <summary>The mailboxes it goes to; in the end it is in all of them or, if the result says so, in none.</summary>
    public IReadOnlyList<LocalDelivery> Local { get; init; } = [];

    /// <summary>
    /// The envelope, if something is left to do after the commit (remote recipients, delayed ones, a DSN owed); else null. Its
    /// <see cref="Envelope.TravelOffset"/> and <see cref="Envelope.Size"/> are set here. It belongs to the queue afterwards.
    /// </summary>
    public Envelope? Envelope { get; init; }
}

/// <summary>What became of a commit.</summary>
public sealed class CommitResult
{
    /// <summary><see cref="StorageCondition.None"/>: the message is on the device and in its mailboxes. Otherwise it is nowhere, and may be tried again.</summary>
    public required StorageCondition Condition { get; init; }

    /// <summary>Whether the message is accepted.</summary>
    public bool IsCommitted => Condition == StorageCondition.None;

    /// <summary>For the log: the step and path that failed, or null.</summary>
    public string? Detail { get; init; }

    /// <summary>Where the message is, in the order of <see cref="CommitRequest.Local"/>; empty unless committed.</summary>
    public IReadOnlyList<StoredMessage> Stored { get; init; } = [];

    /// <summary>Size of the message file in octets.</summary>
    public long Size { get; init; }
}
