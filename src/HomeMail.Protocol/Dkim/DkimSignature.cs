using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.Dkim;

/// <summary>The signature algorithms that may be used (RFC 6376 3.3, RFC 8463 3). rsa-sha1 is not among them (RFC 8301 3.1).</summary>
public enum DkimAlgorithm
{
    /// <summary>rsa-sha256.</summary>
    RsaSha256,

    /// <summary>ed25519-sha256.</summary>
    Ed25519Sha256,
}

/// <summary>The canonicalisations (RFC 6376 3.4).</summary>
public enum Canonicalization
{
    /// <summary>Nearly as it stands.</summary>
    Simple,

    /// <summary>White space and the case of names do not count.</summary>
    Relaxed,
}

/// <summary>A DKIM-Signature field (RFC 6376 3.5), checked as section 6.1.1 asks.</summary>
public sealed class DkimSignature
{
    // A list that names more fields than this is an attack on our time.
    internal const int MaxSignedFields = 512;

    private DkimSignature()
    {
    }

    /// <summary>a=</summary>
    public DkimAlgorithm Algorithm { get; private init; }

    /// <summary>The first part of c=.</summary>
    public Canonicalization Header { get; private init; }

    /// <summary>The second part of c=.</summary>
    public Canonicalization Body { get; private init; }

    /// <summary>d=, in lower case.</summary>
    public string Domain { get; private init; } = "";

    /// <summary>s=</summary>
    public string Selector { get; private init; } = "";

    /// <summary>i=, or <c>@</c> and the domain.</summary>
    public string Identity { get; private init; } = "";

    /// <summary>h= in lower case; a name may come more than once.</summary>
    public IReadOnlyList<string> SignedFields { get; private init; } = [];

    /// <summary>l= in octets, or null for the whole body.</summary>
    public long? BodyLength { get; private init; }

    /// <summary>x= in seconds since 1970, or null.</summary>
    public long? Expiration { get; private init; }

    /// <summary>t= in seconds since 1970, or null.</summary>
    public long? Timestamp { get; private init; }

    /// <summary>bh=</summary>
    public byte[] BodyHash { get; private init; } = [];

    /// <summary>b=</summary>
    public byte[] Signature { get; private init; } = [];

    /// <summary>The first characters of b=, by which results of several signatures are told apart (RFC 6008 4).</summary>
    public string SignaturePrefix { get; private init; } = "";

    /// <summary>Where in the field's value the value of b= is, white space around it included.</summary>
    public (int Start, int Length) SignatureRange { get; private init; }

    /// <summary>The name at which the key is (RFC 6376 3.6.2.1).</summary>
    public string KeyName => $"{Selector}._domainkey.{Domain}";

    /// <summary>Reads a field value.</summary>
    /// <param name="value">The value with its folding.</param>
    /// <param name="signature">The signature; null if it is not valid.</param>
    /// <param name="problem">Why it is not valid, in words of ours.</param>
    public static bool TryParse(ReadOnlySpan<byte> value, [NotNullWhen(true)] out DkimSignature? signature, [NotNullWhen(false)] out string? problem)
    {
        signature = null;
        if (!TagList.TryParse(value, out var tags))
        {
            problem = "not a tag list";
            return false;
        }
        if (tags["v"] != "1")
        {
            problem = tags["v"] is null ? "no version" : "unknown version";
            return false;
        }
        return TryParse(tags, requireFrom: true, out signature, out problem);
    }

    /// <summary>Reads an ARC-Message-Signature (RFC 8617 4.1.2): the same, with i= as the instance and no v=.</summary>
    /// <param name="value">The value with its folding.</param>
    /// <param name="signature">The signature; null if it is not valid.</param>
    /// <param name="problem">Why it is not valid.</param>
    public static bool TryParseArc(ReadOnlySpan<byte> value, [NotNullWhen(true)] out DkimSignature? signature, [NotNullWhen(false)] out string? problem)
    {
        signature = null;
        problem = "not a tag list";
        return TagList.TryParse(value, out var tags) && TryParse(tags, requireFrom: false, out signature, out problem);
    }

