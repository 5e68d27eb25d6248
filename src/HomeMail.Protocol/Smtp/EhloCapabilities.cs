using System.Globalization;

namespace HomeMail.Protocol.Smtp;

/// <summary>The extensions a server can offer that this client knows how to use.</summary>
[Flags]
public enum EhloKeywords
{
    /// <summary>None: also what a server that only knows HELO offers.</summary>
    None = 0,

    /// <summary>PIPELINING (RFC 2920).</summary>
    Pipelining = 1 << 0,

    /// <summary>SIZE (RFC 1870).</summary>
    Size = 1 << 1,

    /// <summary>8BITMIME (RFC 6152).</summary>
    EightBitMime = 1 << 2,

    /// <summary>SMTPUTF8 (RFC 6531).</summary>
    SmtpUtf8 = 1 << 3,

    /// <summary>CHUNKING (RFC 3030).</summary>
    Chunking = 1 << 4,

    /// <summary>DSN (RFC 3461).</summary>
    Dsn = 1 << 5,

    /// <summary>STARTTLS (RFC 3207).</summary>
    StartTls = 1 << 6,

    /// <summary>REQUIRETLS (RFC 8689).</summary>
    RequireTls = 1 << 7,

    /// <summary>AUTH (RFC 4954).</summary>
    Auth = 1 << 8,

    /// <summary>ENHANCEDSTATUSCODES (RFC 2034).</summary>
    EnhancedStatusCodes = 1 << 9,

    /// <summary>LIMITS (RFC 9422).</summary>
    Limits = 1 << 10,
}

/// <summary>What a server offers in its answer to EHLO (RFC 5321 4.1.1.1).</summary>
/// <param name="Keywords">The extensions.</param>
/// <param name="MaxSize">The largest message in octets by SIZE; null where no limit is named or it is 0 (RFC 1870 4).</param>
/// <param name="Mechanisms">The SASL mechanisms by AUTH, as the server wrote them.</param>
/// <param name="MaxRecipients">RCPTMAX of LIMITS (RFC 9422 4.2), or null.</param>
/// <param name="MaxTransactions">MAILMAX of LIMITS (RFC 9422 4.1), or null.</param>
public sealed record EhloCapabilities(
    EhloKeywords Keywords, long? MaxSize, IReadOnlyList<string> Mechanisms, int? MaxRecipients, int? MaxTransactions)
{
    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>A server without extensions.</summary>
    public static EhloCapabilities None { get; } = new(EhloKeywords.None, null, [], null, null);

    /// <summary>Whether all the given extensions are offered.</summary>
    /// <param name="keywords">One or more extensions.</param>
    public bool Has(EhloKeywords keywords) => (Keywords & keywords) == keywords;

    /// <summary>
    /// Reads the answer to EHLO. Keywords are compared without regard to case; what is not known or not well formed is passed over. The first
    /// line is the greeting, never a keyword.
    /// </summary>
    /// <param name="reply">A 250 reply to EHLO.</param>
    public static EhloCapabilities Parse(RemoteReply reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        var keywords = EhloKeywords.None;
        long? maxSize = null;
        int? maxRecipients = null, maxTransactions = null;
        List<string>? mechanisms = null;
        var isFirst = true;
        foreach (var range in reply.Text.AsSpan().Split('\n'))
        {
            var line = reply.Text.AsSpan(range).Trim();
            if (isFirst || line.IsEmpty)
            {
                isFirst = false;
                continue;
            }
            // "AUTH=LOGIN" is how servers before RFC 2554 wrote it, and some still do beside the right form.
            var end = line.IndexOfAny(' ', '\t', '=');
            var keyword = end < 0 ? line : line[..end];
            var values = end < 0 ? default : line[(end + 1)..].Trim();
            var known = Known(keyword);
            keywords |= known;
            switch (known)
            {
                case EhloKeywords.Size:
                    if (long.TryParse(values, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0)
                        maxSize = size;
                    break;
                case EhloKeywords.Auth:
                    mechanisms ??= [];
                    AddMechanisms(values, mechanisms);
                    break;
                case EhloKeywords.Limits:
                    maxRecipients = Limit(values, "RCPTMAX=") ?? maxRecipients;
                    maxTransactions = Limit(values, "MAILMAX=") ?? maxTransactions;
                    break;
            }
        }
        return new EhloCapabilities(keywords, maxSize, mechanisms is null ? [] : mechanisms, maxRecipients, maxTransactions);
    }

    private static EhloKeywords Known(ReadOnlySpan<char> keyword)
    {
        Span<char> upper = stackalloc char[32];
        if (keyword.Length > upper.Length)
            return EhloKeywords.None;
        var length = keyword.ToUpperInvariant(upper);
        return upper[..length] switch
        {
            "PIPELINING" => EhloKeywords.Pipelining,
            "SIZE" => EhloKeywords.Size,
            "8BITMIME" => EhloKeywords.EightBitMime,
            "SMTPUTF8" => EhloKeywords.SmtpUtf8,
            "CHUNKING" => EhloKeywords.Chunking,
            "DSN" => EhloKeywords.Dsn,
            "STARTTLS" => EhloKeywords.StartTls,
            "REQUIRETLS" => EhloKeywords.RequireTls,
            "AUTH" => EhloKeywords.Auth,
            "ENHANCEDSTATUSCODES" => EhloKeywords.EnhancedStatusCodes,
            "LIMITS" => EhloKeywords.Limits,
            _ => EhloKeywords.None,
        };
    }

    private static void AddMechanisms(ReadOnlySpan<char> values, List<string> mechanisms)
    {
        foreach (var range in values.SplitAny(Blanks))
            if (values[range] is { IsEmpty: false } name && !mechanisms.Contains(name.ToString(), StringComparer.OrdinalIgnoreCase))
                mechanisms.Add(name.ToString());
    }

    private static int? Limit(ReadOnlySpan<char> values, string name)
    {
        foreach (var range in values.SplitAny(Blanks))
        {
            var value = values[range];
            if (value.StartsWith(name, StringComparison.OrdinalIgnoreCase)
                && int.TryParse(value[name.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0)
                return limit;
        }
        return null;
    }
}
