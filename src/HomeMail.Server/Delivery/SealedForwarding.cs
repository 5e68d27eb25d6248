using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Seals what is forwarded (RFC 8617 5.1), anew for each attempt: the set goes out in front of the message and is not in its file. Forwarded is what came
/// from the internet and goes out again; what a principal of the house sends is signed as its author's, and not sealed.
/// </summary>
/// <param name="inner">What delivers.</param>
/// <param name="keys">The keys of the domain that seals; none while there are none, then nothing is sealed. The first one is used.</param>
/// <param name="hostname">Our name: under it the results stand that were found when the message came in.</param>
/// <param name="resolver">For chains of messages whose results do not tell of them.</param>
/// <param name="clock">The time.</param>
/// <param name="clockIsSane">Whether it can be believed.</param>
/// <param name="log">The log.</param>
public sealed class SealedForwarding(
    IRemoteDelivery inner, Func<IReadOnlyList<DkimKey>> keys, Func<string> hostname, IMailResolver resolver, TimeProvider clock, Func<bool> clockIsSane, Log log)
    : IRemoteDelivery
{
    private const int BlockSize = 16 * 1024;

    // The header as it came is 256 kB at most; ours is in front of it.
    private const int MaxHeader = 320 * 1024;

    /// <inheritdoc/>
    public async Task<Reach> DeliverAsync(MailTransaction mail, Destination destination, TakePlace place, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mail);
        if (mail.Envelope.Principal == Principal.Internet.ToString() && keys() is [var key, ..])
            mail.Content.Front = await SealAsync(mail, key, cancel).ConfigureAwait(false);
        return await inner.DeliverAsync(mail, destination, place, cancel).ConfigureAwait(false);
    }

    // A message that cannot be sealed goes as it is: a seal is only ever a help (RFC 8617 5.1.5).
    private async ValueTask<byte[]> SealAsync(MailTransaction mail, DkimKey key, CancellationToken cancel)
    {
        var content = mail.Content;
        content.Front = default;
        if (Results(content.ReadLocal(), hostname()) is not { } recorded || ReadHeader(content) is not { } header)
            return [];
        try
        {
            using var body = DkimSigner.BeginBody();
            using var chain = new ArcVerification(header, resolver);
            var verify = recorded.Arc is null && chain.WantsBody;
            await HashAsync(content, header.Length, body, verify ? chain : null, cancel).ConfigureAwait(false);
            var verdict = verify ? await chain.FinishAsync(cancel).ConfigureAwait(false) : Verdict(header, recorded.Arc);
            return ArcSealer.Seal(header, body.Finish(), verdict, recorded.Text, key, clockIsSane() ? clock.GetUtcNow() : null);
        }
        catch (CryptographicException e)
        {
            log.Error("arc", ("id", mail.Envelope.Id.Value), ("domain", key.Domain), ("what", e.Message));
            return [];
        }
    }

    /// <summary>What was found when the message came in: the value of our own field, and what it says of the chain.</summary>
    private static (string Text, string? Arc)? Results(ReadOnlySpan<byte> local, string hostname)
    {
        foreach (var field in new HeaderFields(local))
        {
            if (!field.Is("Authentication-Results"u8))
                continue;
            if (!AuthenticationResultsReader.TryRead(field.Value, out var service, out var results)
                || !service.Equals(hostname, StringComparison.OrdinalIgnoreCase))
                return null;
            string? arc = null;
            foreach (var result in results)
            {
                // A comment there names an address that stood in for the client's, or why none was asked about: that is for this house alone to know.
                if (result is { Method: "spf", Comment: not null })
                    return null;
                if (result.Method == "arc")
                    arc = result.Result;
            }
            return (Encoding.ASCII.GetString(field.Value).TrimEnd('\r', '\n'), arc);
        }
        return null;
    }

    // The chain was verified when the message came; what is in the header now is what was there then.
    private static ArcVerdict Verdict(ReadOnlyMemory<byte> header, string? recorded)
    {
        var chain = ArcChain.Read(new SignedHeader(header));
        return chain.Status == ArcStatus.Pass && recorded != "pass"
            ? new ArcVerdict(ArcStatus.Fail, "it failed when the message came in", chain, [])
            : new ArcVerdict(chain.Status, chain.Problem, chain, []);
    }

    private static byte[]? ReadHeader(MailContent content)
    {
        var buffer = new byte[BlockSize];
        var length = 0;
        while (length < MaxHeader)
        {
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
            var read = content.Read(length, buffer.AsSpan(length));
            var from = Math.Max(0, length - 3);
            length += read;
            if (buffer.AsSpan(from, length - from).IndexOf("\r\n\r\n"u8) is >= 0 and var end)
                return buffer[..(from + end + 4)];
            if (read == 0)
                return null;
        }
        return null;
    }

    private static async ValueTask HashAsync(MailContent content, long position, BodyHash body, ArcVerification? chain, CancellationToken cancel)
    {
        await Task.Yield(); // a large body takes a while on a small device
        var block = ArrayPool<byte>.Shared.Rent(BlockSize);
        try
        {
            int read;
            while ((read = content.Read(position, block)) > 0)
            {
                cancel.ThrowIfCancellationRequested();
                position += read;
                body.Append(block.AsSpan(0, read));
                chain?.Body(block.AsSpan(0, read));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }
}
