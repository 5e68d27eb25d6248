namespace HomeMail.Protocol.MtaSts;

/// <summary>The TXT record at <c>_mta-sts.DOMAIN</c> (RFC 8461 3.1): it says that there is a policy, and which one, by its id.</summary>
public static class StsRecord
{
    private const string Version = "v=STSv1";
    private const int LongestId = 32;

    /// <summary>The id of the policy that a domain's records announce.</summary>
    /// <param name="texts">All TXT records of the name.</param>
    /// <returns>The id; null if no record is one of MTA-STS, more than one is, or the one is malformed: then the domain has no policy.</returns>
    public static string? FindId(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        string? only = null;
        foreach (var text in texts)
        {
            if (!IsOfThisVersion(text))
                continue;
            if (only is not null)
                return null;
            only = text;
        }
        return only is null ? null : Id(only);
    }

    // Other records at the name are not counted; one that is like STSv1 but is not followed by a delimiter is another version.
    private static bool IsOfThisVersion(string text) =>
        text.StartsWith(Version, StringComparison.Ordinal) && text.AsSpan(Version.Length).TrimStart(" \t") is [';', ..];

    private static string? Id(string text)
    {
        string? id = null;
        var rest = text.AsSpan(Version.Length).TrimStart(" \t")[1..];
        while (true)
        {
            var end = rest.IndexOf(';');
            var field = (end < 0 ? rest : rest[..end]).Trim(" \t");
            // The last delimiter may have nothing behind it, any other may not.
            if (field.IsEmpty)
                return end < 0 ? id : null;
            var equals = field.IndexOf('=');
            if (equals <= 0)
                return null;
            if (id is null && field[..equals] is "id")
            {
                var value = field[(equals + 1)..];
                foreach (var c in value)
                    if (!char.IsAsciiLetterOrDigit(c))
                        return null;
                if (value.Length is 0 or > LongestId)
                    return null;
                id = value.ToString();
            }
            if (end < 0)
                return id;
            rest = rest[(end + 1)..];
        }
    }
}
