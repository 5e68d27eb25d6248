namespace HomeMail.Server.Delivery;

/// <summary>What a DSN tells (RFC 3464).</summary>
public enum DsnKind
{
    /// <summary>Final failure: action <c>failed</c>.</summary>
    Failure,

    /// <summary>Delay: action <c>delayed</c>.</summary>
    Delay,

    /// <summary>Success: action <c>delivered</c> for a mailbox here, <c>relayed</c> for a host that does not do DSN.</summary>
    Success,
}
