using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Dkim;

namespace HomeMail.Protocol.Arc;

/// <summary>The ARC sets of a message (RFC 8617 4.3), with what can be said about them without keys.</summary>
public sealed class ArcChain
{
    /// <summary>The most sets (RFC 8617 4.2.1).</summary>
    public const int MaxSets = 50;

    private const string ResultsName = "arc-authentication-results";
    private const string MessageName = "arc-message-signature";
    private const string SealName = "arc-seal";

    private readonly SignedHeader _header;

    private ArcChain(SignedHeader header, ArcStatus status, IReadOnlyList<ArcSet> sets, string? problem, int highest)
    {
        (_header, Status, Sets, Problem, Highest) = (header, status, sets, problem, highest);
    }

    /// <summary>None: there is no chain. Fail: it is broken in form. Pass: it is well-formed, and the signatures are still to be checked.</summary>
    public ArcStatus Status { get; }

    /// <summary>The sets, from instance 1 up; empty unless the status is pass.</summary>
    public IReadOnlyList<ArcSet> Sets { get; }

    /// <summary>For a fail: what is wrong.</summary>
    public string? Problem { get; }

    /// <summary>The highest instance number that can be read; 0 if there is none.</summary>
    public int Highest { get; }

    /// <summary>Whether the newest seal says <c>cv=fail</c>: nobody adds to such a chain (RFC 8617 5.1).</summary>
    public bool IsSealedAsFailed { get; private init; }

    /// <summary>Reads the sets (RFC 8617 5.2, steps 1 to 3).</summary>
    /// <param name="header">The header.</param>
    public static ArcChain Read(SignedHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        var counts = (header.Count(ResultsName), header.Count(MessageName), header.Count(SealName));
        if (counts == (0, 0, 0))
            return new ArcChain(header, ArcStatus.None, [], null, 0);
        if (counts.Item1 > MaxSets || counts.Item2 > MaxSets || counts.Item3 > MaxSets)
            return new ArcChain(header, ArcStatus.Fail, [], "too many sets", MaxSets);
        var number = counts.Item3;
        var results = new ArcField?[number + 1];
        var messages = new (ArcField Field, DkimSignature Signature)?[number + 1];
        var seals = new (ArcField Field, ArcSeal Seal)?[number + 1];
        string? problem = null;
        var highest = 0;
        foreach (var field in Fields(header, ResultsName))
        {
            if (!TryReadInstance(field.Value, out var instance) || !Put(results, instance, field, ref highest))
                problem ??= "bad ARC-Authentication-Results";
        }
        foreach (var field in Fields(header, MessageName))
        {
            var good = TagList.TryParse(field.Value, out var tags) & TryReadInstance(tags?["i"], out var instance);
            good = good && DkimSignature.TryParseArc(field.Value, out var signature, out _) && !signature!.SignedFields.Contains(SealName)
                && Put(messages, instance, (field, signature), ref highest);
            if (!good)
                problem ??= "bad ARC-Message-Signature";
        }
        ArcStatus? newest = null;
        foreach (var field in Fields(header, SealName))
        {
            var good = TagList.TryParse(field.Value, out var tags) & TryReadInstance(tags?["i"], out var instance);
            ArcSeal? seal = null;
            good = good && ArcSeal.TryParse(tags!, out seal) && Put(seals, instance, (field, seal), ref highest);
            if (!good)
                problem ??= "bad ARC-Seal";
            else if (instance == highest)
                newest = seal!.Status;
        }
        if (newest == ArcStatus.Fail)
            return new ArcChain(header, ArcStatus.Fail, [], "the chain was sealed as failed", highest) { IsSealedAsFailed = true };
        var sets = new List<ArcSet>();
        for (var i = 1; i <= number && problem is null; i++)
        {
            if (results[i] is not { } result || messages[i] is not { } message || seals[i] is not { } sealing)
                problem = $"set {i} is not complete";
            else if (sealing.Seal.Status != (i == 1 ? ArcStatus.None : ArcStatus.Pass))
                problem = $"set {i} has a wrong cv=";
            else
                sets.Add(new ArcSet(result, message.Field, message.Signature, sealing.Field, sealing.Seal));
        }
        if (problem is null && (counts.Item1 != number || counts.Item2 != number))
            problem = "the sets are not complete";
        return problem is null
            ? new ArcChain(header, ArcStatus.Pass, sets, null, highest) : new ArcChain(header, ArcStatus.Fail, [], problem, highest);
    }

