using System.Globalization;
using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private const string Junk = "$Junk";
    private const string NotJunk = "$NotJunk";

    private static readonly string[] FlagNames = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"];

    // UIDs whose last search result was saved (RFC 9051 6.4.4.1).
    private readonly List<uint> _saved = [];

    private async ValueTask<string?> StoreAsync(bool isUid)
    {
        var view = _view!;
        var reader = Arguments();
        if (!reader.Space() || !SequenceSet.TryRead(ref reader, out var set) || !reader.Space())
            return "BAD A set of messages";
        var unchangedSince = ulong.MaxValue;
        if (reader.Take('('))
        {
            if (!reader.Word("UNCHANGEDSINCE"u8) || !reader.Space() || !reader.Number(out var modSeq) || !reader.Take(')') || !reader.Space())
                return "BAD Only UNCHANGEDSINCE is known";
            unchangedSince = (ulong)modSeq;
            _hasCondStore = true;
        }
        var operation = reader.Take('+') ? FlagOperation.Add : reader.Take('-') ? FlagOperation.Remove : FlagOperation.Replace;
        var isSilent = reader.Word("FLAGS.SILENT"u8);
        if ((!isSilent && !reader.Word("FLAGS"u8)) || !reader.Space() || !TryReadFlags(ref reader, out var flags, out var keywords) || !reader.IsAtEnd)
            return "BAD FLAGS, and flags";
        if (view.IsReadOnly)
            return "NO [READ-ONLY] The mailbox is open to read only";
        if (!TryResolve(set, isUid, out var ranges))
            return "BAD No such message";
        var result = await view.Mailbox.StoreAsync(new FlagRequest
        {
            Uids = ranges,
            Operation = operation,
            Flags = flags,
            Keywords = keywords,
            UnchangedSince = unchangedSince,
        }).ConfigureAwait(false);
        if (result.ModSeq != 0 && (!isSilent || !_hasCondStore))
            _silentModSeq = result.ModSeq;
        if (!isSilent)
            await TellStoredAsync(ranges, result, isUid).ConfigureAwait(false);
        else if (_hasCondStore && result.ModSeq != 0)
            await TellModSeqsAsync(result).ConfigureAwait(false);
        Learn(view.Mailbox, result.Changed, operation, keywords);
        return StoreReply(result, isUid, ranges);
    }

    private string StoreReply(FlagResult result, bool isUid, IReadOnlyList<UidRange> ranges)
    {
        if (result.Modified.Count > 0)
        {
            var modified = new List<uint>();
            foreach (var range in result.Modified)
                for (var uid = range.First; uid <= range.Last; uid++)
                    if (isUid)
                        modified.Add(uid);
                    else if (_view!.NumberOf(uid) is var number and > 0)
                        modified.Add((uint)number);
            return $"OK [MODIFIED {SequenceSet.Format(modified)}] Not those";
        }
        if (result.IsKeywordRefused)
            return "NO [LIMIT] There is no room for that keyword";
        foreach (var range in isUid ? [] : ranges)
            foreach (var uid in UidsIn(range))
                if (!_view!.Mailbox.TryGet(uid, out _))
                    return "NO [EXPUNGEISSUED] Some of them are gone";
        return "OK Stored";
    }

    private async ValueTask TellStoredAsync(IReadOnlyList<UidRange> ranges, FlagResult result, bool isUid)
    {
        foreach (var range in ranges)
        {
            var (from, to) = _view!.IndexesOf(range.First, range.Last);
            for (var i = from; i < to; i++)
            {
                var uid = _view.UidOf(i + 1);
                if (_view.Mailbox.TryGet(uid, out var message) && !Holds(result.Modified, uid))
                    TellFetch(i + 1, message, withUid: isUid || _hasCondStore || _isRev2, withModSeq: _hasCondStore);
                await FlushIfMuchAsync().ConfigureAwait(false);
            }
        }
    }

    // A client that keeps mod-sequences must learn those it has caused, even silently (RFC 7162 3.1.3).
    private async ValueTask TellModSeqsAsync(FlagResult result)
    {
        _silentModSeq = result.ModSeq;
        foreach (var range in result.Changed)
        {
            var (from, to) = _view!.IndexesOf(range.First, range.Last);
            for (var i = from; i < to; i++)
            {
                if (_view.Mailbox.TryGet(_view.UidOf(i + 1), out var message))
                    TellFetch(i + 1, message, withUid: true, withModSeq: true, withFlags: message.ModSeq != result.ModSeq);
                await FlushIfMuchAsync().ConfigureAwait(false);
            }
        }
    }

    // The ranges are ascending.
    private static bool Holds(List<UidRange> ranges, uint uid)
    {
        var (low, high) = (0, ranges.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (uid < ranges[middle].First)
                high = middle - 1;
            else if (uid > ranges[middle].Last)
                low = middle + 1;
            else
                return true;
        }
        return false;
    }

    private void Learn(Mailbox mailbox, List<UidRange> changed, FlagOperation operation, List<string> keywords)
    {
        if (_options.Junk is null || operation == FlagOperation.Remove)
            return;
        var isJunk = keywords.Exists(static keyword => keyword.Equals(Junk, StringComparison.OrdinalIgnoreCase));
        if (isJunk == keywords.Exists(static keyword => keyword.Equals(NotJunk, StringComparison.OrdinalIgnoreCase)))
            return;
        foreach (var range in changed)
            foreach (var uid in UidsIn(range))
                _options.Junk.Learned(_account!.Name, mailbox, uid, isJunk);
    }

    private List<uint> UidsIn(UidRange range)
    {
        var (from, to) = _view!.IndexesOf(range.First, range.Last);
        return [.. _view.Uids[from..to]];
    }

    /// <summary>Reads flags, in parentheses or bare.</summary>
    private static bool TryReadFlags(ref ImapReader reader, out MessageFlags flags, out List<string> keywords)
    {
        flags = MessageFlags.None;
        keywords = [];
        var isList = reader.Take('(');
        while (isList ? !reader.Take(')') : !reader.IsAtEnd)
        {
            reader.Space();
            if (isList && reader.Peek == ')')
                continue;
            if (keywords.Count > 64 || !reader.Flag(out var flag))
                return false;
            if (flag[0] != '\\')
            {
                keywords.Add(Encoding.ASCII.GetString(flag));
                continue;
            }
            var at = IndexOfFlag(flag);
            if (at >= 0)
                flags |= (MessageFlags)(1 << at);
            // \Recent is not the client's to give, but old clients give back what they got.
            else if (!Ascii.EqualsIgnoreCase(flag, "\\Recent"u8))
                return false;
        }
        return true;
    }

    private static int IndexOfFlag(ReadOnlySpan<byte> flag)
    {
        var text = Encoding.ASCII.GetString(flag);
        return Array.FindIndex(FlagNames, name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The UIDs that a set means, of those this session knows. False if it names a sequence number that is not there.</summary>
    private bool TryResolve(SequenceSet set, bool isUid, out List<UidRange> ranges)
    {
        ranges = [];
        var view = _view!;
        if (set.IsSaved)
        {
            foreach (var uid in _saved)
                if (view.NumberOf(uid) > 0)
                    UidRange.Add(ranges, uid);
            return true;
        }
        if (isUid)
        {
            foreach (var (from, to) in set.Resolve(view.LastUid))
                ranges.Add(new UidRange(from, to));
            Narrow(ranges);
            return true;
        }
        if (set.IsBeyond((uint)view.Count))
            return false;
        foreach (var (from, to) in set.Resolve((uint)view.Count))
            foreach (var uid in view.Uids[(int)(from - 1)..(int)to])
                UidRange.Add(ranges, uid);
        return true;
    }

    // Messages that have come since are none of this command's.
    private void Narrow(List<UidRange> ranges)
    {
        var highest = _view!.HighestUid;
        for (var i = ranges.Count - 1; i >= 0; i--)
            if (ranges[i].First > highest)
                ranges.RemoveAt(i);
            else if (ranges[i].Last > highest)
                ranges[i] = ranges[i] with { Last = highest };
    }

    private async ValueTask<string?> ExpungeAsync(bool isUid)
    {
        var view = _view!;
        var reader = Arguments();
        List<UidRange> ranges = [new UidRange(1, Math.Max(view.HighestUid, 1))];
        if (isUid && (!reader.Space() || !SequenceSet.TryRead(ref reader, out var set) || !TryResolve(set, isUid: true, out ranges)))
            return "BAD A set of UIDs";
        if (!reader.IsAtEnd)
            return "BAD Too many arguments";
        if (view.IsReadOnly)
            return "NO [READ-ONLY] The mailbox is open to read only";
        var gone = await view.Mailbox.ExpungeAsync(ranges).ConfigureAwait(false);
        if (!_hasCondStore || gone.Count == 0)
            return "OK Expunged";
        return string.Create(CultureInfo.InvariantCulture, $"OK [HIGHESTMODSEQ {view.Mailbox.Status().HighestModSeq}] Expunged");
    }

    /// <summary>COPY and MOVE (RFC 9051 6.4.7, 6.4.8). A UID that is not there is no error.</summary>
    private async ValueTask<string?> CopyAsync(bool isUid, bool move)
    {
        var view = _view!;
        var reader = Arguments();
        if (!reader.Space() || !SequenceSet.TryRead(ref reader, out var set) || !reader.Space() || !TryReadMailbox(ref reader, out var name) || !reader.IsAtEnd)
            return "BAD A set of messages and a mailbox";
        if (!TryResolve(set, isUid, out var ranges))
            return "BAD No such message";
        if (move && view.IsReadOnly)
            return "NO [READ-ONLY] The mailbox is open to read only";
        if (_account!.Find(name) is not { IsSelectable: true } target)
            return "NO [TRYCREATE] No such mailbox";
        if (!move && IsOverQuota(Octets(ranges)))
            return "NO [OVERQUOTA] There is no room for that";
        var done = move
            ? await view.Mailbox.MoveAsync(ranges, target).ConfigureAwait(false)
            : await view.Mailbox.CopyAsync(ranges, target).ConfigureAwait(false);
        if (move)
            LearnMoved(view.Mailbox, target, done.Target);
        if (done.Source.Count == 0)
            return "OK Nothing to do";
        var copied = $"[COPYUID {done.UidValidity} {SequenceSet.Format(done.Source)} {SequenceSet.Format(done.Target)}]";
        if (!move)
            return $"OK {copied} Copied";
        Send($"* OK {copied} Moved\r\n");
        return "OK Moved";
    }

    private long Octets(List<UidRange> ranges)
    {
        if (_options.Quota(_account!.Name) is null)
            return 0;
        var sum = 0L;
        foreach (var range in ranges)
            foreach (var uid in UidsIn(range))
                if (_view!.Mailbox.TryGet(uid, out var message))
                    sum += message.Size;
        return sum;
    }

    private void LearnMoved(Mailbox source, Mailbox target, IReadOnlyList<uint> uids)
    {
        if (_options.Junk is null || _account!.FindUse(SpecialUse.Junk) is not { } junk || source == target)
            return;
        // What is thrown away is not called good by that.
        if (target != junk && (source != junk || target == _account.FindUse(SpecialUse.Trash)))
            return;
        foreach (var uid in uids)
            _options.Junk.Learned(_account.Name, target, uid, isJunk: target == junk);
    }
}
