using HomeMail.Storage;

namespace HomeMail.Server.Queue;

/// <summary>A queued message as it is shown to its administrator.</summary>
/// <param name="Id">The message.</param>
/// <param name="Arrived">When it was accepted.</param>
/// <param name="Sender">The reverse-path, empty for <c>&lt;&gt;</c>.</param>
/// <param name="Principal">Who stands behind it.</param>
/// <param name="Size">Octets of the message file.</param>
/// <param name="IsHeld">Held by hand.</param>
/// <param name="ReleaseAt">Not before this time, or null.</param>
/// <param name="IsRunning">An attempt runs now.</param>
/// <param name="Recipients">The recipients.</param>
public sealed record QueueView(
    MessageId Id, DateTimeOffset Arrived, string Sender, string Principal, long Size, bool IsHeld, DateTimeOffset? ReleaseAt, bool IsRunning,
    IReadOnlyList<QueueViewRecipient> Recipients);

/// <summary>A recipient as it is shown.</summary>
/// <param name="Address">The address.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Attempts">Attempts made.</param>
/// <param name="NextAttempt">When it is tried next; later than planned where the destination cannot be reached. Null unless waiting.</param>
/// <param name="LastReply">The last reply or reason, or null.</param>
/// <param name="Destination">Where it goes.</param>
public sealed record QueueViewRecipient(
    string Address, RecipientStatus Status, int Attempts, DateTimeOffset? NextAttempt, string? LastReply, string Destination);
