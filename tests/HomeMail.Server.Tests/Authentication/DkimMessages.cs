using System.Text;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>Messages that tests sign and spoil, with keys made once.</summary>
internal static class DkimMessages
{
    public const string Header =
        "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject:  A   folded\r\n\tsubject \r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n" +
        "Message-ID: <1@example.org>\r\n\r\n";

    public static readonly DkimKey Rsa = DkimKey.Create("example.org", "hm1", DkimAlgorithm.RsaSha256);

    public static readonly DkimKey Ed25519 = DkimKey.Create("example.org", "hm1-ed", DkimAlgorithm.Ed25519Sha256);

    public static ZoneResolver Zone() => new ZoneResolver().Txt(Rsa.RecordName, Rsa.RecordText).Txt(Ed25519.RecordName, Ed25519.RecordText);

    public static byte[] Octets(string text) => Encoding.Latin1.GetBytes(text);

    public static async Task<string> SignAsync(string header, string body, params DkimKey[] keys) =>
        Encoding.Latin1.GetString(
            await DkimSigner.SignAsync(Octets(header), new MemoryStream(Octets(body)), keys, DateTimeOffset.FromUnixTimeSeconds(1_790_000_000), default))
        + header;

    public static async Task<DkimVerdict> VerifyOneAsync(ZoneResolver zone, string header, string body) =>
        (await VerifyAsync(zone, header, body)).Single();

    public static async Task<IReadOnlyList<DkimVerdict>> VerifyAsync(ZoneResolver zone, string header, string body, string? prefer = null) =>
        await new DkimVerifier(zone, TimeProvider.System).VerifyAsync(Octets(header), () => new MemoryStream(Octets(body)), prefer, default);

    /// <summary>Signs by hand, with whatever tags a test wants: an own field whose b= is computed over the rest.</summary>
    public static string SignByHand(DkimKey key, string header, string body, string tags, Canonicalization headerForm, Canonicalization bodyForm, long? length = null)
    {
        using var hash = new BodyHash(bodyForm, length);
        hash.Append(Octets(body));
        var field = $"DKIM-Signature: {tags}; bh={Convert.ToBase64String(hash.Finish())}; b=";
        DkimSignature.TryParse(Octets(field[(field.IndexOf(':', StringComparison.Ordinal) + 1)..] + "AAAA"), out var signature, out _);
        var names = signature?.SignedFields ?? ["from"];
        var digest = new SignedHeader(Octets(header)).Hash(names, headerForm, Octets(field), ^0..);
        return field + Convert.ToBase64String(key.Sign(digest)) + "\r\n" + header;
    }
}
