using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private int _isIdle;
    private int _signDue;
    private int _woken;
    private int _toldKeywords;
    private long _nextSign = long.MaxValue;

    // The mod-sequence of our own last silent STORE: of it the client knows already.
    private ulong _silentModSeq;

    /// <summary>The selected mailbox has changed. Called by the store's writer.</summary>
    private void Wake()
    {
        Volatile.Write(ref _woken, 1);
        // What wakes must not run here: it is the writer's own thread.
        if (Volatile.Read(ref _isIdle) == 1)
            ThreadPool.UnsafeQueueUserWorkItem(static session => session._transport.CancelRead(), this, preferLocal: false);
    }

    /// <summary>Tells what has happened to the selected mailbox since this was last called.</summary>
    private async ValueTask SendUpdatesAsync(bool mayExpunge)
    {
        var view = _view!;
        if (view.Mailbox.IsDeleted)
        {
            Bye("The mailbox has been deleted");
            return;
        }
        if (Interlocked.Exchange(ref _woken, 0) == 0 && !(mayExpunge && view.HasGone))
        {
            TellHeldModSeq();
            return;
        }
        var changed = new List<MessageInfo>();
        var vanished = new List<UidRange>();
        var known = view.ModSeq;
        view.ModSeq = view.Mailbox.ChangesSince(known, changed, vanished);
        foreach (var range in vanished)
            view.MarkGone(range, known);
        if (mayExpunge && view.HasGone)
            TellGone();
        var before = view.Count;
        var highest = view.HighestUid;
        foreach (var message in changed)
            if (message.Uid > highest)
                view.Add(message.Uid);
        if (view.Count != before)
            Send($"* {view.Count} EXISTS\r\n");
        TellNewKeywords(changed);
        foreach (var message in changed)
        {
            if (message.Uid <= highest && message.ModSeq != _silentModSeq && view.NumberOf(message.Uid) is var number and > 0)
                TellFetch(number, message, withUid: _hasCondStore || _isRev2, withModSeq: _hasCondStore);
            await FlushIfMuchAsync().ConfigureAwait(false);
        }
        _silentModSeq = 0;
        TellHeldModSeq();
    }

    // A client that has seen higher mod-sequences must not take it that it has heard of an expunge below them (RFC 7162 3.2).
    private void TellHeldModSeq()
    {
        if (_hasQResync && _view!.HasGone)
            Send($"* OK [HIGHESTMODSEQ {_view.GoneSince}] Not all that is gone has been told\r\n");
    }

    private void TellGone()
    {
        var (uids, numbers) = _view!.TakeGone();
        if (_hasQResync)
        {
            Send($"* VANISHED {SequenceSet.Format(uids)}\r\n");
            return;
        }
        foreach (var number in numbers)
            Send($"* {number} EXPUNGE\r\n");
    }

    // A client that is to see a keyword must have heard of it (RFC 9051 7.3.5).
    private void TellNewKeywords(List<MessageInfo> changed)
    {
        if (changed.Count > 0 && _view!.Mailbox.KeywordNames(ulong.MaxValue).Count != _toldKeywords)
            TellFlags(_view.Mailbox, _view.IsReadOnly);
    }

    /// <summary>A FETCH response that nobody asked for: the flags of a message.</summary>
    private void TellFetch(int number, in MessageInfo message, bool withUid, bool withModSeq, bool withFlags = true)
    {
        _line.Write("* "u8);
        Number(number);
        _line.Write(" FETCH ("u8);
        if (withUid)
        {
            _line.Write("UID "u8);
            Number(message.Uid);
            if (withFlags || withModSeq)
                _line.Write(" "u8);
        }
        if (withFlags)
        {
            _line.Write("FLAGS "u8);
            WriteFlags(message);
        }
        if (withModSeq)
        {
            _line.Write(withFlags ? " MODSEQ ("u8 : "MODSEQ ("u8);
            Number(message.ModSeq);
            _line.Write(")"u8);
        }
        _line.Write(")\r\n"u8);
        SendLine();
    }

    private void WriteFlags(in MessageInfo message)
    {
        var isFirst = true;
        _line.Write("("u8);
        for (var bit = 1; bit <= (int)MessageFlags.Draft; bit <<= 1)
        {
            if (((int)message.Flags & bit) == 0)
                continue;
            if (!isFirst)
                _line.Write(" "u8);
            isFirst = false;
            _line.Write((MessageFlags)bit switch
            {
                MessageFlags.Seen => "\\Seen"u8,
                MessageFlags.Answered => "\\Answered"u8,
                MessageFlags.Flagged => "\\Flagged"u8,
                MessageFlags.Deleted => "\\Deleted"u8,
                _ => "\\Draft"u8,
            });
        }
        for (var i = 0; i < 64 && message.Keywords >> i != 0; i++)
        {
            if ((message.Keywords >> i & 1) == 0 || _view!.Mailbox.KeywordName(i) is not { } keyword)
                continue;
            if (!isFirst)
                _line.Write(" "u8);
            isFirst = false;
            _line.Write(keyword);
        }
        _line.Write(")"u8);
    }

    /// <summary>IDLE (RFC 9051 6.3.13, RFC 2177): tells at once what happens, until the client says DONE.</summary>
    private async ValueTask<string?> IdleAsync()
    {
        if (!Arguments().IsAtEnd)
            return "BAD No arguments";
        Send("+ Idling\r\n"u8);
        _command.Clear();
        SetNextSign();
        Volatile.Write(ref _isIdle, 1);
        try
        {
            while (true)
            {
                if (_view is not null)
                    await SendUpdatesAsync(mayExpunge: true).ConfigureAwait(false);
                if (_isOver)
                    return null;
                if (Interlocked.Exchange(ref _signDue, 0) == 1)
                    Send("* OK Still here\r\n"u8);
                if (_transport.Pending > 0)
                    SetNextSign();
                var reading = await ReadLineAsync().ConfigureAwait(false);
                if (reading == Reading.Woken)
                    continue;
                if (reading is Reading.Closed or Reading.Expired)
                {
                    if (reading == Reading.Expired)
                        Bye(_expired!);
                    _isOver = true;
                    return null;
                }
                if (reading == Reading.Refused)
                {
                    // The line's own first word stands there already; IDLE ends with a line, whatever that is.
                    Send("BAD Too long\r\n"u8);
                    return "BAD Only DONE ends it";
                }
                TrimLine();
                return Ascii.EqualsIgnoreCase(_command.WrittenSpan.Trim((byte)' '), "DONE"u8) ? "OK Idled" : "BAD Only DONE ends it";
            }
        }
        finally
        {
            Volatile.Write(ref _isIdle, 0);
        }
    }

    private void SetNextSign() =>
        Volatile.Write(ref _nextSign, _options.KeepAlive is { } span ? _clock.GetTimestamp() + Ticks(span) : long.MaxValue);
}
