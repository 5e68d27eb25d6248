using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.Spf;

/// <summary>
/// check_host() (RFC 7208 4) without I/O: <see cref="Next"/> asks for one look-up at a time, <see cref="Answer"/> gives it, until
/// <see cref="Outcome"/> is there. No look-up is asked for twice, and none after the result is certain.
/// </summary>
/// <remarks>
/// The evaluation is written as iterators that yield a question and go on when the answer has come; an include is an iterator within one.
/// The bounds of RFC 7208 4.6.4 hold over all of them: ten terms, <see cref="SpfRequest.VoidLimit"/> that find nothing, ten hosts of an MX and
/// ten reverse names. What is void: a term whose name does not exist or has no record. Two cases are left out, since they are no sign of
/// abuse and cost honest senders a permanent error: a name without AAAA when the client comes over IPv6, and hosts of an MX.
/// </remarks>
public sealed partial class SpfEvaluation
{
    private const int MaxTerms = 10;

    private readonly SpfRequest _request;
    private readonly Dictionary<DnsQuestion, DnsReply> _known = [];
    private readonly List<SpfStep> _trace = [];
    private readonly IEnumerator<DnsQuestion> _steps;
    private DnsReply _answer;
    private DnsQuestion? _open;
    private int _terms;
    private int _voids;

    // The result of the innermost check that ended, and what belongs to it.
    private SpfResult _result;
    private string? _mechanism;
    private string? _problem;
    private string? _explanation;

    /// <summary>Begins an evaluation.</summary>
    /// <param name="request">What is to be checked.</param>
    public SpfEvaluation(SpfRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _request = request;
        _steps = Run().GetEnumerator();
    }

    /// <summary>The end, or null while look-ups are owed.</summary>
    public SpfOutcome? Outcome { get; private set; }

    /// <summary>Goes on to the next look-up.</summary>
    /// <param name="question">What has to be looked up; answer it before the next call.</param>
    /// <returns>False if the evaluation has ended.</returns>
    /// <exception cref="InvalidOperationException">The last question was not answered.</exception>
    public bool Next(out DnsQuestion question)
    {
        question = default;
        if (Outcome is not null)
            return false;
        if (_open is not null)
            throw new InvalidOperationException("the last question was not answered");
        if (_steps.MoveNext())
        {
            _open = question = _steps.Current;
            return true;
        }
        Outcome = new SpfOutcome(_result, _mechanism, _problem, _explanation, _terms, _trace);
        return false;
    }

    /// <summary>Gives the answer to the last question.</summary>
    /// <param name="answer">The answer.</param>
    /// <exception cref="InvalidOperationException">Nothing was asked.</exception>
    public void Answer(DnsReply answer)
    {
        if (_open is not { } question)
            throw new InvalidOperationException("nothing was asked");
        _open = null;
        _known[question] = answer;
    }

    /// <summary>Ends the evaluation for lack of time, with a temporary error (RFC 7208 4.6.4).</summary>
    public void TimeOut() =>
        Outcome ??= new SpfOutcome(SpfResult.TempError, null, "the look-ups took too long", null, _terms, _trace);

    private IEnumerable<DnsQuestion> Run()
    {
        if (!InternationalName.TryToAscii(_request.Domain, out var domain))
            domain = "";
        return Check(domain, 0);
    }

    // RFC 7208 4.3 to 4.7, for the first domain and for each include; a redirect goes round the loop.
    private IEnumerable<DnsQuestion> Check(string domain, int depth)
    {
        for (var redirected = false; ; redirected = true)
        {
            foreach (var question in FindRecord(domain, depth))
                yield return question;
            if (_record is not { } record)
            {
                if (redirected && _result == SpfResult.None)
                    Fail(SpfResult.PermError, $"no SPF record at redirect target {domain}"); // RFC 7208 6.1
                yield break;
            }
            foreach (var directive in record.Directives)
            {
                foreach (var question in Match(directive, domain, depth))
                    yield return question;
                Trace(depth, domain, directive.Text, _match switch
                {
                    Matching.Yes => $"matches: {_why}",
                    Matching.No => $"no match: {_why}",
                    _ => _problem ?? "error",
                });
                if (_match == Matching.No)
                    continue;
                if (_match == Matching.Error)
                    yield break; // the result and the problem are set
                _result = directive.Qualifier;
                _mechanism = directive.Text;
                _problem = null;
                if (depth == 0 && _result == SpfResult.Fail && record.Explanation is { } spec && _request.WantExplanation)
                {
                    foreach (var question in Explain(spec, domain))
                        yield return question;
                }
                yield break;
            }
            if (record.Redirect is not { } redirect)
            {
                _result = SpfResult.Neutral; // RFC 7208 4.7
                _mechanism = "default";
                Trace(depth, domain, "", "no term matches: neutral");
                yield break;
            }
            if (!CountTerm())
                yield break;
            foreach (var question in Expand(redirect, domain, true))
                yield return question;
            if (_match == Matching.Error)
                yield break;
            Trace(depth, domain, $"redirect={redirect}", $"go on with {_expanded}");
            domain = _expanded;
        }
    }

