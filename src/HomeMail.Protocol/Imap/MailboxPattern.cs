namespace HomeMail.Protocol.Imap;

/// <summary>The patterns of LIST (RFC 9051 6.3.9): <c>*</c> stands for anything, <c>%</c> for anything within a level.</summary>
public static class MailboxPattern
{
    /// <summary>Whether a name fits a pattern. INBOX has no case, all else has.</summary>
    /// <param name="pattern">The pattern, decoded.</param>
    /// <param name="name">The name.</param>
    /// <param name="separator">What stands between levels.</param>
    public static bool IsMatch(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name, char separator = '/')
    {
        if (IsMatchExact(pattern, name, separator))
            return true;
        // The first level of a pattern may spell INBOX in its own way.
        const string inbox = "INBOX";
        return pattern.Length >= inbox.Length && pattern[..inbox.Length].Equals(inbox, StringComparison.OrdinalIgnoreCase) && name.StartsWith(inbox)
            && IsMatchExact(pattern[inbox.Length..], name[inbox.Length..], separator);
    }

    // Without recursion: a star that has matched once need not be tried again once a later one has.
    private static bool IsMatchExact(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name, char separator)
    {
        int p = 0, n = 0, star = -1, starName = 0, percent = -1, percentName = 0;
        while (true)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, starName, percent) = (++p, n, -1);
                continue;
            }
            if (p < pattern.Length && pattern[p] == '%')
            {
                (percent, percentName) = (++p, n);
                continue;
            }
            if (n < name.Length && p < pattern.Length && pattern[p] == name[n])
            {
                p++;
                n++;
                continue;
            }
            if (n == name.Length && p == pattern.Length)
                return true;
            if (percent >= 0 && percentName < name.Length && name[percentName] != separator)
            {
                (p, n) = (percent, ++percentName);
                continue;
            }
            if (star < 0 || starName >= name.Length)
                return false;
            (p, n, percent) = (star, ++starName, -1);
        }
    }
}
