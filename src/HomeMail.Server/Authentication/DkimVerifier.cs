using System.Buffers;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>Verifies DKIM signatures (RFC 6376 6, RFC 8301, RFC 8463).</summary>
/// <param name="resolver">Where keys are looked up.</param>
/// <param name="clock">The time.</param>
/// <param name="clockIsSane">Whether the time can be trusted; while it cannot, no signature is expired. Null: always.</param>
public sealed class DkimVerifier(IMailResolver resolver, TimeProvider clock, Func<bool>? clockIsSane = null)
{
    /// <summary>How many signatures of one message are verified; each costs a look-up and a public-key operation.</summary>
    public const int MostSignatures = 8;

    private const int BlockSize = 16 * 1024;

    /// <summary>Begins to verify a message whose body is still to come. Dispose it in any case.</summary>
    /// <param name="header">The header block; it must stay as it is until the end.</param>
    /// <param name="prefer">The domain of From, whose signatures come first when there are too many; or null.</param>
    /// <param name="cancel">Ends the look-ups.</param>
    /// <param name="most">How many signatures are verified.</param>
    public DkimVerification Begin(ReadOnlyMemory<byte> header, string? prefer, CancellationToken cancel, int most = MostSignatures) =>
        Begin(new SignedHeader(header), prefer, cancel, most);

    internal DkimVerification Begin(SignedHeader header, string? prefer, CancellationToken cancel, int most = MostSignatures) =>
        new(header, resolver, prefer, most, clockIsSane?.Invoke() == false ? null : clock.GetUtcNow(), cancel);

    /// <summary>Verifies a message that is there.</summary>
    /// <param name="header">The header block.</param>
    /// <param name="openBody">Opens the body in CRLF form; called only if there is a signature to verify.</param>
    /// <param name="prefer">The domain of From, or null.</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="most">How many signatures are verified.</param>
    /// <returns>A verdict for each signature field, from the top; none if the message is not signed.</returns>
    /// <exception cref="IOException">The body cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<IReadOnlyList<DkimVerdict>> VerifyAsync(
        ReadOnlyMemory<byte> header, Func<Stream> openBody, string? prefer, CancellationToken cancel, int most = MostSignatures)
    {
        ArgumentNullException.ThrowIfNull(openBody);
        using var verification = Begin(header, prefer, cancel, most);
        if (verification.WantsBody)
        {
            var block = ArrayPool<byte>.Shared.Rent(BlockSize);
            try
            {
                var body = openBody();
                await using (body.ConfigureAwait(false))
                {
                    int read;
                    while ((read = await body.ReadAsync(block, cancel).ConfigureAwait(false)) > 0)
                        verification.Body(block.AsSpan(0, read));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(block);
            }
        }
        return await verification.FinishAsync().ConfigureAwait(false);
    }
}
