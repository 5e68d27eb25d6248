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
        var names = new List<string>();
        foreach (var name in Signed)
        {
            var count = fields.Count(name) + (Oversigned.Contains(name) ? 1 : 0);
            for (; count > 0; count--)
                names.Add(name);
        }
        var output = new ArrayBufferWriter<byte>();
        foreach (var key in keys)
        {
            var unsigned = Compose(key, names, bodyHash, time);
            var octets = Encoding.ASCII.GetBytes(unsigned);
            var signature = key.Sign(fields.Hash(names, Canonicalization.Relaxed, octets, ^0..));
            output.Write(octets);
            WriteFolded(output, Convert.ToBase64String(signature));
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
        field.Append("\r\n h=");
        var column = 3;
        for (var i = 0; i < names.Count; i++)
        {
            if (column + names[i].Length + 1 > LineLength)
            {
                field.Append("\r\n  ");
                column = 2;
            }
            field.Append(names[i]).Append(i + 1 < names.Count ? ':' : ';');
            column += names[i].Length + 1;
        }
        return field.Append("\r\n bh=").Append(Convert.ToBase64String(bodyHash)).Append(";\r\n b=").ToString();
    }

    private static void WriteFolded(ArrayBufferWriter<byte> output, string base64)
    {
        for (var at = 0; at < base64.Length; at += LineLength - 4)
        {
            if (at > 0)
                output.Write("\r\n  "u8);
            Encoding.ASCII.GetBytes(base64.AsSpan(at, Math.Min(LineLength - 4, base64.Length - at)), output);
        }
        output.Write("\r\n"u8);
    }
}
