using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;

namespace HomeMail.Server.Authentication;

/// <summary>
/// Seals what is forwarded (RFC 8617 5.1). A set belongs to one attempt: it is composed over the message as it then travels, and put in front of it
/// on the wire.
/// </summary>
public static class ArcSealer
{
    private static readonly HashSet<string> NotSigned = ["arc-seal", "arc-authentication-results", "arc-message-signature", "return-path", "received"];

    /// <summary>Composes a set.</summary>
    /// <param name="header">The header block that travels, complete, with its older sets.</param>
    /// <param name="bodyHash">The finished hash of <see cref="DkimSigner.BeginBody"/>.</param>
    /// <param name="verdict">What the chain was worth when the message came in.</param>
    /// <param name="results">The results when the message came in, as in Authentication-Results: our name, a semicolon, and the results, folded.</param>
    /// <param name="key">The key of the domain that forwards.</param>
    /// <param name="time">t=; null while the clock is not to be trusted.</param>
    /// <returns>The three fields, CRLF included; none if nothing may be added (the chain is sealed as failed, or full).</returns>
    public static byte[] Seal(
        ReadOnlyMemory<byte> header, byte[] bodyHash, ArcVerdict verdict, string results, DkimKey key, DateTimeOffset? time)
    {
        ArgumentNullException.ThrowIfNull(bodyHash);
        ArgumentNullException.ThrowIfNull(verdict);
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(key);
        if (verdict.Chain.IsSealedAsFailed || verdict.Chain.Highest >= ArcChain.MaxSets)
            return [];
        var instance = verdict.Chain.Highest + 1;
        var stamp = time is { } at ? string.Create(CultureInfo.InvariantCulture, $" t={at.ToUnixTimeSeconds()};") : "";
        var algorithm = key.Algorithm == DkimAlgorithm.RsaSha256 ? "rsa-sha256" : "ed25519-sha256";
        var ours = Encoding.ASCII.GetBytes($"ARC-Authentication-Results: i={instance}; {results.Trim()}");

        var fields = new SignedHeader(header);
        var names = DkimSigner.NamesToSign(fields).Where(n => !NotSigned.Contains(n)).ToList();
        if (fields.Count("dkim-signature") > 0)
            names.Add("dkim-signature"); // RFC 8617 4.1.2: what authenticated the author is bound as well
        var unsigned = Encoding.ASCII.GetBytes(
            $"ARC-Message-Signature: i={instance}; a={algorithm}; c=relaxed/relaxed;\r\n d={key.Domain};\r\n s={key.Selector};{stamp}\r\n h="
            + DkimSigner.Fold(names, 3) + $"\r\n bh={Convert.ToBase64String(bodyHash)};\r\n b=");
        byte[] message = [.. unsigned, .. DkimSigner.FoldBase64(key.Sign(fields.Hash(names, Canonicalization.Relaxed, unsigned, ^0..)))];

        var status = verdict.Status switch { ArcStatus.Pass => "pass", ArcStatus.Fail => "fail", _ => "none" };
        unsigned = Encoding.ASCII.GetBytes($"ARC-Seal: i={instance}; a={algorithm}; cv={status};\r\n d={key.Domain};\r\n s={key.Selector};{stamp}\r\n b=");
        var before = verdict.Status == ArcStatus.Pass ? verdict.Chain.Sets : [];
        byte[] seal = [.. unsigned, .. DkimSigner.FoldBase64(key.Sign(ArcChain.SealHash(before, ours, message, unsigned, ^0..)))];

        var set = new ArrayBufferWriter<byte>(seal.Length + message.Length + ours.Length + 6);
        foreach (var field in new[] { seal, message, ours })
        {
            set.Write(field);
            set.Write("\r\n"u8);
        }
        return set.WrittenSpan.ToArray();
    }
}
