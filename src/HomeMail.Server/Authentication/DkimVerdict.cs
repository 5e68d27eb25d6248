using HomeMail.Protocol.Dkim;

namespace HomeMail.Server.Authentication;

/// <summary>What became of a signature, in the terms of RFC 8601 2.7.1.</summary>
public enum DkimResult
{
    /// <summary>It is good, and covers the whole body.</summary>
    Pass,

    /// <summary>It does not fit the message.</summary>
    Fail,

    /// <summary>It is good, but not one that can count here, such as one that leaves the end of the body unsigned.</summary>
    Policy,

    /// <summary>It could not be judged, such as one beyond the number that is looked at.</summary>
    Neutral,

    /// <summary>The key could not be fetched now.</summary>
    TempError,

    /// <summary>It can never be judged: not well-formed, no key, key revoked or unfit.</summary>
    PermError,
}

/// <summary>The verdict on one DKIM-Signature field.</summary>
/// <param name="Result">The result.</param>
/// <param name="Signature">The signature, or null if the field is not well-formed.</param>
/// <param name="Reason">Why it is not a pass, in a few words of ours; null for a pass.</param>
/// <param name="Verified">Whether key, header and hash of what is signed of the body fit, also where <paramref name="Result"/> is not a pass.</param>
/// <param name="Testing">The key says that the domain is trying DKIM out (t=y).</param>
/// <param name="KeyBits">The size of the key that decided, or 0.</param>
public sealed record DkimVerdict(
    DkimResult Result, DkimSignature? Signature, string? Reason, bool Verified = false, bool Testing = false, int KeyBits = 0)
{
    /// <summary>d= of a signature that passed, for alignment; otherwise null.</summary>
    public string? PassedDomain => Result == DkimResult.Pass ? Signature!.Domain : null;
}
