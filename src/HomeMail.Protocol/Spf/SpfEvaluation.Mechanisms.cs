using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.Spf;

/// <summary>The mechanisms (RFC 7208 5).</summary>
public sealed partial class SpfEvaluation
{
    private const int MaxMxHosts = 10;
    private const int MaxReverseNames = 10;

    private enum Matching
    {
        No,
        Yes,
        Error,
    }

    // What the last mechanism, expansion and validation have left.
    private Matching _match;
    private string _why = "";
    private string _expanded = "";
    private string _validated = "";

    private DnsType AddressType => _request.Client.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa;

    private IEnumerable<DnsQuestion> Match(SpfDirective directive, string domain, int depth)
    {
        Decide(false, "");
        switch (directive.Mechanism)
        {
            case SpfMechanism.All:
                Decide(true, "always");
                return [];
            case SpfMechanism.Ip4 or SpfMechanism.Ip6:
                var inside = Covers(directive.Network!, directive);
                Decide(inside, $"{_request.Client} is {(inside ? "" : "not ")}in it");
                return [];
            default:
                return CountTerm() ? MatchByName(directive, domain, depth) : [];
        }
    }

    private IEnumerable<DnsQuestion> MatchByName(SpfDirective directive, string domain, int depth)
    {
        foreach (var question in Expand(directive.DomainSpec, domain, true))
            yield return question;
        if (_match == Matching.Error)
            yield break;
        var target = _expanded;
        if (directive.Mechanism == SpfMechanism.Include)
        {
            foreach (var question in Include(target, depth))
                yield return question;
            yield break;
        }
        if (!DnsName.IsValid(target))
        {
            Decide(false, $"{target} is not a name that can be asked for"); // RFC 7208 4.8
            yield break;
        }
        var steps = directive.Mechanism switch
        {
            SpfMechanism.A => MatchAddresses(directive, target),
            SpfMechanism.Mx => MatchExchangers(directive, target),
            SpfMechanism.Exists => MatchExistence(target),
            _ => MatchReverse(target),
        };
        foreach (var question in steps)
            yield return question;
    }

    // RFC 7208 5.2, the table of results.
    private IEnumerable<DnsQuestion> Include(string target, int depth)
    {
        foreach (var question in Check(target, depth + 1))
            yield return question;
        switch (_result)
        {
            case SpfResult.Pass:
                Decide(true, $"{target} passes");
                break;
            case SpfResult.TempError or SpfResult.PermError:
                _match = Matching.Error;
                break;
            case SpfResult.None:
                Fail(SpfResult.PermError, $"no SPF record at included {target}");
                break;
            default:
                Decide(false, $"{target} gives {_result.ToString().ToLowerInvariant()}");
                break;
        }
    }

    private IEnumerable<DnsQuestion> MatchAddresses(SpfDirective directive, string target)
    {
        foreach (var question in LookUp(AddressType, target))
            yield return question;
        if (Usable(AddressType, target))
            CompareAddresses(directive, target);
    }

    private IEnumerable<DnsQuestion> MatchExchangers(SpfDirective directive, string target)
    {
        foreach (var question in LookUp(DnsType.Mx, target))
            yield return question;
        if (!Usable(DnsType.Mx, target))
            yield break;
        var hosts = _answer.Texts ?? [];
        if (hosts.Count > MaxMxHosts)
        {
            Fail(SpfResult.PermError, $"more than {MaxMxHosts} MX hosts at {target}"); // RFC 7208 4.6.4
            yield break;
        }
        Decide(false, $"{_request.Client} is no address of its {hosts.Count} hosts");
        foreach (var host in hosts)
        {
            if (!DnsName.IsValid(host))
                continue; // a null MX, for one
            foreach (var question in LookUp(AddressType, host))
                yield return question;
            if (_answer.Status == DnsReplyStatus.TemporaryFailure)
            {
                Fail(SpfResult.TempError, $"no answer for addresses of {host}");
                yield break;
            }
            if (_answer.Status == DnsReplyStatus.Found && CompareAddresses(directive, host))
                yield break;
        }
    }

    // RFC 7208 5.7: always A, whatever the client's family.
    private IEnumerable<DnsQuestion> MatchExistence(string target)
    {
        foreach (var question in LookUp(DnsType.A, target))
            yield return question;
        if (Usable(DnsType.A, target))
            Decide(true, $"{target} exists");
    }