    /// <summary>The hash that an ARC-Message-Signature signs.</summary>
    /// <param name="set">The set.</param>
    public byte[] MessageHash(ArcSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return _header.Hash(set.Message.SignedFields, set.Message.Header, set.MessageField.Octets.Span, set.MessageField.Whole(set.Message.SignatureRange));
    }

    /// <summary>The hash that an ARC-Seal signs: all sets up to and with its own, in their order (RFC 8617 5.1.1).</summary>
    /// <param name="instance">The instance.</param>
    public byte[] SealHash(int instance)
    {
        var own = Sets[instance - 1];
        return SealHash(
            Sets.Take(instance - 1), own.ResultsField.Octets.Span, own.MessageField.Octets.Span, own.SealField.Octets.Span,
            own.SealField.Whole(own.Seal.SignatureRange));
    }

    /// <summary>The hash for a set that is being made.</summary>
    /// <param name="before">The sets before it; none if the chain has failed (RFC 8617 5.1.2).</param>
    /// <param name="results">Its ARC-Authentication-Results, without CRLF at the end.</param>
    /// <param name="message">Its ARC-Message-Signature, likewise.</param>
    /// <param name="seal">Its ARC-Seal, likewise.</param>
    /// <param name="cut">What of the seal is left out: the value of b=.</param>
    public static byte[] SealHash(
        IEnumerable<ArcSet> before, ReadOnlySpan<byte> results, ReadOnlySpan<byte> message, ReadOnlySpan<byte> seal, Range cut)
    {
        ArgumentNullException.ThrowIfNull(before);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var set in before)
        {
            Append(hash, set.ResultsField.Octets.Span);
            Append(hash, set.MessageField.Octets.Span);
            Append(hash, set.SealField.Octets.Span);
        }
        Append(hash, results);
        Append(hash, message);
        SignedHeader.AppendOwn(hash, Canonicalization.Relaxed, seal, cut);
        return hash.GetHashAndReset();
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> field)
    {
        SignedHeader.AppendOwn(hash, Canonicalization.Relaxed, field, ^0..);
        hash.AppendData("\r\n"u8);
    }

    private static IEnumerable<ArcField> Fields(SignedHeader header, string name)
    {
        for (var i = 0; i < header.Count(name); i++)
        {
            var octets = header.Field(name, i, out var valueStart);
            yield return new ArcField(octets, valueStart);
        }
    }

    private static bool Put<T>(T?[] to, int instance, T value, ref int highest)
        where T : struct
    {
        highest = Math.Max(highest, instance);
        if (instance >= to.Length || to[instance] is not null)
            return false;
        to[instance] = value;
        return true;
    }

    // arc-info = [CFWS] "i" "=" 1*2DIGIT [CFWS] ";" ...: the instance comes first (RFC 8617 4.1.1).
    private static bool TryReadInstance(ReadOnlySpan<byte> value, out int instance)
    {
        instance = 0;
        var semicolon = value.IndexOf((byte)';');
        if (semicolon < 0)
            return false;
        var text = Encoding.Latin1.GetString(value[..semicolon]);
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && text[..equals].Trim(' ', '\t', '\r', '\n') == "i" && TryReadInstance(text[(equals + 1)..].Trim(' ', '\t', '\r', '\n'), out instance);
    }

    private static bool TryReadInstance(string? text, out int instance)
    {
        instance = 0;
        return text is { Length: 1 or 2 } && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out instance) && instance is >= 1 and <= MaxSets;
    }
}
