using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private async ValueTask<string?> CreateAsync()
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name))
            return "BAD A mailbox";
        var use = SpecialUse.None;
        if (reader.Space() && !reader.IsAtEnd)
        {
            // RFC 6154 3.
            if (!reader.Take('(') || !reader.Word("USE"u8) || !reader.Space() || !reader.Take('('))
                return "BAD Only USE is known";
            var count = 0;
            while (!reader.Take(')'))
            {
                reader.Space();
                if (!reader.Flag(out var flag))
                    return "BAD A list of uses";
                count++;
                use = UseOf(flag);
            }
            if (!reader.Take(')'))
                return "BAD A list ends in a parenthesis";
            if (count > 1 || (count == 1 && use == SpecialUse.None))
                return "NO [USEATTR] Not this use, or not with another";
        }
        if (!reader.IsAtEnd)
            return "BAD Too many arguments";
        if (use != SpecialUse.None && _account!.Mailboxes().Any(other => other.Use == use && other.IsSelectable))
            return "NO [USEATTR] Another mailbox is for that";
        var mailbox = await _account!.CreateAsync(name, use).ConfigureAwait(false);
        return $"OK [MAILBOXID ({mailbox.MailboxId})] Created";
    }

    private async ValueTask<string?> DeleteAsync()
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name) || !reader.IsAtEnd)
            return "BAD A mailbox";
        if (_view is { } view && view.Mailbox == _account!.Find(name))
            Deselect();
        await _account!.DeleteAsync(name).ConfigureAwait(false);
        return "OK Deleted";
    }

    private async ValueTask<string?> RenameAsync()
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var from) || !reader.Space() || !TryReadMailbox(ref reader, out var to) || !reader.IsAtEnd)
            return "BAD Two mailboxes";
        await _account!.RenameAsync(from, to).ConfigureAwait(false);
        return "OK Renamed";
    }

    private async ValueTask<string?> SubscribeAsync(bool subscribed)
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name) || !reader.IsAtEnd)
            return "BAD A mailbox";
        await _account!.SubscribeAsync(name, subscribed).ConfigureAwait(false);
        return "OK Done";
    }

    private static SpecialUse UseOf(ReadOnlySpan<byte> attribute)
    {
        foreach (var use in Uses)
            if (attribute.Length == use.ToString().Length + 1 && Ascii.EqualsIgnoreCase(attribute[1..], Encoding.ASCII.GetBytes(use.ToString())))
                return use;
        return SpecialUse.None;
    }

    private static readonly SpecialUse[] Uses = [SpecialUse.Drafts, SpecialUse.Sent, SpecialUse.Junk, SpecialUse.Trash, SpecialUse.Archive];

    [Flags]
    private enum StatusItems
    {
        None = 0,
        Messages = 1,
        Recent = 2,
        UidNext = 4,
        UidValidity = 8,
        Unseen = 16,
        Deleted = 32,
        Size = 64,
        HighestModSeq = 128,
        MailboxId = 256,
        AppendLimit = 512,
        DeletedStorage = 1024,
    }

    private string Status()
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name) || !reader.Space() || !TryReadStatusItems(ref reader, out var items) || !reader.IsAtEnd)
            return "BAD A mailbox, and what of it";
        if (_account!.Find(name) is not { IsSelectable: true } mailbox)
            return "NO [NONEXISTENT] No such mailbox";
        TellStatus(mailbox, items);
        return "OK That is all";
    }

    private bool TryReadStatusItems(ref ImapReader reader, out StatusItems items)
    {
        items = StatusItems.None;
        if (!reader.Take('('))
            return false;
        do
        {
            reader.Space();
            var item = reader.Word("MESSAGES"u8) ? StatusItems.Messages
                : reader.Word("RECENT"u8) ? StatusItems.Recent
                : reader.Word("UIDNEXT"u8) ? StatusItems.UidNext
                : reader.Word("UIDVALIDITY"u8) ? StatusItems.UidValidity
                : reader.Word("UNSEEN"u8) ? StatusItems.Unseen
                : reader.Word("DELETED"u8) ? StatusItems.Deleted
                : reader.Word("DELETED-STORAGE"u8) ? StatusItems.DeletedStorage
                : reader.Word("SIZE"u8) ? StatusItems.Size
                : reader.Word("HIGHESTMODSEQ"u8) ? StatusItems.HighestModSeq
                : reader.Word("MAILBOXID"u8) ? StatusItems.MailboxId
                : reader.Word("APPENDLIMIT"u8) ? StatusItems.AppendLimit
                : StatusItems.None;
            if (item == StatusItems.None)
                return false;
            // Asking for mod-sequences turns them on (RFC 7162 3.1).
            _hasCondStore |= item == StatusItems.HighestModSeq;
            items |= item;
        }
        while (reader.Peek == ' ');
        return reader.Take(')');
    }

    private void TellStatus(Mailbox mailbox, StatusItems items)
    {
        var status = mailbox.Status();
        _line.Write("* STATUS "u8);
        ImapWriter.Mailbox(_line, mailbox.Name, _isUtf8);
        _line.Write(" ("u8);
        var isFirst = true;
        Item(StatusItems.Messages, "MESSAGES"u8, (ulong)status.Messages);
        Item(StatusItems.Recent, "RECENT"u8, 0);
        Item(StatusItems.UidNext, "UIDNEXT"u8, status.UidNext);
        Item(StatusItems.UidValidity, "UIDVALIDITY"u8, status.UidValidity);
        Item(StatusItems.Unseen, "UNSEEN"u8, (ulong)status.Unseen);
        Item(StatusItems.Deleted, "DELETED"u8, (ulong)status.Deleted);
        if ((items & StatusItems.DeletedStorage) != 0)
            Item(StatusItems.DeletedStorage, "DELETED-STORAGE"u8, (DeletedOctets(mailbox) + 1023) / 1024);
        Item(StatusItems.Size, "SIZE"u8, (ulong)status.Bytes);
        Item(StatusItems.HighestModSeq, "HIGHESTMODSEQ"u8, status.HighestModSeq);
        Item(StatusItems.AppendLimit, "APPENDLIMIT"u8, (ulong)_options.MessageSize);
        if ((items & StatusItems.MailboxId) != 0)
            _line.Write($"{(isFirst ? "" : " ")}MAILBOXID ({mailbox.MailboxId})");
        _line.Write(")\r\n"u8);
        SendLine();

        void Item(StatusItems item, ReadOnlySpan<byte> name, ulong value)
        {
            if ((items & item) == 0)
                return;
            if (!isFirst)
                _line.Write(" "u8);
            isFirst = false;
            _line.Write(name);
            _line.Write(" "u8);
            Number(value);
        }
    }

    private static ulong DeletedOctets(Mailbox mailbox)
    {
        var sum = 0UL;
        var batch = new MessageInfo[Batch];
        uint from = 1;
        while (mailbox.Read(from, batch) is var count and > 0)
        {
            foreach (ref readonly var message in batch.AsSpan(0, count))
                if ((message.Flags & MessageFlags.Deleted) != 0)
                    sum += message.Size;
            if ((from = batch[count - 1].Uid + 1) == 0)
                break;
        }
        return sum;
    }

    private string GetQuota()
    {
        var reader = Arguments();
        if (!reader.Space() || !reader.AString(out var root) || !reader.IsAtEnd)
            return "BAD A quota root";
        if (!root.IsEmpty)
            return "NO [NONEXISTENT] No such quota root";
        TellQuota();
        return "OK That is all";
    }

    // All mailboxes of an account share one root, without a name (RFC 9208 3.2).
    private string GetQuotaRoot()
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name) || !reader.IsAtEnd)
            return "BAD A mailbox";
        if (_account!.Find(name) is not { } mailbox)
            return "NO [NONEXISTENT] No such mailbox";
        _line.Write("* QUOTAROOT "u8);
        ImapWriter.Mailbox(_line, mailbox.Name, _isUtf8);
        _line.Write(" \"\"\r\n"u8);
        SendLine();
        TellQuota();
        return "OK That is all";
    }

    private void TellQuota()
    {
        if (_options.Quota(_account!.Name) is { } limit)
            Send($"* QUOTA \"\" (STORAGE {(_account.UsedBytes() + 1023) / 1024} {limit / 1024})\r\n");
        else
            Send("* QUOTA \"\" ()\r\n"u8);
    }

    private bool IsOverQuota(long more) => _options.Quota(_account!.Name) is { } limit && _account.UsedBytes() + more > limit;
}
