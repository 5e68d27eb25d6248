using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace HomeMail.Protocol.Spf;

/// <summary>The mechanisms (RFC 7208 5).</summary>
public enum SpfMechanism
{
    /// <summary>Matches always (5.1).</summary>
    All,

    /// <summary>Matches if another domain's record passes (5.2).</summary>
    Include,

    /// <summary>Matches an address of a name (5.3).</summary>
    A,

    /// <summary>Matches an address of a mail exchanger (5.4).</summary>
    Mx,

    /// <summary>Matches by reverse names (5.5); its use is discouraged.</summary>
    Ptr,

    /// <summary>Matches an IPv4 network (5.6).</summary>
    Ip4,

    /// <summary>Matches an IPv6 network (5.6).</summary>
    Ip6,

    /// <summary>Matches if a name has an A record (5.7).</summary>
    Exists,
}

/// <summary>A mechanism with its qualifier.</summary>
/// <param name="Text">The term as it stands in the record.</param>
/// <param name="Qualifier">The result if it matches.</param>
/// <param name="Mechanism">Which it is.</param>
/// <param name="DomainSpec">The domain-spec with its macros; null where none is given and the current domain is meant.</param>
/// <param name="Network">For ip4 and ip6.</param>
/// <param name="Prefix4">The length of the IPv4 prefix in bits.</param>
/// <param name="Prefix6">The length of the IPv6 prefix in bits.</param>
public sealed record SpfDirective(
    string Text, SpfResult Qualifier, SpfMechanism Mechanism, string? DomainSpec, IPAddress? Network, int Prefix4, int Prefix6);

/// <summary>An SPF record (RFC 7208 4.5, 4.6, 12), its syntax checked throughout: an error anywhere spoils the whole.</summary>
public sealed class SpfRecord
{
    private const string Version = "v=spf1";

    private readonly List<SpfDirective> _directives = [];

    private SpfRecord()
    {
    }

    /// <summary>The mechanisms in their order.</summary>
    public IReadOnlyList<SpfDirective> Directives => _directives;

    /// <summary>The domain-spec of <c>redirect=</c> (6.1), or null.</summary>
    public string? Redirect { get; private set; }

    /// <summary>The domain-spec of <c>exp=</c> (6.2), or null.</summary>
    public string? Explanation { get; private set; }

    /// <summary>Whether a TXT record is an SPF record at all, well-formed or not (RFC 7208 4.5).</summary>
    /// <param name="text">The record's text.</param>
    public static bool IsSpf(ReadOnlySpan<char> text) =>
        text.StartsWith(Version, StringComparison.OrdinalIgnoreCase) && (text.Length == Version.Length || text[Version.Length] == ' ');

