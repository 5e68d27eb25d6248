using System.Diagnostics.CodeAnalysis;

namespace HomeMail.Protocol.Dmarc;

/// <summary>What a domain's owner wants done with mail that fails (RFC 9989 4.7, p=). The order is that of severity.</summary>
public enum DmarcPolicy
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Treat it as suspicious.</summary>
    Quarantine,

    /// <summary>It is no mail of the domain.</summary>
    Reject,
}

/// <summary>A DMARC policy record (RFC 9989 4.7, 4.8).</summary>
/// <remarks>
/// Behind the version, what is not well-formed is passed over (RFC 9989 4.8); so is a tag that comes again. Only a bad p=, sp= or np= has a
/// meaning of its own: see <see cref="IsUsable"/>.
/// </remarks>
public sealed class DmarcRecord
{
    private DmarcRecord(string text) => Text = text;

    /// <summary>The record as published.</summary>
    public string Text { get; }

    /// <summary>p=; "none" where it is absent or bad.</summary>
    public DmarcPolicy Policy { get; private set; }

    /// <summary>sp=, or null.</summary>
    public DmarcPolicy? SubdomainPolicy { get; private set; }

    /// <summary>np=, or null.</summary>
    public DmarcPolicy? NonExistentPolicy { get; private set; }

    /// <summary>adkim=s: only the very same domain is aligned.</summary>
    public bool StrictDkim { get; private set; }

    /// <summary>aspf=s.</summary>
    public bool StrictSpf { get; private set; }

    /// <summary>psd=: true for y, false for n, null for u.</summary>
    public bool? PublicSuffix { get; private set; }

    /// <summary>t=y: the owner tries the policy out, and wants one that is a level less severe applied.</summary>
    public bool Testing { get; private set; }

    /// <summary>
    /// rua=: where aggregate reports go, as mail addresses; other schemes are left out. A size limit behind <c>!</c> is obsolete and ignored (RFC 9989 4.8).
    /// </summary>
    public IReadOnlyList<string> ReportAddresses { get; private set; } = [];

    /// <summary>Whether DMARC applies at all: not if p= is missing or bad, or sp= or np= bad, and nobody wants reports (RFC 9989 4.10.1).</summary>
    public bool IsUsable { get; private set; } = true;

    /// <summary>Whether a TXT record is a DMARC record: its first tag is the version (RFC 9989 4.7, v=).</summary>
    /// <param name="text">The record's text.</param>
    /// <param name="record">The record.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out DmarcRecord? record)
    {
        ArgumentNullException.ThrowIfNull(text);
        record = null;
        var result = new DmarcRecord(text);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var policyIsGood = false;
        var othersAreGood = true;
        foreach (var element in text.Split(';'))
        {
            var equals = element.IndexOf('=', StringComparison.Ordinal);
            var name = (equals < 0 ? element : element[..equals]).Trim(' ', '\t');
            var value = equals < 0 ? "" : element[(equals + 1)..].Trim(' ', '\t');
            if (seen.Count == 0 && (name != "v" || value != "DMARC1"))
                return false;
            if (equals < 0 || !seen.Add(name))
                continue;
            switch (name)
            {
                case "p":
                    policyIsGood = TryReadPolicy(value, out var policy);
                    result.Policy = policy;
                    break;
                case "sp":
                    othersAreGood &= TryReadPolicy(value, out var subdomains);
                    result.SubdomainPolicy = subdomains;
                    break;
                case "np":
                    othersAreGood &= TryReadPolicy(value, out var missing);
                    result.NonExistentPolicy = missing;
                    break;
                case "adkim":
                    result.StrictDkim = Is(value, "s");
                    break;
                case "aspf":
                    result.StrictSpf = Is(value, "s");
                    break;
                case "psd":
                    result.PublicSuffix = Is(value, "y") ? true : Is(value, "n") ? false : null;
                    break;
                case "t":
                    result.Testing = Is(value, "y");
                    break;
                case "rua":
                    result.ReportAddresses = ReadAddresses(value);
                    result._wantsReports = value.Split(',').Any(IsUri);
                    break;
            }
        }
        if (!policyIsGood || !othersAreGood)
        {
            result.Policy = DmarcPolicy.None;
            result.SubdomainPolicy = result.NonExistentPolicy = null;
            result.IsUsable = result._wantsReports;
        }
        record = result;
        return true;
    }

    private bool _wantsReports;

    private static bool Is(string value, string expected) => value.Equals(expected, StringComparison.OrdinalIgnoreCase);

    private static bool TryReadPolicy(string value, out DmarcPolicy policy)
    {
        policy = Is(value, "reject") ? DmarcPolicy.Reject : Is(value, "quarantine") ? DmarcPolicy.Quarantine : DmarcPolicy.None;
        return policy != DmarcPolicy.None || Is(value, "none");
    }

    // RFC 3986 3: a scheme and something behind its colon; visible characters only.
    private static bool IsUri(string text)
    {
        text = text.Trim(' ', '\t');
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || colon == text.Length - 1 || !char.IsAsciiLetter(text[0]))
            return false;
        foreach (var c in text)
            if (c is <= ' ' or >= '\x7f' or '<' or '>' or '"')
                return false;
        return text.AsSpan(0, colon).IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.") < 0;
    }

    private static List<string> ReadAddresses(string value)
    {
        const int MaxAddresses = 8;
        var addresses = new List<string>();
        foreach (var part in value.Split(','))
        {
            var text = part.Trim(' ', '\t');
            if (!IsUri(text) || !text.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase) || addresses.Count == MaxAddresses)
                continue;
            var address = text["mailto:".Length..];
            var end = address.AsSpan().IndexOfAny('!', '?'); // the obsolete size limit, and header fields that nobody asked for
            addresses.Add(Uri.UnescapeDataString(end < 0 ? address : address[..end]));
        }
        return addresses;
    }
}
