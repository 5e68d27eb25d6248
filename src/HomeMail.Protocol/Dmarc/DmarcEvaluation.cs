using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.Dmarc;

/// <summary>The results (RFC 9989 9.2, RFC 8601 2.7.2 as updated there).</summary>
public enum DmarcResult
{
    /// <summary>No policy applies to the domain.</summary>
    None,

    /// <summary>An authenticated identifier is aligned with the author's domain.</summary>
    Pass,

    /// <summary>None is.</summary>
    Fail,

    /// <summary>DNS did not answer, here or where it would have decided.</summary>
    TempError,

    /// <summary>There is not exactly one author domain: DMARC cannot be evaluated, and never passes.</summary>
    PermError,
}

/// <summary>What is to be evaluated.</summary>
/// <param name="AuthorDomain">The domain of From, in A-labels.</param>
/// <param name="DkimDomains">d= of each signature that passed.</param>
/// <param name="SpfDomain">The domain of MAIL FROM, if SPF passed for it; otherwise null. With a null reverse-path the HELO name.</param>
/// <param name="UndecidedDkim">d= of each signature whose key could not be fetched now.</param>
/// <param name="UndecidedSpf">The domain of MAIL FROM, if SPF had a temporary error.</param>
/// <param name="FindOrganization">Whether to find the organizational domain also where it is not needed, for people to read.</param>
/// <param name="ForReport">
/// Whether SPF's alignment is to be known also where DKIM's has decided, and the other way round, if the owner wants reports (RFC 9990 3.1.1.9).
/// </param>
public sealed record DmarcRequest(
    string AuthorDomain, IReadOnlyList<string> DkimDomains, string? SpfDomain, IReadOnlyList<string>? UndecidedDkim = null, string? UndecidedSpf = null,
    bool FindOrganization = false, bool ForReport = false);

/// <summary>The end of an evaluation.</summary>
/// <param name="Result">The result.</param>
/// <param name="Policy">What the owner wants done with this message if it fails; for t=y already a level less severe. "None" if no policy applies.</param>
/// <param name="PolicyDomain">Where the record was found, or null.</param>
/// <param name="Record">The record, or null.</param>
/// <param name="OrganizationalDomain">The author's organizational domain, if it had to be found.</param>
/// <param name="AlignedDkim">The d= that is aligned, or null.</param>
/// <param name="AlignedSpf">The SPF domain, if it is aligned; else null.</param>
/// <param name="Problem">For an error: what happened.</param>
/// <param name="Queries">How many look-ups it took.</param>
public sealed record DmarcOutcome(
    DmarcResult Result, DmarcPolicy Policy, string? PolicyDomain, DmarcRecord? Record, string? OrganizationalDomain, string? AlignedDkim,
    string? AlignedSpf, string? Problem, int Queries)
{
    /// <summary>The outcome for a message that has not exactly one author domain.</summary>
    /// <param name="kind">What it has.</param>
    public static DmarcOutcome NotEvaluable(AuthorDomainKind kind) =>
        new(DmarcResult.PermError, DmarcPolicy.None, null, null, null, null, null, kind switch
        {
            AuthorDomainKind.Missing => "no From field",
            AuthorDomainKind.SeveralFields => "more than one From field",
            AuthorDomainKind.SeveralDomains => "From names several domains",
            _ => "From is malformed",
        }, 0);
}

/// <summary>
/// DMARC without I/O: <see cref="Next"/> asks for one look-up at a time, <see cref="Answer"/> gives it, until <see cref="Outcome"/> is there. A
/// name is asked for once, a tree walk is at most eight names (RFC 9989 4.10), and walks are made only for identifiers that could be aligned.
/// </summary>
public sealed class DmarcEvaluation
{
    private const int MostLabels = 8;

    // Signatures beyond these are not worth a walk each; verifiers pass on no more.
    private const int MostIdentifiers = 16;

    private readonly DmarcRequest _request;
    private readonly Dictionary<string, DnsReply> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly IEnumerator<string> _steps;
    private string? _open;

    // What the last walk has left: the records it found, from the longest name to the shortest.
    private readonly List<(string Domain, DmarcRecord Record)> _found = [];
    private bool _failed;
    private string _organization = "";
    private string? _lastFailure;

    /// <summary>Begins an evaluation.</summary>
    /// <param name="request">What is to be evaluated.</param>
    public DmarcEvaluation(DmarcRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _request = request with { AuthorDomain = request.AuthorDomain.TrimEnd('.').ToLowerInvariant() };
        _steps = Run().GetEnumerator();
    }