    // RFC 7208 5.5: errors mean that names are not validated, never more.
    private IEnumerable<DnsQuestion> MatchReverse(string target)
    {
        foreach (var question in LookUp(DnsType.Ptr, DnsName.Reverse(_request.Client)))
            yield return question;
        if (_answer.Status == DnsReplyStatus.TemporaryFailure)
        {
            Decide(false, $"no answer for PTR of {_request.Client}");
            yield break;
        }
        if (!Usable(DnsType.Ptr, DnsName.Reverse(_request.Client)))
            yield break;
        var names = _answer.Texts ?? [];
        Decide(false, $"no validated name of {_request.Client} is in {target}");
        for (var i = 0; i < Math.Min(names.Count, MaxReverseNames); i++)
        {
            if (!DnsName.IsWithin(names[i], target) || !DnsName.IsValid(names[i]))
                continue;
            foreach (var question in LookUp(AddressType, names[i]))
                yield return question;
            if (!AnswerHoldsClient())
                continue;
            Decide(true, $"{names[i]} is a validated name of {_request.Client}");
            yield break;
        }
    }

    // For %{p}: the domain itself, else a name below it, else any (RFC 7208 7.3). Leaves it in _validated.
    private IEnumerable<DnsQuestion> ValidateName(string domain, bool count)
    {
        _validated = "unknown";
        var reverse = new DnsQuestion(DnsType.Ptr, DnsName.Reverse(_request.Client));
        if (count && !_known.ContainsKey(reverse) && !CountTerm())
            yield break;
        foreach (var question in LookUp(reverse.Type, reverse.Name))
            yield return question;
        var names = _answer.Texts ?? [];
        for (var rank = 0; rank < 3; rank++)
        {
            for (var i = 0; i < Math.Min(names.Count, MaxReverseNames); i++)
            {
                var its = DnsName.Same(names[i], domain) ? 0 : DnsName.IsWithin(names[i], domain) ? 1 : 2;
                if (its != rank || !DnsName.IsValid(names[i]))
                    continue;
                foreach (var question in LookUp(AddressType, names[i]))
                    yield return question;
                if (!AnswerHoldsClient())
                    continue;
                _validated = names[i];
                yield break;
            }
        }
    }

    // Leaves the name in _expanded; the current domain if there is no domain-spec (RFC 7208 4.8).
    private IEnumerable<DnsQuestion> Expand(string? spec, string domain, bool count)
    {
        _expanded = domain;
        if (spec is null)
            yield break;
        _match = Matching.No;
        _validated = "unknown";
        if (SpfMacro.UsesValidatedName(spec))
        {
            foreach (var question in ValidateName(domain, count))
                yield return question;
        }
        _expanded = SpfMacro.ExpandDomain(spec, new SpfMacro.Values(_request, domain, _validated));
    }

    // Whether there are records to look at; if not, what that means is settled, and void look-ups are counted.
    private bool Usable(DnsType type, string name)
    {
        switch (_answer.Status)
        {
            case DnsReplyStatus.Found:
                return true;
            case DnsReplyStatus.TemporaryFailure:
                Fail(SpfResult.TempError, $"no answer for {Word(type)} of {name}");
                return false;
            case DnsReplyStatus.NoData when type == DnsType.Aaaa:
                break; // most names have no AAAA
            default:
                if (++_voids <= _request.VoidLimit)
                    break;
                Fail(SpfResult.PermError, $"more than {_request.VoidLimit} look-ups found nothing, the last one {Word(type)} of {name}");
                return false;
        }
        Decide(false, _answer.Status == DnsReplyStatus.NoSuchDomain ? $"{name} does not exist" : $"{name} has no {Word(type)}");
        return false;
    }

    private static string Word(DnsType type) => type.ToString().ToUpperInvariant();

    private bool CompareAddresses(SpfDirective directive, string name)
    {
        foreach (var address in _answer.Addresses ?? [])
        {
            if (!Covers(address, directive))
                continue;
            Decide(true, $"{name} has {address}");
            return true;
        }
        Decide(false, $"{_request.Client} is no address of {name}");
        return false;
    }

    private bool AnswerHoldsClient()
    {
        foreach (var address in _answer.Addresses ?? [])
            if (address.Equals(_request.Client))
                return true;
        return false;
    }

    private bool Covers(IPAddress network, SpfDirective directive)
    {
        if (network.IsIPv4MappedToIPv6 && directive.Mechanism != SpfMechanism.Ip6)
            network = network.MapToIPv4();
        if (network.AddressFamily != _request.Client.AddressFamily)
            return false;
        Span<byte> a = stackalloc byte[16];
        Span<byte> b = stackalloc byte[16];
        network.TryWriteBytes(a, out var length);
        _request.Client.TryWriteBytes(b, out _);
        var bits = length == 4 ? directive.Prefix4 : directive.Prefix6;
        var whole = bits / 8;
        if (!a[..whole].SequenceEqual(b[..whole]))
            return false;
        var rest = 8 - (bits % 8);
        return rest == 8 || a[whole] >> rest == b[whole] >> rest;
    }

    private void Decide(bool match, string why)
    {
        _match = match ? Matching.Yes : Matching.No;
        _why = why;
    }
}
