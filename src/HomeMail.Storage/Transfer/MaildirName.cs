using System.Text;
using HomeMail.Protocol.Text;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// Names of folders in a Maildir. Maildir++ has all of them beside each other, with a dot before each level: <c>.Family.Letters</c>; a dot or slash in a level
/// itself is <c>\2e</c>, <c>\2f</c>, as Dovecot's listescape has it. Letters outside ASCII are modified UTF-7 (RFC 3501 5.1.3), or UTF-8 where it is none.
/// </summary>
internal static class MaildirName
{
    /// <summary>The mailbox that a folder of a Maildir++ is; null if the name is no such folder's.</summary>
    public static string? FromPlusPlus(string folder)
    {
        if (folder.Length < 2 || folder[0] != '.' || folder[1] == '.')
            return null;
        var levels = folder[1..].Split('.').Select(Level).ToArray();
        return levels.Any(string.IsNullOrEmpty) ? null : string.Join(MailboxName.Separator, levels);
    }

    /// <summary>The folder of a mailbox in a Maildir++.</summary>
    public static string ToPlusPlus(string mailbox)
    {
        var folder = new StringBuilder();
        foreach (var level in mailbox.Split(MailboxName.Separator))
            folder.Append('.').Append(ModifiedUtf7.Encode(level.Replace("\\", "\\5c", StringComparison.Ordinal).Replace(".", "\\2e", StringComparison.Ordinal)));
        return folder.ToString();
    }

    /// <summary>One level of a name, as it stands on disk.</summary>
    public static string Level(string text)
    {
        if (!ModifiedUtf7.TryDecode(text, out var level))
            level = text;
        // A slash cannot be in a level here; another sign stands for it.
        return level.Replace("\\2e", ".", StringComparison.Ordinal).Replace("\\2f", "_", StringComparison.Ordinal).Replace("\\5c", "\\", StringComparison.Ordinal)
            .Replace(MailboxName.Separator, '_');
    }
}
