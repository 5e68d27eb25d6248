using System.Globalization;
using System.Text;
using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.MtaSts;

/// <summary>What a policy asks of senders (RFC 8461 5).</summary>
public enum StsMode
{
    /// <summary>Nothing: the domain has given MTA-STS up.</summary>
    None,

    /// <summary>Failures are counted, and mail is delivered.</summary>
    Testing,

    /// <summary>Mail goes to the named hosts over verified TLS, or waits.</summary>
    Enforce,
}

/// <summary>An MTA-STS policy (RFC 8461 3.2).</summary>
/// <param name="Mode">What it asks.</param>
/// <param name="Hosts">The patterns of <c>mx</c>, in lower case: host names, or <c>*.</c> and what is behind one label. Empty only for mode none.</param>
/// <param name="MaxAge">How long it may be kept, a year at most.</param>
public sealed record StsPolicy(StsMode Mode, IReadOnlyList<string> Hosts, TimeSpan MaxAge)
{
    /// <summary>Octets of the largest policy that is taken (RFC 8461 3.3 asks for a limit and suggests this one).</summary>
    public const int MaxLength = 64 * 1024;

    // RFC 8461 3.2: about a year.
    private const long LongestAge = 31_557_600;

    private const int MostHosts = 200;

    /// <summary>Whether a host is one of those named (RFC 8461 4.1): a wildcard stands for the whole leftmost label and for no more.</summary>
    /// <param name="host">The name in the MX record.</param>
    public bool Allows(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        var name = host.AsSpan().TrimEnd('.');
        foreach (var pattern in Hosts)
        {
            if (!pattern.StartsWith("*.", StringComparison.Ordinal))
            {
                if (name.Equals(pattern, StringComparison.OrdinalIgnoreCase))
                    return true;
                continue;
            }
            var dot = name.IndexOf('.');
            if (dot > 0 && name[dot..].Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>
    /// Reads a policy: lines of <c>key: value</c>, ended by CRLF or LF. Unknown keys are passed over, of a key other than <c>mx</c> the first counts.
    /// </summary>
    /// <param name="text">The octets.</param>
    /// <param name="problem">What is wrong with it, in a few words; empty if nothing is.</param>
    /// <returns>The policy; null if it is invalid, and so none.</returns>
    public static StsPolicy? Parse(ReadOnlySpan<byte> text, out string problem)
    {
        problem = "";
        if (text.Length > MaxLength)
            return Bad("it is too long", out problem);
        string? version = null, mode = null, age = null;
        var hosts = new List<string>();
        foreach (var range in text.Split((byte)'\n'))
        {
            // White space may stand before the end of a line (RFC 8461 3.2), and an empty line does no harm.
            var line = text[range].TrimEnd(" \t\r"u8);
            if (line.IsEmpty)
                continue;
            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[..colon].ContainsAny(" \t"u8))
                return Bad("a line is not of the form key: value", out problem);
            var value = Encoding.Latin1.GetString(line[(colon + 1)..].Trim(" \t"u8));
            switch (Encoding.Latin1.GetString(line[..colon]))
            {
                case "version":
                    version ??= value;
                    break;
                case "mode":
                    mode ??= value;
                    break;
                case "max_age":
                    age ??= value;
                    break;
                case "mx" when !IsPattern(value):
                    return Bad("an mx is no host name", out problem);
                case "mx" when hosts.Count == MostHosts:
                    return Bad("it names too many hosts", out problem);
                case "mx":
                    hosts.Add(value.TrimEnd('.').ToLowerInvariant());
                    break;
            }
        }
        if (version != "STSv1")
            return Bad("its version is not STSv1", out problem);
        if (age is null || age.Length > 10 || !long.TryParse(age, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            return Bad("its max_age is missing or no number", out problem);
        StsMode? asked = mode switch { "enforce" => StsMode.Enforce, "testing" => StsMode.Testing, "none" => StsMode.None, _ => null };
        if (asked is not { } kind)
            return Bad("its mode is missing or unknown", out problem);
        if (hosts.Count == 0 && kind != StsMode.None)
            return Bad("it names no host", out problem);
        return new StsPolicy(kind, hosts, TimeSpan.FromSeconds(Math.Min(seconds, LongestAge)));
    }

    private static StsPolicy? Bad(string what, out string problem)
    {
        problem = what;
        return null;
    }

    private static bool IsPattern(string value) =>
        DnsName.IsHostLike(value.AsSpan(value.StartsWith("*.", StringComparison.Ordinal) ? 2 : 0).TrimEnd('.'));
}
