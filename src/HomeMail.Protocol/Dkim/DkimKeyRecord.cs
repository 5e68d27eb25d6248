using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace HomeMail.Protocol.Dkim;

/// <summary>A key record (RFC 6376 3.6.1, RFC 8463 4).</summary>
/// <param name="Type">k=</param>
/// <param name="Key">p=, decoded: for RSA a SubjectPublicKeyInfo (or, as some have it, an RSAPublicKey), for Ed25519 the 32 octets. Empty if the key is revoked.</param>
/// <param name="Testing">t=y: the domain is trying DKIM out.</param>
/// <param name="Strict">t=s: i= must be d= itself.</param>
public sealed record DkimKeyRecord(DkimAlgorithm Type, byte[] Key, bool Testing, bool Strict)
{
    // The longest string within a TXT record (RFC 1035 3.3).
    private const int MaxString = 255;

    /// <summary>Reads a TXT record.</summary>
    /// <param name="text">The text, its strings joined.</param>
    /// <param name="key">The key; null if the record is no key that this server can use for mail.</param>
    /// <param name="problem">Why it is not.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out DkimKeyRecord? key, [NotNullWhen(false)] out string? problem)
    {
        key = null;
        problem = "not a key record";
        if (!TagList.TryParse(text, out var tags))
            return false;
        if (tags["v"] is { } version && (version != "DKIM1" || tags.First != "v"))
            return false;
        if (tags["p"] is not { } published)
            return false;
        problem = "unknown key type";
        var type = (tags["k"] ?? "rsa").ToLowerInvariant();
        if (type is not ("rsa" or "ed25519"))
            return false;
        problem = "key not for SHA-256";
        if (tags.Compact("h") is { } hashes && !hashes.ToLowerInvariant().Split(':').Contains("sha256"))
            return false;
        problem = "key not for mail";
        if (tags.Compact("s") is { } services && !services.ToLowerInvariant().Split(':').Any(s => s is "*" or "email"))
            return false;
        problem = "key is not base64";
        byte[] octets = [];
        if (published.Length > 0)
        {
            if (tags.Base64("p") is not { } decoded)
                return false;
            octets = decoded;
        }
        var flags = (tags.Compact("t") ?? "").ToLowerInvariant().Split(':');
        key = new DkimKeyRecord(
            type == "rsa" ? DkimAlgorithm.RsaSha256 : DkimAlgorithm.Ed25519Sha256, octets, flags.Contains("y"), flags.Contains("s"));
        problem = null;
        return true;
    }

    /// <summary>The record's text as it is published.</summary>
    /// <param name="type">The kind of key.</param>
    /// <param name="key">For RSA the SubjectPublicKeyInfo, for Ed25519 the 32 octets.</param>
    public static string Compose(DkimAlgorithm type, ReadOnlySpan<byte> key) =>
        $"v=DKIM1; k={(type == DkimAlgorithm.RsaSha256 ? "rsa" : "ed25519")}; p={Convert.ToBase64String(key)}";

    /// <summary>A record's text as a zone file has it: quoted, in strings of at most 255 octets (RFC 1035 5.1).</summary>
    /// <param name="text">The text.</param>
    public static string ToZoneFile(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var quoted = new StringBuilder(text.Length + 16);
        for (var at = 0; at == 0 || at < text.Length; at += MaxString)
            quoted.Append(at == 0 ? "\"" : " \"").Append(text.AsSpan(at, Math.Min(MaxString, text.Length - at))).Append('"');
        return quoted.ToString();
    }
}
