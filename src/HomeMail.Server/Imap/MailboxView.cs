using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

/// <summary>
/// A selected mailbox as one session sees it: which message has which sequence number (RFC 9051 2.3.1.2). It changes only when the client is told.
/// Four octets a message.
/// </summary>
internal sealed class MailboxView
{
    private uint[] _uids;
    private int _count;

    // Messages that are gone and of which the client has not been told, ascending.
    private readonly List<uint> _gone = [];

    public MailboxView(Mailbox mailbox, bool isReadOnly)
    {
        Mailbox = mailbox;
        IsReadOnly = isReadOnly;
        _uids = mailbox.Uids(out var modSeq);
        _count = _uids.Length;
        ModSeq = modSeq;
        HighestUid = _count > 0 ? _uids[_count - 1] : 0;
    }

    /// <summary>The mailbox.</summary>
    public Mailbox Mailbox { get; }

    /// <summary>Whether it was opened by EXAMINE.</summary>
    public bool IsReadOnly { get; }

    /// <summary>How many messages the client knows of.</summary>
    public int Count => _count;

    /// <summary>The mod-sequence up to which changes have been looked at.</summary>
    public ulong ModSeq { get; set; }

    /// <summary>The highest UID that was ever seen here.</summary>
    public uint HighestUid { get; private set; }

    /// <summary>The UID of the last message; 0 if there is none.</summary>
    public uint LastUid => _count > 0 ? _uids[_count - 1] : 0;

    /// <summary>The UIDs by sequence number, from that of number 1.</summary>
    public ReadOnlySpan<uint> Uids => _uids.AsSpan(0, _count);

    /// <summary>Whether the client has not been told of all that is gone.</summary>
    public bool HasGone => _gone.Count > 0;

    /// <summary>The sequence number of a UID; 0 if there is none.</summary>
    public int NumberOf(uint uid)
    {
        var at = Uids.BinarySearch(uid);
        return at < 0 ? 0 : at + 1;
    }

    /// <summary>The UID of a sequence number that is there.</summary>
    public uint UidOf(int number) => _uids[number - 1];

    /// <summary>The indexes of the UIDs in a range: from the first, to before the second.</summary>
    public (int From, int To) IndexesOf(uint first, uint last)
    {
        var from = Uids.BinarySearch(first);
        var to = Uids.BinarySearch(last);
        return (from < 0 ? ~from : from, to < 0 ? ~to : to + 1);
    }

    /// <summary>A new message, above all others.</summary>
    public void Add(uint uid)
    {
        if (_count == _uids.Length)
            Array.Resize(ref _uids, Math.Max(16, _count + (_count / 4) + 1));
        _uids[_count++] = uid;
        HighestUid = uid;
    }

    /// <summary>The mod-sequence up to which the client has been told of all; it matters while <see cref="HasGone"/>.</summary>
    public ulong GoneSince { get; private set; }

    /// <summary>Messages are gone; the client is told when it may be.</summary>
    /// <param name="range">Their UIDs.</param>
    /// <param name="known">The mod-sequence before that.</param>
    public void MarkGone(UidRange range, ulong known)
    {
        var (from, to) = IndexesOf(range.First, range.Last);
        for (var i = from; i < to; i++)
        {
            if (_gone.Count == 0)
                GoneSince = known;
            var at = _gone.BinarySearch(_uids[i]);
            if (at < 0)
                _gone.Insert(~at, _uids[i]);
        }
    }

    /// <summary>Takes out what is gone. Gives the UIDs, ascending, and for each the sequence number it has at the moment it is told.</summary>
    public (List<uint> Uids, List<int> Numbers) TakeGone()
    {
        var uids = new List<uint>(_gone);
        var numbers = new List<int>(uids.Count);
        var kept = 0;
        for (int i = 0, g = 0; i < _count; i++)
        {
            if (g < uids.Count && _uids[i] == uids[g])
            {
                // Those before it have been told already, and have moved it down.
                numbers.Add(i + 1 - g++);
                continue;
            }
            _uids[kept++] = _uids[i];
        }
        _count = kept;
        _gone.Clear();
        if (_uids.Length > 64 && _count < _uids.Length / 2)
            Array.Resize(ref _uids, _count);
        return (uids, numbers);
    }
}
