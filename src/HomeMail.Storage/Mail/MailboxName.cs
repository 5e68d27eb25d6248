using System.Buffers;
using System.Globalization;
using System.Text;

namespace HomeMail.Storage.Mail;

/// <summary>
/// Names of mailboxes (RFC 9051 5.1) and how they stand on disk. A level is its UTF-8 text, with what a file system may not like
/// written as <c>%XX</c>: so no name leaves the account's folder, hides, or meets a message or one of our own files, and FAT can hold it.
/// </summary>
public static class MailboxName
{
    /// <summary>The separator between levels.</summary>
    public const char Separator = '/';

    /// <summary>The one name that is there always, in any case of its letters (RFC 9051 5.1).</summary>
    public const string Inbox = "INBOX";

    private const int MaximumLevelOctets = 240;
    private const int MaximumLevels = 16;
    private const int MaximumLength = 1000;
    private const string MessageSuffix = ".eml";

    private static readonly SearchValues<char> Escaped = SearchValues.Create("%*?\"<>|\\:/");

    /// <summary>
    /// Brings a name into the form it is kept in: INBOX in capitals, no separator at the end. False if it can't be a mailbox: an empty
    /// level, a control character or line separator (RFC 9051 5.1, RFC 5198 2), half a surrogate, too long, too deep.
    /// </summary>
    /// <param name="name">The name, decoded from modified UTF-7 where a client uses that.</param>
    /// <param name="normal">The name as it is kept.</param>
    public static bool TryNormalize(string name, out string normal)
    {
        ArgumentNullException.ThrowIfNull(name);
        normal = name.EndsWith(Separator) ? name[..^1] : name;
        if (normal.Length is 0 or > MaximumLength)
            return false;
        var levels = 0;
        foreach (var range in normal.AsSpan().Split(Separator))
            if (++levels > MaximumLevels || !IsLevel(normal.AsSpan(range)))
                return false;
        var first = normal.AsSpan(0, normal.IndexOf(Separator) is var end && end < 0 ? normal.Length : end);
        if (first.Equals(Inbox, StringComparison.OrdinalIgnoreCase))
            normal = string.Concat(Inbox, normal.AsSpan(Inbox.Length));
        return true;
    }

    /// <summary>The name above, or null for one at the top.</summary>
    /// <param name="name">A normal name.</param>
    public static string? Parent(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var end = name.LastIndexOf(Separator);
        return end < 0 ? null : name[..end];
    }

    /// <summary>Whether a name is below another.</summary>
    /// <param name="name">The name.</param>
    /// <param name="above">The one above.</param>
    public static bool IsBelow(string name, string above)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(above);
        return name.Length > above.Length && name[above.Length] == Separator && name.StartsWith(above, StringComparison.Ordinal);
    }

    /// <summary>The path of a name below an account's folder.</summary>
    internal static string ToPath(string accountFolder, string name)
    {
        var path = new StringBuilder(accountFolder, accountFolder.Length + name.Length + 16);
        foreach (var range in name.AsSpan().Split(Separator))
            path.Append('/').Append(Encode(name.AsSpan(range)));
        return path.ToString();
    }

    /// <summary>One level as a file name.</summary>
    internal static string Encode(ReadOnlySpan<char> level)
    {
        var suffix = level.EndsWith(MessageSuffix, StringComparison.OrdinalIgnoreCase) ? level.Length - MessageSuffix.Length : -1;
        var name = new StringBuilder(level.Length + 8);
        for (var i = 0; i < level.Length; i++)
        {
            var c = level[i];
            var atEnd = i == level.Length - 1 && c is '.' or ' ';
            if (Escaped.Contains(c) || char.IsControl(c) || (c == '.' && (i == 0 || i == suffix)) || (atEnd && i == level.Length - 1))
                name.Append(CultureInfo.InvariantCulture, $"%{(int)c:X2}");
            else
                name.Append(c);
        }
        return name.ToString();
    }

    /// <summary>A file name as a level; false if <see cref="Encode"/> would not have made it.</summary>
    internal static bool TryDecode(ReadOnlySpan<char> entry, out string level)
    {
        level = "";
        var text = new StringBuilder(entry.Length);
        for (var i = 0; i < entry.Length; i++)
        {
            if (entry[i] != '%')
            {
                text.Append(entry[i]);
                continue;
            }
            if (i + 2 >= entry.Length || !byte.TryParse(entry.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
                return false;
            text.Append((char)octet);
            i += 2;
        }
        level = text.ToString();
        return level.Length > 0 && !level.Contains(Separator) && entry.SequenceEqual(Encode(level));
    }

    private static bool IsLevel(ReadOnlySpan<char> level)
    {
        if (level.IsEmpty)
            return false;
        for (var i = 0; i < level.Length; i++)
        {
            var c = level[i];
            if (char.IsControl(c) || c is '\u2028' or '\u2029')
                return false;
            if (char.IsSurrogate(c) && (i + 1 == level.Length || !char.IsSurrogatePair(c, level[i + 1])))
                return false;
            if (char.IsSurrogate(c))
                i++;
        }
        return Encoding.UTF8.GetByteCount(Encode(level)) <= MaximumLevelOctets;
    }
}
