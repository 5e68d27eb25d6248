using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private const int MaxPatterns = 50;

    /// <param name="Subscribed">SUBSCRIBED: only what is subscribed to.</param>
    /// <param name="Recursive">RECURSIVEMATCH: also what has such below it.</param>
    /// <param name="Special">SPECIAL-USE: only what has a use.</param>
    /// <param name="TellSubscribed">RETURN SUBSCRIBED.</param>
    /// <param name="Status">RETURN STATUS (RFC 5819).</param>
    private record struct ListOptions(bool Subscribed, bool Recursive, bool Special, bool TellSubscribed, StatusItems Status);

    private async ValueTask<string?> ListAsync()
    {
        if (!TryReadList(out var options, out var reference, out var patterns, out var isExtended))
            return "BAD A reference and patterns";
        if (!isExtended && patterns[0].Length == 0)
        {
            // The separator is asked for (RFC 9051 6.3.9).
            Send("* LIST (\\Noselect) \"/\" \"\"\r\n"u8);
            return "OK That is all";
        }
        for (var i = 0; i < patterns.Count; i++)
            patterns[i] = reference + patterns[i];
        var mailboxes = _account!.Mailboxes();
        var subscriptions = new HashSet<string>(_account.Subscriptions(), StringComparer.Ordinal);
        var parents = Parents(mailboxes.Select(static mailbox => mailbox.Name));
        var subscribedBelow = options.Recursive ? Parents(subscriptions) : [];
        var names = new SortedSet<string>(mailboxes.Select(static mailbox => mailbox.Name), StringComparer.Ordinal);
        if (options.Subscribed)
        {
            names.UnionWith(subscriptions);
            names.UnionWith(subscribedBelow);
        }
        var uses = UsesOf(mailboxes);
        foreach (var name in names)
        {
            if (!Matches(patterns, name))
                continue;
            var isSubscribed = subscriptions.Contains(name);
            // Not what a pattern of the same command shows anyway (RFC 5258 3.5).
            var hasBelow = subscribedBelow.Contains(name);
            if (options.Subscribed && !isSubscribed && !hasBelow)
                continue;
            var mailbox = _account.Find(name);
            if (options.Special && (mailbox is null || !uses.ContainsKey(mailbox.Name)))
                continue;
            TellListed(name, mailbox, parents.Contains(name), (options.Subscribed || options.TellSubscribed) && isSubscribed, hasBelow, uses);
            if (options.Status != StatusItems.None && mailbox is { IsSelectable: true })
                TellStatus(mailbox, options.Status);
            await FlushIfMuchAsync().ConfigureAwait(false);
        }
        return "OK That is all";
    }

    private bool TryReadList(out ListOptions options, out string reference, out List<string> patterns, out bool isExtended)
    {
        (options, reference, patterns, isExtended) = (default, "", [], false);
        var reader = Arguments();
        if (!reader.Space())
            return false;
        if (reader.Take('('))
        {
            isExtended = true;
            while (!reader.Take(')'))
            {
                reader.Space();
                if (reader.Word("SUBSCRIBED"u8))
                    options.Subscribed = true;
                else if (reader.Word("RECURSIVEMATCH"u8))
                    options.Recursive = true;
                else if (reader.Word("SPECIAL-USE"u8))
                    options.Special = true;
                else if (!reader.Word("REMOTE"u8))
                    return false;
            }
            // By itself it has no meaning (RFC 5258 3.1).
            if (!reader.Space() || (options.Recursive && !options.Subscribed))
                return false;
        }
        if (!TryReadMailbox(ref reader, out reference) || !reader.Space())
            return false;
        if (reader.Take('('))
        {
            isExtended = true;
            do
            {
                reader.Space();
                if (patterns.Count == MaxPatterns || !TryReadPattern(ref reader, patterns))
                    return false;
            }
            while (reader.Peek == ' ');
            if (!reader.Take(')'))
                return false;
        }
        else if (!TryReadPattern(ref reader, patterns))
        {
            return false;
        }
        return reader.IsAtEnd || (reader.Space() && reader.Word("RETURN"u8) && reader.Space() && TryReadReturn(ref reader, ref options) && reader.IsAtEnd);
    }

    private bool TryReadPattern(ref ImapReader reader, List<string> patterns)
    {
        if (!reader.ListMailbox(out var octets) || !ImapWriter.TryReadMailbox(octets, _isUtf8, out var pattern))
            return false;
        patterns.Add(pattern);
        return true;
    }

    private bool TryReadReturn(ref ImapReader reader, ref ListOptions options)
    {
        if (!reader.Take('('))
            return false;
        while (!reader.Take(')'))
        {
            reader.Space();
            if (reader.Word("SUBSCRIBED"u8))
            {
                options.TellSubscribed = true;
            }
            else if (reader.Word("STATUS"u8))
            {
                if (!reader.Space() || !TryReadStatusItems(ref reader, out var items))
                    return false;
                options.Status = items;
            }
            else if (!reader.Word("CHILDREN"u8) && !reader.Word("SPECIAL-USE"u8))
            {
                return false;
            }
        }
        return true;
    }

    private static bool Matches(List<string> patterns, string name)
    {
        foreach (var pattern in patterns)
            if (MailboxPattern.IsMatch(pattern, name))
                return true;
        return false;
    }

    private static HashSet<string> Parents(IEnumerable<string> names)
    {
        var parents = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
            for (var parent = MailboxName.Parent(name); parent is not null && parents.Add(parent); parent = MailboxName.Parent(parent))
            {
            }
        return parents;
    }

    /// <summary>Which mailbox is for what: those that are marked, and where none is, the one with the usual name.</summary>
    private static Dictionary<string, SpecialUse> UsesOf(IReadOnlyList<Mailbox> mailboxes)
    {
        var uses = new Dictionary<string, SpecialUse>(StringComparer.Ordinal);
        foreach (var mailbox in mailboxes)
            if (mailbox.IsSelectable && mailbox.Use is not (SpecialUse.None or SpecialUse.Rejects))
                uses.TryAdd(mailbox.Name, mailbox.Use);
        foreach (var use in Uses)
            if (!uses.ContainsValue(use) && mailboxes.Any(mailbox => mailbox.IsSelectable && mailbox.Name == use.ToString()))
                uses.TryAdd(use.ToString(), use);
        return uses;
    }

    private void TellList(Mailbox mailbox) =>
        TellListed(mailbox.Name, mailbox, hasChildren: _account!.Mailboxes().Any(other => MailboxName.IsBelow(other.Name, mailbox.Name)), isSubscribed: false,
            subscribedBelow: false, UsesOf(_account.Mailboxes()));

    private void TellListed(string name, Mailbox? mailbox, bool hasChildren, bool isSubscribed, bool subscribedBelow, Dictionary<string, SpecialUse> uses)
    {
        var attributes = new StringBuilder();
        if (mailbox is null)
            attributes.Append("\\NonExistent ");
        else if (!mailbox.IsSelectable)
            attributes.Append("\\Noselect ");
        attributes.Append(hasChildren ? "\\HasChildren" : "\\HasNoChildren");
        if (isSubscribed)
            attributes.Append(" \\Subscribed");
        if (uses.TryGetValue(name, out var use))
            attributes.Append(" \\").Append(use.ToString());
        _line.Write($"* LIST ({attributes}) \"/\" ");
        ImapWriter.Mailbox(_line, name, _isUtf8);
        if (subscribedBelow)
            _line.Write(" (\"CHILDINFO\" (\"SUBSCRIBED\"))"u8);
        _line.Write("\r\n"u8);
        SendLine();
    }

    /// <summary>LSUB of IMAP4rev1 (RFC 3501 6.3.9).</summary>
    private async ValueTask<string?> ListSubscribedAsync()
    {
        var reader = Arguments();
        var patterns = new List<string>();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var reference) || !reader.Space() || !TryReadPattern(ref reader, patterns) || !reader.IsAtEnd)
            return "BAD A reference and a pattern";
        patterns[0] = reference + patterns[0];
        var subscriptions = new SortedSet<string>(_account!.Subscriptions(), StringComparer.Ordinal);
        var names = new SortedDictionary<string, bool>(StringComparer.Ordinal);
        foreach (var name in subscriptions)
        {
            if (Matches(patterns, name))
                names[name] = true;
            // With %, a name that is not subscribed to shows those below it that are.
            else if (patterns[0].EndsWith('%'))
                for (var parent = MailboxName.Parent(name); parent is not null; parent = MailboxName.Parent(parent))
                    if (Matches(patterns, parent))
                        names.TryAdd(parent, subscriptions.Contains(parent));
        }
        foreach (var (name, isSubscribed) in names)
        {
            _line.Write(isSubscribed ? "* LSUB () \"/\" "u8 : "* LSUB (\\Noselect) \"/\" "u8);
            ImapWriter.Mailbox(_line, name, _isUtf8);
            _line.Write("\r\n"u8);
            SendLine();
            await FlushIfMuchAsync().ConfigureAwait(false);
        }
        return "OK That is all";
    }
}
