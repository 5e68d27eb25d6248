using System.Globalization;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// The name of a message's file in a Maildir: <c>unique[,S=size][,W=size]:2,FLAGS</c>. A capital letter is a flag that all know, a small one a keyword
/// that <see cref="MaildirKeywords"/> names.
/// </summary>
internal static class MaildirFile
{
    /// <summary>The keyword that the flag P (passed) stands for.</summary>
    public const string Forwarded = "$Forwarded";

    // In the order in which they stand in a name.
    private static readonly (char Letter, MessageFlags Flag)[] Letters =
    [
        ('D', MessageFlags.Draft),
        ('F', MessageFlags.Flagged),
        ('R', MessageFlags.Answered),
        ('S', MessageFlags.Seen),
        ('T', MessageFlags.Deleted),
    ];

    /// <summary>Where the flags begin, behind <c>:2,</c>; the length if there are none. File systems that know no colon get a semicolon or exclamation mark.</summary>
    public static int FlagsAt(ReadOnlySpan<char> name)
    {
        for (var i = name.Length - 3; i > 0; i--)
            if (name[i] is ':' or ';' or '!' && name[i + 1] == '2' && name[i + 2] == ',')
                return i + 3;
        return name.Length;
    }

    /// <summary>Reads the flags of a name.</summary>
    public static (MessageFlags Flags, IReadOnlyList<string> Keywords) ReadFlags(ReadOnlySpan<char> name, MaildirKeywords keywords)
    {
        var flags = MessageFlags.None;
        List<string>? words = null;
        foreach (var letter in name[FlagsAt(name)..])
        {
            if (letter == 'P')
                (words ??= []).Add(Forwarded);
            else if (letter is >= 'a' and <= 'z')
            {
                if (keywords[letter - 'a'] is { } keyword)
                    (words ??= []).Add(keyword);
            }
            else
            {
                foreach (var (known, flag) in Letters)
                    if (known == letter)
                        flags |= flag;
            }
        }
        return (flags, words ?? (IReadOnlyList<string>)[]);
    }

    /// <summary>Writes flags as they stand in a name, in ASCII order.</summary>
    public static string WriteFlags(MessageFlags flags, IReadOnlyList<string> keywords, MaildirKeywords numbers)
    {
        Span<char> text = stackalloc char[6 + MaildirKeywords.Capacity];
        var length = 0;
        foreach (var (letter, flag) in Letters)
            if ((flags & flag) != 0)
                text[length++] = letter;
        foreach (var keyword in keywords)
        {
            if (keyword.Equals(Forwarded, StringComparison.OrdinalIgnoreCase))
                text[length++] = 'P';
            else if (numbers.Find(keyword) is >= 0 and var number)
                text[length++] = (char)('a' + number);
        }
        text[..length].Sort();
        return new string(text[..length]);
    }

    /// <summary>The time of delivery that a name begins with, or 0.</summary>
    public static long Seconds(ReadOnlySpan<char> name)
    {
        var end = name.IndexOfAnyExceptInRange('0', '9');
        return end > 0 && long.TryParse(name[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : 0;
    }

    /// <summary>A number of a name's part such as <c>,S=123</c>; -1 if it has none.</summary>
    public static long Size(ReadOnlySpan<char> name, char letter)
    {
        foreach (var range in name[..Math.Max(0, Math.Min(name.Length, FlagsAt(name)))].Split(','))
        {
            var part = name[range];
            var end = part.IndexOfAny(":;!");
            part = end < 0 ? part : part[..end];
            if (part.Length > 2 && part[0] == letter && part[1] == '=' && long.TryParse(part[2..], NumberStyles.None, CultureInfo.InvariantCulture, out var size))
                return size;
        }
        return -1;
    }
}