    /// <summary>Reads a record.</summary>
    /// <param name="text">The text, one octet a character.</param>
    /// <param name="record">The record; null if it is not valid.</param>
    /// <param name="problem">If it is not valid: why. Holds the offending term.</param>
    public static bool TryParse(string text, out SpfRecord? record, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        record = null;
        problem = "not an SPF record";
        if (!IsSpf(text))
            return false;
        var result = new SpfRecord();
        foreach (var term in text[Version.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            problem = result.ReadTerm(term);
            if (problem is not null)
            {
                problem = $"{problem}: {term}";
                return false;
            }
        }
        problem = null;
        record = result;
        return true;
    }

    private string? ReadTerm(string term)
    {
        var nameEnd = term.AsSpan().IndexOfAny(':', '/', '=');
        if (nameEnd >= 0 && term[nameEnd] == '=')
            return ReadModifier(term[..nameEnd], term[(nameEnd + 1)..]);
        var qualifier = term[0] switch
        {
            '-' => SpfResult.Fail,
            '~' => SpfResult.SoftFail,
            '?' => SpfResult.Neutral,
            _ => SpfResult.Pass,
        };
        var start = term[0] is '+' or '-' or '~' or '?' ? 1 : 0;
        var name = term[start..(nameEnd < 0 ? term.Length : nameEnd)];
        var rest = nameEnd < 0 ? "" : term[nameEnd..];
        SpfDirective? directive = name.ToLowerInvariant() switch
        {
            "all" => rest.Length == 0 ? new(term, qualifier, SpfMechanism.All, null, null, 32, 128) : null,
            "include" => WithDomain(term, qualifier, SpfMechanism.Include, rest, true, false),
            "a" => WithDomain(term, qualifier, SpfMechanism.A, rest, false, true),
            "mx" => WithDomain(term, qualifier, SpfMechanism.Mx, rest, false, true),
            "ptr" => WithDomain(term, qualifier, SpfMechanism.Ptr, rest, false, false),
            "exists" => WithDomain(term, qualifier, SpfMechanism.Exists, rest, true, false),
            "ip4" => WithNetwork(term, qualifier, SpfMechanism.Ip4, rest),
            "ip6" => WithNetwork(term, qualifier, SpfMechanism.Ip6, rest),
            _ => null,
        };
        if (directive is null)
            return IsName(name) ? "syntax error or unknown mechanism" : "syntax error";
        _directives.Add(directive);
        return null;
    }

    private string? ReadModifier(string name, string value)
    {
        if (!IsName(name))
            return "bad modifier name";
        if (name.Equals("redirect", StringComparison.OrdinalIgnoreCase))
        {
            if (Redirect is not null)
                return "redirect given twice";
            Redirect = value;
        }
        else if (name.Equals("exp", StringComparison.OrdinalIgnoreCase))
        {
            if (Explanation is not null)
                return "exp given twice";
            Explanation = value;
        }
        else
            return SpfMacro.IsValid(value, SpfMacro.Place.Modifier) ? null : "bad macro in modifier";
        return SpfMacro.IsValid(value, SpfMacro.Place.Domain) ? null : "bad domain";
    }

    private static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.Length == 0 || !char.IsAsciiLetter(name[0]))
            return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
                return false;
        return true;
    }

    private static SpfDirective? WithDomain(
        string term, SpfResult qualifier, SpfMechanism mechanism, string rest, bool needsDomain, bool takesPrefix)
    {
        var prefix4 = 32;
        var prefix6 = 128;
        ReadOnlySpan<char> domain = rest;
        if (takesPrefix && !TryCutPrefixes(ref domain, out prefix4, out prefix6))
            return null;
        if (domain.Length == 0)
            return needsDomain ? null : new(term, qualifier, mechanism, null, null, prefix4, prefix6);
        if (domain[0] != ':' || !SpfMacro.IsValid(domain[1..], SpfMacro.Place.Domain))
            return null;
        return new(term, qualifier, mechanism, domain[1..].ToString(), null, prefix4, prefix6);
    }

    // dual-cidr-length = [ "/" 0-32 ] [ "//" 0-128 ], at the end of a domain that may itself hold slashes.
    private static bool TryCutPrefixes(ref ReadOnlySpan<char> text, out int prefix4, out int prefix6)
    {
        prefix4 = 32;
        prefix6 = 128;
        var slash = DigitsAfterSlash(text);
        if (slash > 0 && text[slash - 1] == '/')
        {
            if (!TryReadPrefix(text[(slash + 1)..], 128, out prefix6))
                return false;
            text = text[..(slash - 1)];
            slash = DigitsAfterSlash(text);
        }
        if (slash < 0)
            return true;
        if (!TryReadPrefix(text[(slash + 1)..], 32, out prefix4))
            return false;
        text = text[..slash];
        return true;
    }

    private static int DigitsAfterSlash(ReadOnlySpan<char> text)
    {
        var slash = text.LastIndexOf('/');
        if (slash < 0 || slash == text.Length - 1)
            return -1;
        foreach (var c in text[(slash + 1)..])
            if (!char.IsAsciiDigit(c))
                return -1;
        return slash;
    }

    private static bool TryReadPrefix(ReadOnlySpan<char> text, int most, out int prefix) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out prefix) && prefix <= most
        && text.Length <= 3 && (text.Length == 1 || text[0] != '0');

    private static SpfDirective? WithNetwork(string term, SpfResult qualifier, SpfMechanism mechanism, string rest)
    {
        var v4 = mechanism == SpfMechanism.Ip4;
        if (rest.Length < 2 || rest[0] != ':')
            return null;
        var text = rest.AsSpan(1);
        var prefix = v4 ? 32 : 128;
        var slash = text.IndexOf('/');
        if (slash >= 0)
        {
            if (!TryReadPrefix(text[(slash + 1)..], prefix, out prefix))
                return null;
            text = text[..slash];
        }
        IPAddress? network;
        if (v4 ? !TryParseIp4(text, out network) : !TryParseIp6(text, out network))
            return null;
        return new(term, qualifier, mechanism, null, network, v4 ? prefix : 32, v4 ? 128 : prefix);
    }

    // Four decimal numbers and nothing else; the platform's parser also takes hex, octal and fewer parts.
    private static bool TryParseIp4(ReadOnlySpan<char> text, out IPAddress? address)
    {
        address = null;
        Span<byte> octets = stackalloc byte[4];
        var count = 0;
        foreach (var range in text.Split('.'))
        {
            var part = text[range];
            if (count == 4 || part.Length is 0 or > 3 || (part.Length > 1 && part[0] == '0')
                || !byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out octets[count++]))
                return false;
        }
        if (count != 4)
            return false;
        address = new IPAddress(octets);
        return true;
    }

    private static bool TryParseIp6(ReadOnlySpan<char> text, out IPAddress? address)
    {
        address = null;
        foreach (var c in text)
            if (!char.IsAsciiHexDigit(c) && c is not (':' or '.'))
                return false; // no scope, no brackets
        return text.Contains(':') && IPAddress.TryParse(text, out address) && address.AddressFamily == AddressFamily.InterNetworkV6;
    }
}
