using System.Globalization;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Text;
using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    [Flags]
    private enum SearchReturns
    {
        None = 0,
        Min = 1,
        Max = 2,
        All = 4,
        Count = 8,
        Save = 16,
    }

    private async ValueTask<string?> SearchAsync(bool isUid)
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadReturns(ref reader, out var returns))
            return "BAD What to search for";
        switch (SearchReader.TryRead(ref reader, out var key))
        {
            case SearchSyntax.Wrong:
                return "BAD Not a search";
            case SearchSyntax.UnknownCharset:
                return "NO [BADCHARSET (US-ASCII UTF-8)] That charset is not known";
        }
        if (!IsWithin(key))
            return "BAD No such message";
        _hasCondStore |= key.AsksModSeq;
        var (found, modSeq) = await FindAsync(key).ConfigureAwait(false);
        if (returns is { } asked)
            TellExtended(asked, found, isUid, key.AsksModSeq ? modSeq : 0);
        else
            TellFound(found, isUid, key.AsksModSeq ? modSeq : 0);
        return "OK Searched";
    }

    /// <summary>RETURN (RFC 9051 6.4.4); null where the answer is the old one.</summary>
    private bool TryReadReturns(ref ImapReader reader, out SearchReturns? returns)
    {
        returns = _isRev2 ? SearchReturns.All : null;
        if (!reader.Word("RETURN"u8))
            return true;
        if (!reader.Space() || !reader.Take('('))
            return false;
        returns = SearchReturns.None;
        while (!reader.Take(')'))
        {
            reader.Space();
            if (reader.Peek == ')')
                continue;
            var one = reader.Word("MIN"u8) ? SearchReturns.Min
                : reader.Word("MAX"u8) ? SearchReturns.Max
                : reader.Word("ALL"u8) ? SearchReturns.All
                : reader.Word("COUNT"u8) ? SearchReturns.Count
                : reader.Word("SAVE"u8) ? SearchReturns.Save
                : SearchReturns.None;
            if (one == SearchReturns.None)
                return false;
            returns |= one;
        }
        if (returns == SearchReturns.None)
            returns = SearchReturns.All;
        return reader.Space();
    }

    // A sequence number that is not there is an error (RFC 9051 9 seq-number).
    private bool IsWithin(SearchKey key)
    {
        if (key.Kind == SearchKind.Numbers && !key.Set!.IsSaved && key.Set.IsBeyond((uint)_view!.Count) && _view.Count > 0)
            return false;
        foreach (var part in key.Keys)
            if (!IsWithin(part))
                return false;
        return true;
    }

    /// <summary>The sequence numbers of the messages that a key fits, and their highest mod-sequence.</summary>
    private async ValueTask<(List<int> Numbers, ulong ModSeq)> FindAsync(SearchKey key)
    {
        var view = _view!;
        var search = new MessageSearch(view, key, _saved, _clock.GetUtcNow());
        var found = new List<int>();
        var modSeq = 0UL;
        var looked = 0L;
        for (var number = 1; number <= view.Count; number++)
        {
            if (!view.Mailbox.TryGet(view.UidOf(number), out var message))
                continue;
            try
            {
                if (!search.Fits(number, message))
                    continue;
            }
            catch (StorageException error) when (error.Condition == StorageCondition.NotFound)
            {
                continue;
            }
            found.Add(number);
            modSeq = Math.Max(modSeq, message.ModSeq);
            // Others have their turn, and a session that is to end does.
            if (key.Cost > 0 && (looked += message.Size) > 1024 * 1024)
            {
                looked = 0;
                _stop.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }
        return (found, modSeq);
    }

    private void TellFound(List<int> found, bool isUid, ulong modSeq)
    {
        _line.Write("* SEARCH"u8);
        foreach (var number in found)
        {
            _line.Write(" "u8);
            Number(isUid ? _view!.UidOf(number) : number);
            if (_line.Length > MaxPending)
                SendLine();
        }
        if (modSeq > 0 && found.Count > 0)
            _line.Write($" (MODSEQ {modSeq})");
        _line.Write("\r\n"u8);
        SendLine();
    }

    private void TellExtended(SearchReturns asked, List<int> found, bool isUid, ulong modSeq)
    {
        Save(asked, found);
        // With SAVE alone there is nothing to tell (RFC 9051 6.4.4).
        if (asked == SearchReturns.Save)
            return;
        BeginExtended(isUid);
        WriteExtended(asked, [.. found.Select(number => isUid ? _view!.UidOf(number) : (uint)number)]);
        if (modSeq > 0 && found.Count > 0)
            _line.Write($" MODSEQ {modSeq}");
        _line.Write("\r\n"u8);
        SendLine();
    }

    private void BeginExtended(bool isUid)
    {
        _line.Write("* ESEARCH (TAG "u8);
        ImapWriter.String(_line, System.Text.Encoding.ASCII.GetString(_tag));
        _line.Write(isUid ? ") UID"u8 : ")"u8);
    }

    private void WriteExtended(SearchReturns asked, IReadOnlyList<uint> found)
    {
        if ((asked & SearchReturns.Min) != 0 && found.Count > 0)
            _line.Write($" MIN {found[0]}");
        if ((asked & SearchReturns.Max) != 0 && found.Count > 0)
            _line.Write($" MAX {found[^1]}");
        if ((asked & SearchReturns.Count) != 0)
            _line.Write(string.Create(CultureInfo.InvariantCulture, $" COUNT {found.Count}"));
        if ((asked & SearchReturns.All) != 0 && found.Count > 0)
            _line.Write($" ALL {SequenceSet.Format(found)}");
    }

    // What is saved is what is asked for: all, or with MIN and MAX alone only these (RFC 9051 6.4.4.1).
    private void Save(SearchReturns asked, List<int> found)
    {
        if ((asked & SearchReturns.Save) == 0)
            return;
        _saved.Clear();
        var isFew = (asked & (SearchReturns.All | SearchReturns.Count)) == 0 && (asked & (SearchReturns.Min | SearchReturns.Max)) != 0;
        for (var i = 0; i < found.Count; i++)
            if (!isFew || (i == 0 && (asked & SearchReturns.Min) != 0) || (i == found.Count - 1 && (asked & SearchReturns.Max) != 0))
                _saved.Add(_view!.UidOf(found[i]));
    }
}