    private SpfRecord? _record;

    // RFC 7208 4.3 to 4.5. Leaves the record, or none and the result.
    private IEnumerable<DnsQuestion> FindRecord(string domain, int depth)
    {
        _record = null;
        _mechanism = null;
        domain = domain.TrimEnd('.');
        if (domain.StartsWith('[') || !domain.Contains('.', StringComparison.Ordinal) || !DnsName.IsValid(domain))
        {
            _result = SpfResult.None;
            Trace(depth, domain, "", "not a domain name that could have a record");
            yield break;
        }
        foreach (var question in LookUp(DnsType.Txt, domain))
            yield return question;
        if (_answer.Status == DnsReplyStatus.TemporaryFailure)
        {
            Fail(SpfResult.TempError, $"no answer for TXT of {domain}");
            Trace(depth, domain, "", _problem!);
            yield break;
        }
        string? text = null;
        var count = 0;
        foreach (var candidate in _answer.Texts ?? [])
        {
            if (!SpfRecord.IsSpf(candidate))
                continue;
            text = candidate;
            count++;
        }
        if (text is null)
        {
            _result = SpfResult.None;
            Trace(depth, domain, "", _answer.Status == DnsReplyStatus.NoSuchDomain ? "no such domain" : "no SPF record");
        }
        else if (count > 1)
        {
            Fail(SpfResult.PermError, $"{count} SPF records at {domain}");
            Trace(depth, domain, "", _problem!);
        }
        else if (!SpfRecord.TryParse(text, out var record, out var problem))
        {
            Fail(SpfResult.PermError, $"{problem} (in the record of {domain})");
            Trace(depth, domain, "", $"{text}: {problem}");
        }
        else
        {
            _record = record;
            Trace(depth, domain, "", text);
        }
    }

    // RFC 7208 6.2: whatever goes wrong with an explanation, there is none, and the result stays.
    private IEnumerable<DnsQuestion> Explain(string spec, string domain)
    {
        foreach (var question in Expand(spec, domain, false))
            yield return question;
        if (!DnsName.IsValid(_expanded))
            yield break;
        foreach (var question in LookUp(DnsType.Txt, _expanded))
            yield return question;
        if (_answer is not { Status: DnsReplyStatus.Found, Texts: [var text] })
            yield break;
        var name = "unknown";
        if (SpfMacro.UsesValidatedName(text))
        {
            foreach (var question in ValidateName(domain, false))
                yield return question;
            name = _validated;
        }
        _explanation = SpfMacro.ExpandExplanation(text, new SpfMacro.Values(_request, domain, name));
    }

    // Leaves the answer in _answer.
    private IEnumerable<DnsQuestion> LookUp(DnsType type, string name)
    {
        var question = new DnsQuestion(type, name.TrimEnd('.').ToLowerInvariant());
        if (!_known.ContainsKey(question))
            yield return question;
        _answer = _known[question];
    }

    private bool CountTerm()
    {
        if (++_terms <= MaxTerms)
            return true;
        Fail(SpfResult.PermError, $"more than {MaxTerms} terms need look-ups");
        return false;
    }

    private void Fail(SpfResult result, string problem)
    {
        _result = result;
        _problem = problem;
        _mechanism = null;
        _match = Matching.Error;
    }

    private void Trace(int depth, string domain, string term, string text)
    {
        if (_request.WantTrace)
            _trace.Add(new SpfStep(depth, domain, term, text));
    }
}
