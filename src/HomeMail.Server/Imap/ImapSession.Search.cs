using System.Globalization;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Text;
using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private async ValueTask<string?> SearchAsync(bool isUid)
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadReturns(ref reader, out var returns))
            return "BAD What to search for";
        // Once it has asked for UTF-8 a client names no charset (RFC 6855 3).
        if (_hasUtf8Accept && reader.Word("CHARSET"u8))
            return "BAD The charset is UTF-8";
        switch (SearchReader.TryRead(ref reader, out var key))
        {
            case SearchSyntax.Wrong:
                return "BAD Not a search";
            case SearchSyntax.UnknownCharset:
                ForgetSaved(returns);
                return "NO [BADCHARSET (US-ASCII UTF-8)] That charset is not known";
        }
        if (!IsWithin(key))
            return "BAD No such message";
        _hasCondStore |= key.AsksModSeq;
        // Of a search that fails nothing is left (RFC 5182 2.1).
        var (found, modSeqs) = await OrForgetAsync(returns, FindAsync(key)).ConfigureAwait(false);
        if (returns is { } asked)
            TellExtended(asked, found, isUid, key.AsksModSeq ? modSeqs : null);
        else
            await TellFoundAsync("* SEARCH", found.Select(number => isUid ? _view!.UidOf(number) : (uint)number), key.AsksModSeq ? modSeqs : null).ConfigureAwait(false);
        return "OK Searched";
    }

    private async ValueTask<T> OrForgetAsync<T>(SearchReturn? returns, ValueTask<T> search)
    {
        try
        {
            return await search.ConfigureAwait(false);
        }
        catch (StorageException)
        {
            ForgetSaved(returns);
            throw;
        }
    }

    private void ForgetSaved(SearchReturn? returns)
    {
        if (returns is { } asked && asked.Asks(SearchItems.Save))
            _saved.Clear();
    }

    /// <summary>RETURN (RFC 9051 6.4.4); null where the answer is the old one.</summary>
    private bool TryReadReturns(ref ImapReader reader, out SearchReturn? returns)
    {
        returns = _isRev2 ? new SearchReturn(SearchItems.All) : null;
        if (!reader.Word("RETURN"u8))
            return true;
        if (!reader.Space() || !SearchReturn.TryRead(ref reader, out var asked))
            return false;
        returns = asked;
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

    /// <summary>The sequence numbers of the messages that a key fits, and where mod-sequences are asked for, those.</summary>
    private async ValueTask<(List<int> Numbers, List<ulong> ModSeqs)> FindAsync(SearchKey key)
    {
        var view = _view!;
        var search = new MessageSearch(view, key, _saved, _clock.GetUtcNow(), Open);
        var found = new List<int>(key.Kind == SearchKind.All ? view.Count : 0);
        var modSeqs = new List<ulong>();
        var asksModSeq = key.AsksModSeq;
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
            if (asksModSeq)
                modSeqs.Add(message.ModSeq);
            // Others have their turn, and a session that is to end does.
            if (key.Cost > 0 && (looked += message.Size) > 1024 * 1024)
            {
                looked = 0;
                await TakeBreathAsync().ConfigureAwait(false);
            }
        }
        return (found, modSeqs);
    }

    /// <summary>In a command that takes long: others have their turn, and a session whose client has gone, or that is to end, ends.</summary>
    private async ValueTask TakeBreathAsync()
    {
        _stop.ThrowIfCancellationRequested();
        if (_transport.IsAborted)
            throw new IOException("The connection is gone.");
        _options.Memory?.Relieve();
        await Task.Yield();
    }

    private async ValueTask TellFoundAsync(string begin, IEnumerable<uint> found, List<ulong>? modSeqs)
    {
        _line.Write($"{begin}");
        foreach (var number in found)
        {
            _line.Write(" "u8);
            Number(number);
            if (_line.Length <= MaxPending)
                continue;
            // A client that is slow to read holds so much, and not the whole of a large mailbox.
            SendLine();
            await FlushAsync().ConfigureAwait(false);
        }
        if (modSeqs is { Count: > 0 })
            _line.Write($" (MODSEQ {modSeqs.Max()})");
        _line.Write("\r\n"u8);
        SendLine();
    }

    private void TellExtended(SearchReturn asked, List<int> found, bool isUid, List<ulong>? modSeqs)
    {
        Save(asked, found);
        // With SAVE alone there is nothing to tell (RFC 9051 6.4.4).
        if (asked.Items == SearchItems.Save)
            return;
        BeginExtended(isUid);
        WriteExtended(asked, [.. found.Select(number => isUid ? _view!.UidOf(number) : (uint)number)], modSeqs);
    }

    private void BeginExtended(bool isUid)
    {
        _line.Write("* ESEARCH (TAG "u8);
        ImapWriter.String(_line, System.Text.Encoding.ASCII.GetString(_tag));
        _line.Write(isUid ? ") UID"u8 : ")"u8);
    }

    private void WriteExtended(SearchReturn asked, IReadOnlyList<uint> found, List<ulong>? modSeqs)
    {
        if (asked.Asks(SearchItems.Min) && found.Count > 0)
            _line.Write($" MIN {found[0]}");
        if (asked.Asks(SearchItems.Max) && found.Count > 0)
            _line.Write($" MAX {found[^1]}");
        if (asked.Asks(SearchItems.Count))
            _line.Write(string.Create(CultureInfo.InvariantCulture, $" COUNT {found.Count}"));
        if (asked.Asks(SearchItems.All) && found.Count > 0)
            _line.Write($" ALL {SequenceSet.Format(found)}");
        if (asked.Partial is { } partial)
        {
            var (start, end) = partial.Of(found.Count);
            _line.Write($" PARTIAL ({partial.Text} {(start == end ? "NIL" : SequenceSet.Format([.. found.Skip(start).Take(end - start)]))})");
        }
        // That of what is told: with MIN and MAX alone it is theirs (RFC 4731 3.2).
        if (modSeqs is { Count: > 0 } && asked.Few(found.Count).Any())
            _line.Write($" MODSEQ {asked.Few(found.Count).Max(few => modSeqs.Skip(few.Start).Take(few.End - few.Start).Max())}");
        _line.Write("\r\n"u8);
        SendLine();
    }

    private void Save(SearchReturn asked, List<int> found)
    {
        if (!asked.Asks(SearchItems.Save))
            return;
        _saved.Clear();
        foreach (var (start, end) in asked.Few(found.Count))
            foreach (var number in found.GetRange(start, end - start))
                _saved.Add(_view!.UidOf(number));
    }
}
