using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Text;
using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private const int MaxCriteria = 20;

    // What a message costs in memory while a command puts it in order.
    private const int OctetsToSort = 20;
    private const int OctetsOfCriterion = 30;
    private const int OctetsToThread = 80;
    private const string TooMany = "NO [LIMIT] Too many messages for the memory that is free now";

    /// <summary>SORT (RFC 5256, ESORT of RFC 5267, DISPLAY of RFC 5957).</summary>
    private async ValueTask<string?> SortAsync(bool isUid)
    {
        var reader = Arguments();
        if (!reader.Space() || !TryReadSortReturns(ref reader, out var returns) || !TryReadCriteria(ref reader, out var criteria) || !reader.Space())
            return "BAD What to sort by";
        if (ReadProgram(ref reader, out var key) is { } wrong)
        {
            if (wrong.StartsWith("NO", StringComparison.Ordinal))
                ForgetSaved(returns);
            return wrong;
        }
        var (found, modSeqs) = await OrForgetAsync(returns, FindAsync(key)).ConfigureAwait(false);
        var need = found.Count * (OctetsToSort + (criteria.Count * OctetsOfCriterion));
        if (!TryReserve(need))
        {
            ForgetSaved(returns);
            return TooMany;
        }
        uint[] sorted;
        try
        {
            var order = new MessageOrder(criteria, found.Count);
            await SummarizeAsync(found, isUid, order.Wanted, message => order.Add(message)).ConfigureAwait(false);
            sorted = order.Sorted();
        }
        catch (StorageException)
        {
            ForgetSaved(returns);
            throw;
        }
        finally
        {
            _options.Memory?.Release(need);
        }
        if (returns is { } asked)
        {
            // What is told and what is kept is picked from the order asked for (RFC 5267 4).
            var order = Array.ConvertAll(sorted, id => isUid ? _view!.NumberOf(id) : (int)id).ToList();
            Save(asked, order);
            _saved.Sort();
            if (asked.Items == SearchItems.Save)
                return "OK Sorted";
            BeginExtended(isUid);
            var byNumber = key.AsksModSeq ? found.Zip(modSeqs).ToDictionary() : null;
            WriteExtended(asked, sorted, byNumber is null ? null : order.ConvertAll(number => byNumber[number]));
            return "OK Sorted";
        }
        await TellFoundAsync("* SORT", sorted, key.AsksModSeq ? modSeqs : null).ConfigureAwait(false);
        return "OK Sorted";
    }

    /// <summary>THREAD (RFC 5256 3).</summary>
    private async ValueTask<string?> ThreadAsync(bool isUid)
    {
        var reader = Arguments();
        if (!reader.Space())
            return "BAD How to thread";
        var isReferences = reader.Word("REFERENCES"u8);
        if ((!isReferences && !reader.Word("ORDEREDSUBJECT"u8)) || !reader.Space())
            return "BAD No such way to thread";
        if (ReadProgram(ref reader, out var key) is { } wrong)
            return wrong;
        var (found, _) = await FindAsync(key).ConfigureAwait(false);
        var need = found.Count * OctetsToThread;
        if (!TryReserve(need))
            return TooMany;
        try
        {
            var threading = new Threading(isReferences, found.Count);
            await SummarizeAsync(found, isUid, threading.Wanted, message => threading.Add(message)).ConfigureAwait(false);
            _line.Write(found.Count > 0 ? "* THREAD "u8 : "* THREAD"u8);
            threading.Write(_line);
            _line.Write("\r\n"u8);
            SendLine();
        }
        finally
        {
            _options.Memory?.Release(need);
        }
        return "OK Threaded";
    }

    private bool TryReadSortReturns(ref ImapReader reader, out SearchReturn? returns)
    {
        returns = null;
        if (reader.Peek == '(')
            return true;
        var at = reader.Position;
        if (!reader.Word("RETURN"u8))
            return false;
        reader.Return(at);
        return TryReadReturns(ref reader, out returns);
    }

    // The charset comes first here, and has no word before it.
    private string? ReadProgram(ref ImapReader reader, out SearchKey key)
    {
        key = new SearchKey { Kind = SearchKind.All };
        if (!reader.AText(out var charset) || !reader.Space())
            return "BAD A charset, and what to search for";
        if (!SearchReader.IsKnown(charset))
            return "NO [BADCHARSET (US-ASCII UTF-8)] That charset is not known";
        if (SearchReader.TryRead(ref reader, out key) != SearchSyntax.Right)
            return "BAD Not a search";
        if (!IsWithin(key))
            return "BAD No such message";
        _hasCondStore |= key.AsksModSeq;
        return null;
    }

    private static bool TryReadCriteria(ref ImapReader reader, out List<SortCriterion> criteria)
    {
        criteria = [];
        if (!reader.Take('('))
            return false;
        do
        {
            reader.Space();
            var isReverse = reader.Word("REVERSE"u8);
            if (isReverse && !reader.Space())
                return false;
            if (criteria.Count == MaxCriteria || !reader.Atom(out var atom) || atom.Length > 20)
                return false;
            SortKey? key = Encoding.ASCII.GetString(atom).ToUpperInvariant() switch
            {
                "ARRIVAL" => SortKey.Arrival,
                "CC" => SortKey.Cc,
                "DATE" => SortKey.Date,
                "FROM" => SortKey.From,
                "SIZE" => SortKey.Size,
                "SUBJECT" => SortKey.Subject,
                "TO" => SortKey.To,
                "DISPLAYFROM" => SortKey.DisplayFrom,
                "DISPLAYTO" => SortKey.DisplayTo,
                _ => null,
            };
            if (key is null)
                return false;
            criteria.Add(new SortCriterion(key.Value, isReverse));
        }
        while (reader.Peek == ' ');
        return reader.Take(')');
    }

    private bool TryReserve(int octets)
    {
        if (_options.Memory is not { } memory)
            return true;
        if (!memory.TryReserve(octets))
            return false;
        memory.Relieve();
        return true;
    }

    private async ValueTask SummarizeAsync(List<int> found, bool isUid, SummaryParts wanted, Action<OrderedMessage> take)
    {
        var looked = 0;
        foreach (var number in found)
        {
            var uid = _view!.UidOf(number);
            if (!_view.Mailbox.TryGet(uid, out var message))
                continue;
            try
            {
                using var opened = Open(uid);
                var summary = wanted == SummaryParts.None ? HeaderSummary.Nothing : HeaderSummary.Of(opened.Fields, wanted);
                take(new OrderedMessage(isUid ? uid : (uint)number, (uint)number, summary, message.InternalDate, message.Size));
            }
            catch (StorageException error) when (error.Condition == StorageCondition.NotFound)
            {
                // It has gone meanwhile.
            }
            // Others have their turn, and a session that is to end does.
            if (++looked % 256 == 0)
                await TakeBreathAsync().ConfigureAwait(false);
        }
    }
}
