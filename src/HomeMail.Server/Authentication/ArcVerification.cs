using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>The verdict on a message's chain.</summary>
/// <param name="Status">The chain validation status.</param>
/// <param name="Problem">For a fail: what is wrong.</param>
/// <param name="Chain">The chain as it was read.</param>
/// <param name="Sealers">For a pass: d= of each seal, from instance 1 up.</param>
public sealed record ArcVerdict(ArcStatus Status, string? Problem, ArcChain Chain, IReadOnlyList<string> Sealers);

/// <summary>
/// The validation of a chain (RFC 8617 5.2) beside a message's reception: give it the body as it passes, then <see cref="FinishAsync"/>. The newest
/// message signature decides first, then the seals from the newest down; the first that fails ends it, so a forged chain costs one key.
/// </summary>
public sealed class ArcVerification : IDisposable
{
    private readonly IMailResolver _resolver;
    private readonly ArcChain _chain;
    private readonly BodyHash? _body;

    /// <summary>Begins.</summary>
    /// <param name="header">The header block; it must stay as it is until the end.</param>
    /// <param name="resolver">Where keys are looked up.</param>
    public ArcVerification(ReadOnlyMemory<byte> header, IMailResolver resolver)
        : this(new SignedHeader(header), resolver)
    {
    }

    /// <summary>Begins with a header that others look at too.</summary>
    /// <param name="header">The header.</param>
    /// <param name="resolver">Where keys are looked up.</param>
    internal ArcVerification(SignedHeader header, IMailResolver resolver)
    {
        _resolver = resolver;
        _chain = ArcChain.Read(header);
        if (_chain.Status == ArcStatus.Pass)
            _body = new BodyHash(_chain.Sets[^1].Message.Body, _chain.Sets[^1].Message.BodyLength);
    }

    /// <summary>Whether there is a chain to verify; if not, the body need not be given.</summary>
    public bool WantsBody => _body is not null;

    /// <summary>Takes a slice of the body, in CRLF form.</summary>
    /// <param name="slice">The slice.</param>
    public void Body(ReadOnlySpan<byte> slice) => _body?.Append(slice);

    /// <summary>Ends the body and judges.</summary>
    /// <param name="cancel">Ends the look-ups.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<ArcVerdict> FinishAsync(CancellationToken cancel)
    {
        if (_body is null)
            return new ArcVerdict(_chain.Status, _chain.Problem, _chain, []);
        var newest = _chain.Sets[^1];
        var problem = !_body.Finish().AsSpan().SequenceEqual(newest.Message.BodyHash) ? "body has changed"
            : newest.Message.BodyLength is { } length && length != _body.CanonicalLength ? "end of body not signed"
            : await CheckAsync(newest.Message.KeyName, newest.Message.Algorithm, _chain.MessageHash(newest), newest.Message.Signature, cancel)
                .ConfigureAwait(false);
        for (var instance = _chain.Sets.Count; instance >= 1 && problem is null; instance--)
        {
            var seal = _chain.Sets[instance - 1].Seal;
            problem = await CheckAsync(seal.KeyName, seal.Algorithm, _chain.SealHash(instance), seal.Signature, cancel).ConfigureAwait(false);
            if (problem is not null)
                problem = $"seal {instance}: {problem}";
        }
        return problem is null
            ? new ArcVerdict(ArcStatus.Pass, null, _chain, [.. _chain.Sets.Select(s => s.Seal.Domain)])
            : new ArcVerdict(ArcStatus.Fail, problem, _chain, []); // RFC 8617 5.2.1: DNS failures, too
    }

    /// <inheritdoc/>
    public void Dispose() => _body?.Dispose();

    private async ValueTask<string?> CheckAsync(string name, DkimAlgorithm algorithm, byte[] hash, byte[] signature, CancellationToken cancel)
    {
        var answer = await _resolver.TxtAsync(name, cancel).ConfigureAwait(false);
        if (answer.Status != DnsStatus.Found)
            return answer.Status == DnsStatus.TemporaryFailure ? "key not available now" : "no key";
        string? problem = "no key";
        foreach (var text in answer.Records.Take(DkimVerification.MostKeys))
        {
            if (!DkimKeyRecord.TryParse(text, out var key, out var why))
                problem = why;
            else if (key.Type != algorithm)
                problem = "key of another kind";
            else if (DkimCrypto.Check(key, hash, signature, out _) is not { } wrong)
                return null;
            else
                problem = wrong.Reason;
        }
        return problem;
    }
}