    private static bool TryParse(TagList tags, bool requireFrom, out DkimSignature? signature, out string? problem)
    {
        signature = null;
        foreach (var name in (ReadOnlySpan<string>)["a", "b", "bh", "d", "h", "s"])
        {
            if (string.IsNullOrEmpty(tags[name]))
            {
                problem = $"no {name}=";
                return false;
            }
        }
        problem = "unknown algorithm";
        var algorithm = tags["a"]!.ToLowerInvariant();
        if (algorithm is "rsa-sha1")
            problem = "rsa-sha1 is no longer good enough"; // RFC 8301 3.1
        if (algorithm is not ("rsa-sha256" or "ed25519-sha256"))
            return false;
        problem = "unknown canonicalization";
        if (!TryReadCanonicalization(tags.Compact("c") ?? "simple/simple", out var header, out var body))
            return false;
        problem = "no usable query method";
        if (tags.Compact("q") is { } methods && !methods.ToLowerInvariant().Split(':').Contains("dns/txt"))
            return false;
        var domain = tags["d"]!.ToLowerInvariant();
        problem = "bad domain";
        if (!DnsName.IsHostLike(domain) || !domain.Contains('.', StringComparison.Ordinal))
            return false;
        problem = "bad selector";
        if (!DnsName.IsHostLike(tags["s"]!) || !DnsName.IsValid($"{tags["s"]}._domainkey.{domain}"))
            return false;
        problem = "i= is not within d=";
        var identity = requireFrom ? tags["i"] ?? $"@{domain}" : $"@{domain}";
        var at = identity.LastIndexOf('@');
        if (at < 0 || !DnsName.IsHostLike(identity.AsSpan(at + 1)) || !DnsName.IsWithin(identity.AsSpan(at + 1), domain))
            return false;
        var fields = tags.Compact("h")!.ToLowerInvariant().Split(':');
        problem = "h= names too many fields";
        if (fields.Length > MaxSignedFields)
            return false;
        problem = "From is not signed"; // RFC 6376 6.1.1
        if (requireFrom && !fields.Contains("from"))
            return false;
        problem = "bad l=, t= or x=";
        if (!TryReadNumber(tags["l"], out var length) || !TryReadNumber(tags["t"], out var time) || !TryReadNumber(tags["x"], out var expiration))
            return false;
        problem = "x= is not after t=";
        if (time >= expiration)
            return false;
        problem = "b= or bh= is not base64";
        if (tags.Base64("b") is not { Length: > 0 } octets || tags.Base64("bh") is not { } hash)
            return false;
        var prefix = tags.Compact("b")!;
        signature = new DkimSignature
        {
            Algorithm = algorithm == "rsa-sha256" ? DkimAlgorithm.RsaSha256 : DkimAlgorithm.Ed25519Sha256,
            Header = header,
            Body = body,
            Domain = domain,
            Selector = tags["s"]!,
            Identity = identity,
            SignedFields = fields,
            BodyLength = length,
            Timestamp = time,
            Expiration = expiration,
            BodyHash = hash,
            Signature = octets,
            SignaturePrefix = prefix[..Math.Min(8, prefix.Length)],
            SignatureRange = tags.RawRange("b"),
        };
        problem = null;
        return true;
    }

    private static bool TryReadCanonicalization(string text, out Canonicalization header, out Canonicalization body)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        body = Canonicalization.Simple; // where only one is named
        return TryReadOne(slash < 0 ? text : text[..slash], out header) && (slash < 0 || TryReadOne(text[(slash + 1)..], out body));
    }

    private static bool TryReadOne(string text, out Canonicalization which)
    {
        which = text.Equals("relaxed", StringComparison.OrdinalIgnoreCase) ? Canonicalization.Relaxed : Canonicalization.Simple;
        return which == Canonicalization.Relaxed || text.Equals("simple", StringComparison.OrdinalIgnoreCase);
    }

    // 76 digits are allowed; what does not fit in a long is as good as infinite.
    private static bool TryReadNumber(string? text, out long? number)
    {
        number = null;
        if (text is null)
            return true;
        if (text.Length is 0 or > 76 || text.AsSpan().IndexOfAnyExceptInRange('0', '9') >= 0)
            return false;
        number = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : long.MaxValue;
        return true;
    }
}
