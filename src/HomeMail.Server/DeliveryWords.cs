namespace HomeMail.Server;

/// <summary>What can become of a message, in the words of the delivery history and of <c>homemail log</c>.</summary>
public static class DeliveryWords
{
    /// <summary>It was taken over, with the duty to deliver it or to say why not; the address is the sender's.</summary>
    public const string Accepted = "accepted";

    /// <summary>It was refused after its content; the address is the sender's.</summary>
    public const string Refused = "refused";

    /// <summary>It was refused for a recipient, and lies in the account's Rejects.</summary>
    public const string Kept = "kept";

    /// <summary>What was decided about it for a recipient, and why.</summary>
    public const string Judged = "judged";

    /// <summary>It waits for a recipient.</summary>
    public const string Queued = "queued";

    /// <summary>A recipient has it: in a mailbox here, or at the next host.</summary>
    public const string Delivered = "delivered";

    /// <summary>An attempt failed, and another will be made.</summary>
    public const string Deferred = "deferred";

    /// <summary>It will not be delivered to a recipient.</summary>
    public const string Failed = "failed";

    /// <summary>Somebody was sent a notice of it.</summary>
    public const string Told = "told";

    /// <summary>It was held by hand.</summary>
    public const string Held = "held";

    /// <summary>It was released by hand.</summary>
    public const string Released = "released";

    /// <summary>It was taken out of the queue by hand.</summary>
    public const string Dropped = "dropped";

    /// <summary>It was taken, and goes nowhere: an account's rule says so, or it may not be sent on.</summary>
    public const string Discarded = "discarded";

    /// <summary>An account's rule has sent it on.</summary>
    public const string Forwarded = "forwarded";
}
