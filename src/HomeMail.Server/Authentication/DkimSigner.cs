using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Dkim;

namespace HomeMail.Server.Authentication;

/// <summary>Signs messages (RFC 6376 5). Who may have a message signed is decided elsewhere: only a principal that owns the From address.</summary>
public static class DkimSigner
{
    private const int BlockSize = 16 * 1024;
    private const int LineLength = 76;
    private const int MostOfOneName = 10;

    // Fields whose change would change what people see or what software does with the message (RFC 6376 5.4.1).
    private static readonly string[] Signed =
    [
        "from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc", "mime-version", "content-type", "content-transfer-encoding",
        "content-id", "content-description", "resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id", "in-reply-to",
        "references", "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive",
        "autocrypt",
    ];

    // Of these one more is signed than there are, so that none can be added (RFC 6376 8.15).
    private static readonly string[] Oversigned =
        ["from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc", "mime-version", "content-type", "content-transfer-encoding"];

    /// <summary>Begins the body hash that <see cref="Sign"/> needs; feed it the body as it passes.</summary>
    public static BodyHash BeginBody() => new(Canonicalization.Relaxed);

    /// <summary>Composes signature fields.</summary>
    /// <param name="header">The header block that travels, complete.</param>
    /// <param name="bodyHash">The finished hash of <see cref="BeginBody"/>.</param>
    /// <param name="keys">The keys; each makes a signature, in this order.</param>
    /// <param name="time">t=; null while the clock is not to be trusted.</param>
    /// <returns>The fields, CRLF included, to be put in front of the header.</returns>
    public static byte[] Sign(ReadOnlyMemory<byte> header, byte[] bodyHash, IReadOnlyList<DkimKey> keys, DateTimeOffset? time)
    {
        ArgumentNullException.ThrowIfNull(bodyHash);
        ArgumentNullException.ThrowIfNull(keys);
        var fields = new SignedHeader(header);
        var names = NamesToSign(fields);
        var output = new ArrayBufferWriter<byte>();
        foreach (var key in keys)
        {
            var unsigned = Compose(key, names, bodyHash, time);
            var octets = Encoding.ASCII.GetBytes(unsigned);
            var signature = key.Sign(fields.Hash(names, Canonicalization.Relaxed, octets, ^0..));
            output.Write(octets);
            output.Write(FoldBase64(signature));
            output.Write("\r\n"u8);
        }
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Signs a message that is there.</summary>
    /// <param name="header">The header block that travels.</param>
    /// <param name="body">The body in CRLF form, read to its end.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="time">t=</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The fields, to be put in front of the header.</returns>
    public static async ValueTask<byte[]> SignAsync(
        ReadOnlyMemory<byte> header, Stream body, IReadOnlyList<DkimKey> keys, DateTimeOffset? time, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(body);
        using var hash = BeginBody();
        var block = ArrayPool<byte>.Shared.Rent(BlockSize);
        try
        {
            int read;
            while ((read = await body.ReadAsync(block, cancel).ConfigureAwait(false)) > 0)
                hash.Append(block.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
        return Sign(header, hash.Finish(), keys, time);
    }

    private static string Compose(DkimKey key, List<string> names, byte[] bodyHash, DateTimeOffset? time)
    {
        var algorithm = key.Algorithm == DkimAlgorithm.RsaSha256 ? "rsa-sha256" : "ed25519-sha256";
        var field = new StringBuilder(600)
            .Append(CultureInfo.InvariantCulture, $"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={key.Domain};\r\n s={key.Selector};");
        if (time is { } at)
            field.Append(CultureInfo.InvariantCulture, $" t={at.ToUnixTimeSeconds()};");
        field.Append("\r\n h=").Append(Fold(names, 3));
        return field.Append("\r\n bh=").Append(Convert.ToBase64String(bodyHash)).Append(";\r\n b=").ToString();
    }

    /// <summary>The names for h=: each field that matters as often as it is there, and once more where none may be added.</summary>
    /// <param name="fields">The header.</param>
    internal static List<string> NamesToSign(SignedHeader fields)
    {
        var names = new List<string>();
        foreach (var name in Signed)
        {
            // More fields of one name than verifiers look at would make a signature that nobody accepts.
            var count = Math.Min(fields.Count(name), MostOfOneName) + (Oversigned.Contains(name) ? 1 : 0);
            for (; count > 0; count--)
                names.Add(name);
        }
        return names;
    }

    /// <summary>Joins names with colons, folded, with a semicolon at the end.</summary>
    /// <param name="names">The names.</param>
    /// <param name="column">How much of the first line is taken.</param>
    internal static string Fold(List<string> names, int column)
    {
        var folded = new StringBuilder();
        for (var i = 0; i < names.Count; i++)
        {
            if (column + names[i].Length + 1 > LineLength)
            {
                folded.Append("\r\n  ");
                column = 2;
            }
            folded.Append(names[i]).Append(i + 1 < names.Count ? ':' : ';');
            column += names[i].Length + 1;
        }
        return folded.ToString();
    }

    /// <summary>Base64 in lines of a field's length.</summary>
    /// <param name="octets">The octets.</param>
    internal static byte[] FoldBase64(byte[] octets)
    {
        var base64 = Convert.ToBase64String(octets);
        var output = new ArrayBufferWriter<byte>(base64.Length + 32);
        for (var at = 0; at < base64.Length; at += LineLength - 4)
        {
            if (at > 0)
                output.Write("\r\n  "u8);
            Encoding.ASCII.GetBytes(base64.AsSpan(at, Math.Min(LineLength - 4, base64.Length - at)), output);
        }
        return output.WrittenSpan.ToArray();
    }
}
