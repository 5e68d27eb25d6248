using System.Diagnostics.CodeAnalysis;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.Arc;

/// <summary>The chain validation status (RFC 8617 4.4).</summary>
public enum ArcStatus
{
    /// <summary>There is no chain.</summary>
    None,

    /// <summary>The chain is whole.</summary>
    Pass,

    /// <summary>It is not; the message is as good as one without a chain.</summary>
    Fail,
}

/// <summary>A field as it stands in the header, without the CRLF at its end.</summary>
/// <param name="Octets">The octets.</param>
/// <param name="ValueStart">Where its value begins.</param>
public readonly record struct ArcField(ReadOnlyMemory<byte> Octets, int ValueStart)
{
    /// <summary>The value with its folding.</summary>
    public ReadOnlySpan<byte> Value => Octets.Span[ValueStart..];

    /// <summary>A range of the value, as one of the whole field.</summary>
    /// <param name="range">Start and length within the value.</param>
    public Range Whole((int Start, int Length) range) => new(ValueStart + range.Start, ValueStart + range.Start + range.Length);
}

/// <summary>An ARC-Seal field (RFC 8617 4.1.3).</summary>
/// <param name="Algorithm">a=</param>
/// <param name="Status">cv=</param>
/// <param name="Domain">d=, in lower case.</param>
/// <param name="Selector">s=</param>
/// <param name="Signature">b=</param>
/// <param name="SignatureRange">Where in the value the value of b= is.</param>
public sealed record ArcSeal(
    DkimAlgorithm Algorithm, ArcStatus Status, string Domain, string Selector, byte[] Signature, (int Start, int Length) SignatureRange)
{
    /// <summary>The name at which the key is.</summary>
    public string KeyName => $"{Selector}._domainkey.{Domain}";

    /// <summary>Reads a field value.</summary>
    /// <param name="tags">The value.</param>
    /// <param name="seal">The seal; null if it is not valid.</param>
    public static bool TryParse(TagList tags, [NotNullWhen(true)] out ArcSeal? seal)
    {
        ArgumentNullException.ThrowIfNull(tags);
        seal = null;
        var algorithm = tags["a"]?.ToLowerInvariant();
        var status = tags["cv"]?.ToLowerInvariant();
        if (algorithm is not ("rsa-sha256" or "ed25519-sha256") || status is not ("none" or "pass" or "fail") || tags["h"] is not null)
            return false; // RFC 8617 4.1.3: h= is not allowed
        if (tags["d"] is not { Length: > 0 } domain || tags["s"] is not { Length: > 0 } selector || tags.Base64("b") is not { Length: > 0 } signature)
            return false;
        if (tags["t"] is { } time && (time.Length is 0 or > 76 || time.AsSpan().IndexOfAnyExceptInRange('0', '9') >= 0))
            return false;
        if (!DnsName.IsHostLike(domain) || !DnsName.IsHostLike(selector) || !DnsName.IsValid($"{selector}._domainkey.{domain}"))
            return false;
        seal = new ArcSeal(
            algorithm == "rsa-sha256" ? DkimAlgorithm.RsaSha256 : DkimAlgorithm.Ed25519Sha256,
            status == "pass" ? ArcStatus.Pass : status == "fail" ? ArcStatus.Fail : ArcStatus.None, domain.ToLowerInvariant(), selector, signature,
            tags.RawRange("b"));
        return true;
    }
}

/// <summary>One custodian's three fields (RFC 8617 4.2).</summary>
/// <param name="ResultsField">ARC-Authentication-Results.</param>
/// <param name="MessageField">ARC-Message-Signature.</param>
/// <param name="Message">The same, read.</param>
/// <param name="SealField">ARC-Seal.</param>
/// <param name="Seal">The same, read.</param>
public sealed record ArcSet(ArcField ResultsField, ArcField MessageField, DkimSignature Message, ArcField SealField, ArcSeal Seal);