    /// <summary>The end, or null while look-ups are owed.</summary>
    public DmarcOutcome? Outcome { get; private set; }

    /// <summary>Goes on to the next look-up.</summary>
    /// <param name="question">What has to be looked up: always TXT.</param>
    /// <returns>False if the evaluation has ended.</returns>
    /// <exception cref="InvalidOperationException">The last question was not answered.</exception>
    public bool Next(out DnsQuestion question)
    {
        question = default;
        if (_open is not null)
            throw new InvalidOperationException("the last question was not answered");
        if (Outcome is not null || !_steps.MoveNext())
            return false;
        _open = _steps.Current;
        question = new DnsQuestion(DnsType.Txt, _open);
        return true;
    }

    /// <summary>Gives the answer to the last question.</summary>
    /// <param name="reply">The answer.</param>
    /// <exception cref="InvalidOperationException">Nothing was asked.</exception>
    public void Answer(DnsReply reply)
    {
        if (_open is null)
            throw new InvalidOperationException("nothing was asked");
        _known[_open] = reply;
        _open = null;
    }

    private string Author => _request.AuthorDomain;

    private IEnumerable<string> Run()
    {
        // RFC 9989 4.10.1: the author's own record, else a walk.
        foreach (var name in LookUp(Author))
            yield return name;
        var policyDomain = Author;
        var record = RecordAt(Author);
        string? organization = null;
        if (_failed)
        {
            End(DmarcResult.TempError, DmarcPolicy.None, null, null, null);
            yield break;
        }
        if (record is null)
        {
            foreach (var name in Walk(Author))
                yield return name;
            if (_failed)
            {
                End(DmarcResult.TempError, DmarcPolicy.None, null, null, null);
                yield break;
            }
            organization = _organization;
            (policyDomain, record) = PolicyOf(organization);
        }
        if (record is not { IsUsable: true })
        {
            End(DmarcResult.None, DmarcPolicy.None, null, null, organization);
            yield break;
        }
        foreach (var name in FindPolicy(policyDomain!, record))
            yield return name;
        var policy = _policy;

        // The very same domain is aligned in both modes (RFC 9989 4.10.2), without a walk.
        var dkim = _request.DkimDomains.FirstOrDefault(d => DnsName.Same(d, Author));
        var spf = _request.SpfDomain is { } sender && DnsName.Same(sender, Author) ? sender : null;
        var forReport = _request.ForReport && record.ReportAddresses.Count > 0;
        if (_request.FindOrganization || (forReport ? IsOpen(record, dkim, spf) : dkim is null && spf is null && MayAlign(record)))
        {
            if (organization is null)
            {
                foreach (var name in Walk(Author))
                    yield return name;
                organization = _failed ? null : _organization;
            }
            if (organization is not null && (forReport || (dkim is null && spf is null)))
            {
                foreach (var candidate in record.StrictDkim || dkim is not null ? [] : _request.DkimDomains.Take(MostIdentifiers))
                {
                    foreach (var name in WalkIfWithin(candidate, organization))
                        yield return name;
                    if (!_failed && DnsName.Same(_organization, organization))
                        dkim ??= candidate;
                }
                if (!record.StrictSpf && spf is null && _request.SpfDomain is { } domain)
                {
                    foreach (var name in WalkIfWithin(domain, organization))
                        yield return name;
                    if (!_failed && DnsName.Same(_organization, organization))
                        spf = domain;
                }
            }
        }
        if (dkim is not null || spf is not null)
        {
            End(DmarcResult.Pass, policy, policyDomain, record, organization, dkim, spf);
            yield break;
        }
        var undecided = UndecidedMatters(record, organization);
        End(_lastFailure is not null || undecided ? DmarcResult.TempError : DmarcResult.Fail, policy, policyDomain, record, organization);
    }

    private DmarcPolicy _policy;

    // RFC 9989 4.10.1: p for the domain itself, np or sp below it; t=y takes a level off.
    private IEnumerable<string> FindPolicy(string policyDomain, DmarcRecord record)
    {
        _policy = record.Policy;
        if (!DnsName.Same(policyDomain, Author))
        {
            _policy = record.SubdomainPolicy ?? record.Policy;
            if (record.NonExistentPolicy is { } missing && missing != _policy && _known[Name(Author)].Status == DnsReplyStatus.NoSuchDomain)
            {
                // The underscored name is not there; whether the domain is has to be asked (RFC 9989 3.2.13).
                if (!_known.ContainsKey(Author))
                    yield return Author;
                if (_known[Author].Status == DnsReplyStatus.NoSuchDomain)
                    _policy = missing;
            }
        }
        if (record.Testing && _policy != DmarcPolicy.None)
            _policy--;
    }

