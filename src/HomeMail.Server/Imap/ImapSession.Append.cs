using HomeMail.Protocol.Imap;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    // Messages of one APPEND (RFC 3502); each holds a buffer until all are there.
    private const int MaxAppended = 100;

    /// <param name="Message">What comes in.</param>
    /// <param name="Flags">Its flags.</param>
    /// <param name="Keywords">Its keywords.</param>
    /// <param name="Date">INTERNALDATE, or null for now.</param>
    private sealed record Appended(SpoolMessage Message, MessageFlags Flags, List<string> Keywords, DateTimeOffset? Date);

    private SpoolMessage? _incoming;
    private byte _lastOctet;
    private bool _hasNul;

    /// <summary>APPEND (RFC 9051 6.3.12), also of several (RFC 3502). The OK means that they are on the device.</summary>
    private async ValueTask<string?> AppendAsync()
    {
        var messages = new List<Appended>();
        try
        {
            var (mailbox, refusal) = BeginAppend();
            var mark = _messageMark;
            for (var isFirst = true; refusal is null || !mark.IsSynchronizing; isFirst = false)
            {
                var isRead = TryReadAppended(isFirst, out var flags, out var keywords, out var date, out var isUtf8);
                refusal ??= !isRead ? "BAD Flags, a date, and a message"
                    : isUtf8 && !_isUtf8 ? "BAD UTF8=ACCEPT is not enabled"
                    : Admit(mark.Length, messages);
                if (refusal is null)
                    messages.Add(new Appended(_options.Spool.Begin(MessageId.New(_clock)), flags, keywords, date));
                if (refusal is not null && mark.IsSynchronizing)
                    break;
                var (next, more) = await ReceiveAsync(mark, refusal is null ? messages[^1].Message : null, isUtf8).ConfigureAwait(false);
                if (_isOver)
                    return null;
                if (_hasNul && !mark.IsBinary)
                    refusal ??= "BAD A literal has no NUL";
                else if (_hasNul)
                    refusal ??= "NO [UNKNOWN-CTE] A message with NUL can't be kept";
                if (next is null)
                {
                    if (!more)
                        refusal ??= "BAD Only messages follow messages";
                    break;
                }
                mark = next.Value;
            }
            return refusal ?? await CommitAsync(mailbox!, messages).ConfigureAwait(false);
        }
        finally
        {
            foreach (var appended in messages)
                appended.Message.Dispose();
            _incoming = null;
        }
    }

    private int _appendAt;

    private (Mailbox? Mailbox, string? Refusal) BeginAppend()
    {
        _hasNul = false;
        var reader = Arguments();
        if (!reader.Space() || !TryReadMailbox(ref reader, out var name) || !reader.Space() || !LiteralMark.TryParse(_command.WrittenSpan, out _))
        {
            // Without a message there is nothing to be read either.
            _messageMark = new LiteralMark(0, true, false, 0);
            return (null, "BAD A mailbox and a message");
        }
        _appendAt = _arguments + reader.Position;
        return _account!.Find(name) is { IsSelectable: true } mailbox ? (mailbox, null) : (null, "NO [TRYCREATE] No such mailbox");
    }

    private bool TryReadAppended(bool isFirst, out MessageFlags flags, out List<string> keywords, out DateTimeOffset? date, out bool isUtf8)
    {
        (flags, keywords, date, isUtf8) = (MessageFlags.None, [], null, false);
        var text = _command.WrittenSpan;
        if (!LiteralMark.TryParse(text, out var mark))
            return false;
        var reader = new ImapReader(text[(isFirst ? _appendAt : 0)..mark.Start]);
        if (!isFirst && !reader.Space())
            return false;
        if (reader.Peek == '(' && (!TryReadFlags(ref reader, out flags, out keywords) || !reader.Space()))
            return false;
        if (reader.Peek == '"')
        {
            if (!ImapDates.TryReadMoment(ref reader, out var moment) || !reader.Space())
                return false;
            date = moment;
        }
        // UTF8 (~{...}) of RFC 6855 4.
        isUtf8 = reader.Word("UTF8"u8);
        return !isUtf8 ? reader.Rest.IsEmpty : reader.Space() && reader.Take('(') && reader.Rest.IsEmpty && mark.IsBinary;
    }

    private string? Admit(long length, List<Appended> messages)
    {
        if (length > _options.MessageSize)
            return "NO [TOOBIG] A message may have " + _options.MessageSize.ToString(System.Globalization.CultureInfo.InvariantCulture) + " octets";
        if (length == 0)
            return "NO [CANNOT] A message of nothing";
        if (messages.Count == MaxAppended)
            return "NO [LIMIT] Too many at once";
        if (IsOverQuota(length + messages.Sum(static appended => appended.Message.BodyLength)))
            return "NO [OVERQUOTA] There is no room for that";
        if (_options.Memory is { IsCritical: true })
            return "NO [UNAVAILABLE] Too busy; try again";
        return _options.Spool.Admit(length) switch
        {
            StorageCondition.None => null,
            StorageCondition.DiskFull => "NO [OVERQUOTA] The disk is full",
            _ => "NO [UNAVAILABLE] Not now",
        };
    }

    /// <summary>Receives a message, or reads past it, and the line behind it. Gives the announcement of another message, or whether the command ended well.</summary>
    private async ValueTask<(LiteralMark? Next, bool IsEnd)> ReceiveAsync(LiteralMark mark, SpoolMessage? message, bool isUtf8)
    {
        if (message is null && mark.Length > _options.MessageSize + MaxSkipped)
        {
            // Sent without being asked for: to read it all would be to be used (RFC 7888 4).
            Answer("NO [TOOBIG] Too large");
            Bye("Too large");
            return (null, false);
        }
        if (mark.IsSynchronizing)
            Send("+ Go on\r\n"u8);
        _incoming = message;
        _lastOctet = 0;
        _command.Clear();
        var reading = await ReadOctetsAsync(mark.Length, static (session, octets) => session.Take(octets)).ConfigureAwait(false);
        _incoming = null;
        if (reading == Reading.Done)
            do
                reading = await ReadLineAsync().ConfigureAwait(false);
            while (reading == Reading.Woken);
        if (reading == Reading.Refused)
        {
            Send("BAD Too long\r\n"u8);
            return (null, false);
        }
        if (reading != Reading.Done)
        {
            if (reading == Reading.Expired)
                Bye(_expired!);
            _endReason ??= "closed amid a message";
            _isOver = true;
            return (null, false);
        }
        TrimLine();
        if (isUtf8)
        {
            // The parenthesis behind a message in UTF8 (...).
            if (!_command.WrittenSpan.StartsWith(")"u8))
                return (null, false);
            var rest = _command.WrittenSpan[1..].ToArray();
            _command.Clear();
            _command.Write(rest);
        }
        if (LiteralMark.TryParse(_command.WrittenSpan, out var next))
            return (next, false);
        return (null, _command.WrittenSpan.Trim((byte)' ').IsEmpty);
    }

    // Line ends become CRLF, as all messages here have them (RFC 5322 2.1).
    private void Take(ReadOnlySpan<byte> octets)
    {
        if (_incoming is null)
            return;
        _hasNul |= octets.Contains((byte)0);
        Span<byte> block = stackalloc byte[2048];
        while (!octets.IsEmpty)
        {
            var taken = LineEnds.ToCrlf(octets, block, ref _lastOctet, out var written);
            _incoming.Append(block[..written]);
            octets = octets[taken..];
        }
    }

    private async ValueTask<string> CommitAsync(Mailbox mailbox, List<Appended> messages)
    {
        Wait(TimeSpan.FromMinutes(5));
        var result = await _options.Spool.CommitAllAsync([.. messages.Select(appended => new CommitRequest
        {
            Message = appended.Message,
            Local =
            [
                new LocalDelivery(_account!.Name, mailbox.Name) { MustExist = true, Flags = appended.Flags, Keywords = appended.Keywords, InternalDate = appended.Date },
            ],
        })]).ConfigureAwait(false);
        if (result.IsCommitted)
            return $"OK [APPENDUID {result.Stored[0].UidValidity} {SequenceSet.Format([.. result.Stored.Select(static stored => stored.Uid)])}] Kept";
        _log.Info("append-failed", ("id", Id), ("condition", result.Condition.ToString()), ("what", result.Detail));
        return result.Condition switch
        {
            StorageCondition.NotFound => "NO [TRYCREATE] No such mailbox",
            StorageCondition.DiskFull => "NO [OVERQUOTA] The disk is full",
            _ => "NO [UNAVAILABLE] Not now",
        };
    }
}
