using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>
/// The check of one message's signatures, beside its reception: keys are looked up while the body comes in, and the body is hashed as it passes.
/// Call <see cref="Body"/> for each slice, then <see cref="FinishAsync"/>.
/// </summary>
public sealed class DkimVerification : IDisposable
{
    private const string FieldName = "dkim-signature";

    // Fields beyond these are not even read: nobody needs so many, and each costs time.
    private const int MostFields = 50;

    // TXT records at one key name that are tried: RFC 6376 3.6.2.2 leaves several undefined, and both kinds of key at one name do occur.
    internal const int MostKeys = 4;

    private readonly SignedHeader _header;
    private readonly List<Candidate> _candidates = [];
    private readonly List<BodyHash> _bodies = [];
    private readonly long? _now;

    /// <summary>Begins: reads the signatures and starts to look up their keys.</summary>
    /// <param name="header">The header.</param>
    /// <param name="resolver">Where keys are looked up.</param>
    /// <param name="prefer">The domain of From: signatures that could be aligned with it are looked at first. Null for none.</param>
    /// <param name="most">How many signatures are verified; the others are neutral.</param>
    /// <param name="now">The time, against which x= is held; null while the clock is not to be trusted.</param>
    /// <param name="cancel">Ends the look-ups.</param>
    internal DkimVerification(
        SignedHeader header, IMailResolver resolver, string? prefer, int most, DateTimeOffset? now, CancellationToken cancel)
    {
        _header = header;
        _now = now?.ToUnixTimeSeconds();
        for (var i = 0; i < Math.Min(MostFields, _header.Count(FieldName)); i++)
        {
            var field = _header.Field(FieldName, i, out var valueStart);
            _candidates.Add(DkimSignature.TryParse(field.Span[valueStart..], out var signature, out var problem)
                ? new Candidate(field, signature, null, valueStart) : new Candidate(field, null, problem, valueStart));
        }
        foreach (var candidate in _candidates.OrderByDescending(c => c.Signature is not null && prefer is not null && Related(c.Signature.Domain, prefer)))
        {
            if (candidate.Signature is not { } signature || most-- <= 0)
                continue;
            candidate.Body = _bodies.Find(b => b.Is(signature.Body, signature.BodyLength));
            if (candidate.Body is null)
                _bodies.Add(candidate.Body = new BodyHash(signature.Body, signature.BodyLength));
            candidate.Keys = resolver.TxtAsync(signature.KeyName, cancel).AsTask();
        }
    }

    /// <summary>Whether there is a signature to verify; if not, the body need not be given.</summary>
    public bool WantsBody => _bodies.Count > 0;

    /// <summary>Takes a slice of the body, in CRLF form and without transparency dots.</summary>
    /// <param name="slice">The slice.</param>
    public void Body(ReadOnlySpan<byte> slice)
    {
        foreach (var body in _bodies)
            body.Append(slice);
    }

    /// <summary>Ends the body, awaits the keys and judges.</summary>
    /// <returns>A verdict for each signature field, from the top.</returns>
    /// <exception cref="OperationCanceledException">The look-ups were cancelled.</exception>
    public async ValueTask<IReadOnlyList<DkimVerdict>> FinishAsync()
    {
        var hashes = new Dictionary<BodyHash, byte[]>();
        foreach (var body in _bodies)
            hashes[body] = body.Finish();
        var verdicts = new List<DkimVerdict>(_candidates.Count);
        foreach (var candidate in _candidates)
        {
            if (candidate.Signature is not { } signature)
                verdicts.Add(new DkimVerdict(DkimResult.PermError, null, candidate.Problem));
            else if (candidate.Keys is null || candidate.Body is null)
                verdicts.Add(new DkimVerdict(DkimResult.Neutral, signature, "too many signatures"));
            else
                verdicts.Add(Judge(candidate, signature, await candidate.Keys.ConfigureAwait(false), hashes[candidate.Body]));
        }
        return verdicts;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var body in _bodies)
            body.Dispose();
    }

    private static bool Related(string domain, string prefer) => DnsName.IsWithin(prefer, domain) || DnsName.IsWithin(domain, prefer);

    private DkimVerdict Judge(Candidate candidate, DkimSignature signature, DnsAnswer<string> keys, byte[] bodyHash)
    {
        switch (keys.Status)
        {
            case DnsStatus.TemporaryFailure:
                return new DkimVerdict(DkimResult.TempError, signature, "key not available now");
            case DnsStatus.NoData or DnsStatus.NoSuchDomain:
                return new DkimVerdict(DkimResult.PermError, signature, "no key");
        }
        var verdict = new DkimVerdict(DkimResult.PermError, signature, "no key");
        byte[]? headerHash = null;
        for (var i = 0; i < Math.Min(keys.Records.Count, MostKeys); i++)
        {
            if (!DkimKeyRecord.TryParse(keys.Records[i], out var key, out var problem))
            {
                if (verdict.Reason == "no key")
                    verdict = verdict with { Reason = problem };
                continue;
            }
            headerHash ??= _header.Hash(signature.SignedFields, signature.Header, candidate.Field.Span, candidate.Cut(signature));
            verdict = Judge(candidate, signature, key, headerHash, bodyHash);
            if (verdict.Verified)
                break;
        }
        return verdict;
    }

    private DkimVerdict Judge(Candidate candidate, DkimSignature signature, DkimKeyRecord key, byte[] headerHash, byte[] bodyHash)
    {
        var verdict = new DkimVerdict(DkimResult.PermError, signature, "key of another kind", Testing: key.Testing);
        if (key.Type != signature.Algorithm)
            return verdict;
        if (key.Strict && !DnsName.Same(signature.Identity.AsSpan(signature.Identity.LastIndexOf('@') + 1), signature.Domain))
            return verdict with { Reason = "i= is a subdomain, which the key forbids" };
        if (DkimCrypto.Check(key, headerHash, signature.Signature, out var bits) is { } wrong)
            return verdict with { Result = wrong.Result, Reason = wrong.Reason, KeyBits = bits };
        verdict = verdict with { KeyBits = bits };
        if (!bodyHash.AsSpan().SequenceEqual(signature.BodyHash))
            return verdict with { Result = DkimResult.Fail, Reason = "body has changed" };
        if (signature.BodyLength > candidate.Body!.CanonicalLength)
            return verdict with { Result = DkimResult.PermError, Reason = "l= is more than there is" };
        verdict = verdict with { Verified = true };
        if (signature.BodyLength < candidate.Body.CanonicalLength)
            return verdict with { Result = DkimResult.Policy, Reason = "end of body not signed" };
        if (signature.Expiration < _now)
            return verdict with { Result = DkimResult.Policy, Reason = "signature expired" };
        return verdict with { Result = DkimResult.Pass, Reason = null };
    }

    private sealed class Candidate(ReadOnlyMemory<byte> field, DkimSignature? signature, string? problem, int valueStart)
    {
        public ReadOnlyMemory<byte> Field { get; } = field;

        public DkimSignature? Signature { get; } = signature;

        public string? Problem { get; } = problem;

        public Task<DnsAnswer<string>>? Keys { get; set; }

        public BodyHash? Body { get; set; }

        public Range Cut(DkimSignature own) =>
            new(valueStart + own.SignatureRange.Start, valueStart + own.SignatureRange.Start + own.SignatureRange.Length);
    }
}
