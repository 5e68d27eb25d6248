using System.Globalization;
using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Text;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    // How many messages are read from the store at a time.
    private const int Batch = 256;

    // What a client may name to find out which of its messages are gone (RFC 7162 3.2.5.2).
    private const int MaxKnownPairs = 10_000;

    private int _viewOctets;

    private readonly record struct Resync(uint UidValidity, ulong ModSeq, SequenceSet? KnownUids, SequenceSet? Numbers, SequenceSet? Uids);

    private async ValueTask<string?> SelectAsync(bool isReadOnly)
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name) || !TryReadSelectParameters(ref reader, out var resync))
        {
            return "BAD A mailbox, and parameters that are known";
        }
        // Whatever comes of it, the old one is left (RFC 9051 6.3.2).
        if (_view is not null)
        {
            Deselect();
            // Whether or not the client has asked for mod-sequences (RFC 7162 3.2.11).
            Send("* OK [CLOSED] The mailbox before is closed\r\n"u8);
        }
        if (_account!.Find(name) is not { IsSelectable: true } mailbox)
            return "NO [NONEXISTENT] No such mailbox";
        if (!TryKeepView(mailbox.Status().Messages))
            return "NO [LIMIT] Memory is short: too many large mailboxes are open at once; try again later";
        var subscription = mailbox.Subscribe(Wake);
        try
        {
            _view = new MailboxView(mailbox, isReadOnly);
        }
        catch
        {
            subscription.Dispose();
            LeaveView();
            throw;
        }
        _subscription = subscription;
        _state = SessionStates.Selected;
        _saved.Clear();
        await TellMailboxAsync(mailbox).ConfigureAwait(false);
        if (resync is { } known)
            await ResynchronizeAsync(known).ConfigureAwait(false);
        return isReadOnly ? "OK [READ-ONLY] Selected" : "OK [READ-WRITE] Selected";
    }

    private bool TryReadSelectParameters(ref ImapReader reader, out Resync? resync)
    {
        resync = null;
        if (reader.IsAtEnd)
            return true;
        if (!reader.Space() || !reader.Take('('))
            return false;
        do
        {
            reader.Space();
            if (reader.Word("CONDSTORE"u8))
                _hasCondStore = true;
            else if (!reader.Word("QRESYNC"u8) || !_hasQResync || !TryReadResync(ref reader, out resync))
                return false;
        }
        while (reader.Peek == ' ');
        return reader.Take(')') && reader.IsAtEnd;
    }

    private static bool TryReadResync(ref ImapReader reader, out Resync? resync)
    {
        resync = null;
        if (!reader.Space() || !reader.Take('(') || !reader.Number(out var validity) || !reader.Space() || !reader.Number(out var modSeq))
            return false;
        SequenceSet? known = null, numbers = null, uids = null;
        if (reader.Space() && reader.Peek != '(')
        {
            if (!SequenceSet.TryRead(ref reader, out known))
                return false;
            reader.Space();
        }
        if (reader.Take('(') && (!SequenceSet.TryRead(ref reader, out numbers) || !reader.Space() || !SequenceSet.TryRead(ref reader, out uids) || !reader.Take(')')))
            return false;
        // What a client knows has numbers (RFC 7162 7 known-uids, known-sequence-set).
        if (known is { IsFixed: false } || numbers is { IsFixed: false } || uids is { IsFixed: false } || validity is 0 or > uint.MaxValue)
            return false;
        resync = new Resync((uint)validity, (ulong)modSeq, known, numbers, uids);
        return reader.Take(')');
    }

    private async ValueTask TellMailboxAsync(Mailbox mailbox)
    {
        var view = _view!;
        var status = mailbox.Status();
        TellFlags(mailbox, view.IsReadOnly);
        Send($"* {view.Count} EXISTS\r\n");
        if (!_isRev2)
            Send("* 0 RECENT\r\n"u8);
        if (!_isRev2 && status.Unseen > 0 && FirstUnseen(view) is var unseen and > 0)
            Send($"* OK [UNSEEN {unseen}] The first that is not seen\r\n");
        Send($"* OK [UIDVALIDITY {status.UidValidity}] The same for as long as UIDs are\r\n");
        Send($"* OK [UIDNEXT {Math.Max(status.UidNext, view.HighestUid + 1)}] Above all there are\r\n");
        Send($"* OK [HIGHESTMODSEQ {view.ModSeq}] Of all changes\r\n");
        Send($"* OK [MAILBOXID ({mailbox.MailboxId})] Through all renames\r\n");
        if (_isRev2)
            TellList(mailbox);
        await FlushIfMuchAsync().ConfigureAwait(false);
    }

    private void TellFlags(Mailbox mailbox, bool isReadOnly)
    {
        const string system = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
        var keywords = string.Concat(mailbox.KeywordNames(ulong.MaxValue).Select(static name => " " + name));
        Send($"* FLAGS ({system}{keywords})\r\n");
        Send(isReadOnly ? "* OK [PERMANENTFLAGS ()] Nothing can be changed\r\n"
            : $"* OK [PERMANENTFLAGS ({system}{keywords}{(mailbox.CanAddKeywords ? " \\*" : "")})] These stay\r\n");
        _toldKeywords = mailbox.KeywordNames(ulong.MaxValue).Count;
    }

    private int FirstUnseen(MailboxView view)
    {
        var batch = new MessageInfo[Batch];
        uint from = 1;
        while (view.Mailbox.Read(from, batch) is var count and > 0)
        {
            foreach (ref readonly var message in batch.AsSpan(0, count))
                if ((message.Flags & MessageFlags.Seen) == 0)
                    return view.NumberOf(message.Uid);
            if ((from = batch[count - 1].Uid + 1) == 0)
                break;
        }
        return 0;
    }

    /// <summary>What has happened since the client was here last (RFC 7162 3.2.5.1).</summary>
    private async ValueTask ResynchronizeAsync(Resync known)
    {
        var view = _view!;
        if (known.UidValidity != view.Mailbox.Status().UidValidity)
            return;
        var changed = new List<MessageInfo>();
        var vanished = new List<UidRange>();
        view.Mailbox.ChangesSince(known.ModSeq, changed, vanished);
        var asked = known.KnownUids?.Resolve(view.LastUid);
        var gone = Absent(vanished, asked, KnownUpTo(known));
        if (gone.Count > 0)
            Send($"* VANISHED (EARLIER) {SequenceSet.Format(gone)}\r\n");
        foreach (var message in changed)
        {
            if (view.NumberOf(message.Uid) is var number and > 0 && (asked is null || Contains(asked, message.Uid)))
                TellFetch(number, message, withUid: true, withModSeq: true);
            await FlushIfMuchAsync().ConfigureAwait(false);
        }
    }

    // A client that gives pairs of numbers and UIDs knows up to the last pair that still fits what nothing before it can have gone (RFC 7162 3.2.5.2).
    private uint KnownUpTo(Resync known)
    {
        if (known.Numbers is null || known.Uids is null)
            return 0;
        uint upTo = 0;
        foreach (var (number, uid) in known.Numbers.InOrder(MaxKnownPairs).Zip(known.Uids.InOrder(MaxKnownPairs)))
        {
            if (number == 0 || number > (uint)_view!.Count || _view.UidOf((int)number) != uid)
                break;
            upTo = uid;
        }
        return upTo;
    }

    /// <summary>Of ranges of UIDs, those in another set and above a UID, and without what is there now.</summary>
    private List<(uint From, uint To)> Absent(List<UidRange> vanished, List<(uint From, uint To)>? asked, uint above)
    {
        var gone = new List<(uint From, uint To)>();
        foreach (var range in vanished)
            foreach (var (from, to) in asked ?? [(1u, uint.MaxValue)])
            {
                var first = Math.Max(Math.Max(range.First, from), above + 1);
                var last = Math.Min(range.Last, to);
                if (first > last || above == uint.MaxValue)
                    continue;
                var (start, end) = _view!.IndexesOf(first, last);
                foreach (var uid in _view.Uids[start..end])
                {
                    if (uid > first)
                        gone.Add((first, uid - 1));
                    first = uid + 1;
                }
                if (first <= last)
                    gone.Add((first, last));
            }
        return gone;
    }

    internal static bool Contains(List<(uint From, uint To)> ranges, uint uid)
    {
        var (low, high) = (0, ranges.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (uid < ranges[middle].From)
                high = middle - 1;
            else if (uid > ranges[middle].To)
                low = middle + 1;
            else
                return true;
        }
        return false;
    }

    private void Deselect()
    {
        _subscription?.Dispose();
        _subscription = null;
        _view = null;
        _saved.Clear();
        LeaveView();
        if (_state == SessionStates.Selected)
            _state = SessionStates.Authenticated;
    }

    // Each session has the mailbox's UIDs for itself: with a large one, a few dozen of them are all of a small heap.
    private bool TryKeepView(int messages)
    {
        var octets = messages * sizeof(uint);
        if (_options.Memory?.TryKeepView(octets) == false)
            return false;
        _viewOctets = octets;
        return true;
    }

    private void LeaveView()
    {
        _options.Memory?.LetGoView(_viewOctets);
        _viewOctets = 0;
    }

    private string Unselect()
    {
        if (!Arguments().IsAtEnd)
            return "BAD No arguments";
        Deselect();
        return "OK Left as it is";
    }

    private async ValueTask<string?> CloseAsync()
    {
        if (!Arguments().IsAtEnd)
            return "BAD No arguments";
        var view = _view!;
        if (!view.IsReadOnly && !view.Mailbox.IsDeleted)
            await view.Mailbox.ExpungeAsync([new UidRange(1, Math.Max(view.HighestUid, 1))]).ConfigureAwait(false);
        Deselect();
        return "OK Closed";
    }

    private bool TryReadMailbox(ref ImapReader reader, out string name)
    {
        name = "";
        return reader.AString(out var octets) && ImapWriter.TryReadMailbox(octets, _isUtf8, out name);
    }
}
