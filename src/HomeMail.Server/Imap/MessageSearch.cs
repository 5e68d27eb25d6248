using System.Globalization;
using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

/// <summary>Decides which messages a search key fits (RFC 9051 6.4.4). What is known in memory is asked first, then the header, then the body.</summary>
internal sealed class MessageSearch(MailboxView view, SearchKey key, IReadOnlyList<uint> saved, DateTimeOffset now, Func<uint, OpenedMessage> open)
{
    private readonly Dictionary<SequenceSet, List<(uint From, uint To)>> _sets = [];
    private readonly Dictionary<string, ulong> _keywords = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether the key fits.</summary>
    public bool Fits(int number, in MessageInfo message)
    {
        using var opened = open(message.Uid);
        return Fits(key, number, message, opened);
    }

    private bool Fits(SearchKey key, int number, in MessageInfo message, OpenedMessage opened)
    {
        switch (key.Kind)
        {
            case SearchKind.All:
                return true;
            case SearchKind.None:
                return false;
            case SearchKind.And:
                for (var cost = 0; cost <= 2; cost++)
                    foreach (var part in key.Keys)
                        if (part.Cost == cost && !Fits(part, number, message, opened))
                            return false;
                return true;
            case SearchKind.Or:
                var isDear = key.Keys[0].Cost > key.Keys[1].Cost;
                return Fits(key.Keys[isDear ? 1 : 0], number, message, opened) || Fits(key.Keys[isDear ? 0 : 1], number, message, opened);
            case SearchKind.Not:
                return !Fits(key.Keys[0], number, message, opened);
            case SearchKind.Numbers:
                return IsIn(key.Set!, (uint)number, message.Uid, (uint)view.Count);
            case SearchKind.Uids:
                return IsIn(key.Set!, message.Uid, message.Uid, view.LastUid);
            case SearchKind.Flag:
                return HasFlag(key.Text, message);
            case SearchKind.Date:
                return IsOn(key, DateOnly.FromDateTime(message.InternalDate.UtcDateTime));
            case SearchKind.SavedDate:
                return IsOn(key, DateOnly.FromDateTime(message.SaveDate.UtcDateTime));
            case SearchKind.SentDate:
                return IsSent(key, message, opened);
            case SearchKind.Larger:
                return message.Size > key.Number;
            case SearchKind.Smaller:
                return message.Size < key.Number;
            case SearchKind.Older:
                return (now - message.InternalDate).TotalSeconds >= key.Number;
            case SearchKind.Younger:
                return (now - message.InternalDate).TotalSeconds <= key.Number;
            case SearchKind.ModSeq:
                return message.ModSeq >= (ulong)key.Number;
            case SearchKind.EmailId:
                return key.Text == "M" + message.EmailId.ToString("x16", CultureInfo.InvariantCulture);
            case SearchKind.Header:
                return FieldSearch.IsKept(key.Field) ? FieldSearch.IsIn(opened.Fields, key.Field, key.Text)
                    : TextSearch.IsInField(opened.File, opened.WithHeader, key.Field, key.Text);
            case SearchKind.Body:
                return TextSearch.IsInBody(opened.File, opened.Structure, key.Text);
            default:
                return TextSearch.IsInMessage(opened.File, opened.Structure, key.Text);
        }
    }

    // The zone of the sender's Date is left out of account (RFC 9051 6.4.4 SENTON).
    private static bool IsSent(SearchKey key, in MessageInfo message, OpenedMessage opened)
    {
        var date = HeaderSummary.DateOf(opened.Fields) ?? message.InternalDate;
        return IsOn(key, DateOnly.FromDateTime(date.DateTime));
    }

    private static bool IsOn(SearchKey key, DateOnly date) => key.Relation switch
    {
        DateRelation.Before => date < key.Date,
        DateRelation.On => date == key.Date,
        _ => date >= key.Date,
    };

    private bool IsIn(SequenceSet set, uint number, uint uid, uint highest)
    {
        if (set.IsSaved)
            return saved is List<uint> list && list.BinarySearch(uid) >= 0;
        if (!_sets.TryGetValue(set, out var ranges))
            _sets.Add(set, ranges = set.Resolve(highest));
        return ImapSession.Contains(ranges, number);
    }

    private bool HasFlag(string flag, in MessageInfo message)
    {
        if (flag[0] == '\\')
            return Enum.TryParse<MessageFlags>(flag.AsSpan(1), ignoreCase: true, out var system) && (message.Flags & system) != 0;
        if (!_keywords.TryGetValue(flag, out var mask))
        {
            var number = view.Mailbox.KeywordNumber(flag);
            _keywords.Add(flag, mask = number < 0 ? 0 : 1UL << number);
        }
        return (message.Keywords & mask) != 0;
    }
}