    private bool MayAlign(DmarcRecord record) =>
        (!record.StrictDkim && (_request.DkimDomains.Count > 0 || _request.UndecidedDkim is { Count: > 0 }))
        || (!record.StrictSpf && (_request.SpfDomain ?? _request.UndecidedSpf) is not null);

    // Whether an identifier that passed is still to be compared in relaxed mode.
    private bool IsOpen(DmarcRecord record, string? dkim, string? spf) =>
        (dkim is null && !record.StrictDkim && _request.DkimDomains.Count > 0) || (spf is null && !record.StrictSpf && _request.SpfDomain is not null)
        || (dkim is null && spf is null && MayAlign(record));

    // Whether a check that DNS left open could have made a pass.
    private bool UndecidedMatters(DmarcRecord record, string? organization)
    {
        bool Could(string domain, bool strict) =>
            DnsName.Same(domain, Author) || (!strict && (organization is null || DnsName.IsWithin(domain, organization)));
        return (_request.UndecidedSpf is { } spf && Could(spf, record.StrictSpf))
            || (_request.UndecidedDkim ?? []).Any(d => Could(d, record.StrictDkim));
    }

    // Same organization means: within it. Others need no walk.
    private IEnumerable<string> WalkIfWithin(string domain, string organization)
    {
        _organization = "";
        _failed = false;
        return DnsName.IsWithin(domain, organization) ? Walk(domain) : [];
    }

    // RFC 9989 4.10 and 4.10.2: leaves the records and the organizational domain.
    private IEnumerable<string> Walk(string start)
    {
        _found.Clear();
        _failed = false;
        start = start.TrimEnd('.').ToLowerInvariant();
        _organization = start;
        var labels = start.Split('.');
        for (var first = 0; first < labels.Length; first = NextLabel(first, labels.Length))
        {
            var domain = string.Join('.', labels.AsSpan(first));
            foreach (var name in LookUp(domain))
                yield return name;
            if (_failed)
                yield break;
            if (RecordAt(domain) is not { } record)
                continue;
            _found.Add((domain, record));
            if (record.PublicSuffix is not null)
                break;
        }
        if (_found.Count == 0)
            yield break;
        var (last, lastRecord) = _found[^1];
        _organization = lastRecord.PublicSuffix == true && last != start ? OneBelow(last, labels) : last;
    }

    private static int NextLabel(int first, int count) =>
        first == 0 && count >= MostLabels ? count - (MostLabels - 1) : first + 1;

    private static string OneBelow(string domain, string[] labels) =>
        string.Join('.', labels.AsSpan(labels.Length - domain.Split('.').Length - 1));

    // The organizational domain's record, else that of the public suffix above it (RFC 9989 4.10.1).
    private (string? Domain, DmarcRecord? Record) PolicyOf(string organization)
    {
        foreach (var (domain, record) in _found)
            if (DnsName.Same(domain, organization))
                return (domain, record);
        return _found.Count > 0 && _found[^1].Record.PublicSuffix == true ? _found[^1] : (null, null);
    }

    private IEnumerable<string> LookUp(string domain)
    {
        var name = Name(domain);
        if (!_known.ContainsKey(name))
        {
            if (DnsName.IsValid(name))
                yield return name;
            else
                _known[name] = new DnsReply(DnsReplyStatus.NoData);
        }
        _failed = _known[name].Status == DnsReplyStatus.TemporaryFailure;
        if (_failed)
            _lastFailure = $"no answer for TXT of {name}";
    }

    private DmarcRecord? RecordAt(string domain)
    {
        DmarcRecord? only = null;
        foreach (var text in _known[Name(domain)].Texts ?? [])
        {
            if (!DmarcRecord.TryParse(text, out var record))
                continue;
            if (only is not null)
                return null; // several are as good as none
            only = record;
        }
        return only;
    }

    private static string Name(string domain) => $"_dmarc.{domain}";

    private void End(
        DmarcResult result, DmarcPolicy policy, string? policyDomain, DmarcRecord? record, string? organization, string? dkim = null, string? spf = null) =>
        Outcome = new DmarcOutcome(
            result, policy, policyDomain, record, organization, dkim, spf,
            result == DmarcResult.TempError ? _lastFailure ?? "SPF or DKIM could not be decided" : null, _known.Count);
}
