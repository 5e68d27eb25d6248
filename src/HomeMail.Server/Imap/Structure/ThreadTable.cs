using System.Buffers;
using System.Runtime.InteropServices;

namespace HomeMail.Server.Imap.Structure;

/// <summary>
/// Messages to be threaded (RFC 5256 3): a place for each, and for each that is only referred to. Ids and subjects are here as 64 bits that depend on
/// this process's seeds, so that a mailbox costs some 70 octets a message whatever its headers say; in pieces, since large arrays are what a small
/// heap has no room for.
/// </summary>
internal sealed class ThreadTable
{
    public const int None = -1;

    // Below what the runtime takes for a large object.
    private const int PieceLength = 1024;

    private readonly List<Place[]> _pieces = [];
    private readonly PlaceIndex _byId;
    private int[] _scratch = [];

    public ThreadTable(int capacity) => _byId = new(capacity, place => this[place].Key);

    /// <summary>A place in a thread. Its parts are places, or none.</summary>
    public struct Place
    {
        public int Parent;
        public int First;
        public int Last;
        public int Next;
        public int Previous;

        /// <summary>The message's sequence number; 0 for a message that is not there.</summary>
        public uint Sequence;

        /// <summary>What the answer calls it.</summary>
        public uint Id;
        public bool IsReply;

        /// <summary>Of the message's id; 0 where it has none that counts.</summary>
        public ulong Key;

        /// <summary>Of the base subject; 0 for none.</summary>
        public ulong Subject;
        public long Date;
    }

    public int Count { get; private set; }

    public ref Place this[int place] => ref _pieces[place / PieceLength][place % PieceLength];

    /// <summary>A new place, of a message or of one that is not there.</summary>
    public int Add(in OrderedMessage? message)
    {
        if (Count == _pieces.Count * PieceLength)
            _pieces.Add(new Place[PieceLength]);
        this[Count] = new Place { Parent = None, First = None, Last = None, Next = None, Previous = None };
        if (message is { } known)
            Set(Count, known);
        return Count++;
    }

    /// <summary>The place of an id; made if there is none.</summary>
    public int ByReference(string id)
    {
        var key = Hash(id);
        var place = _byId.Find(key);
        return place >= 0 ? place : AddKnown(null, key);
    }

    /// <summary>The place of a message by its id: one that waited for it, or a new one also where another message has the id already.</summary>
    public int ByMessage(in OrderedMessage message)
    {
        var key = Hash(message.Summary.MessageId);
        if (key == 0)
            return Add(message);
        var place = _byId.Find(key);
        if (place < 0)
            return AddKnown(message, key);
        if (this[place].Sequence != 0)
            return Add(message);
        Set(place, message);
        return place;
    }

    private int AddKnown(in OrderedMessage? message, ulong key)
    {
        var place = Add(message);
        this[place].Key = key;
        _byId.Set(key, place);
        return place;
    }

    private void Set(int place, in OrderedMessage message)
    {
        ref var at = ref this[place];
        (at.Sequence, at.Id, at.Date) = (message.Sequence, message.Id, message.SentDate.UtcTicks);
        (at.Subject, at.IsReply) = (Hash(message.Summary.Subject.ToUpperInvariant()), message.Summary.IsReplyOrForward);
    }

    public bool IsUnder(int place, int other)
    {
        if (this[other].First == None)
            return place == other;
        for (; place != None; place = this[place].Parent)
        {
            if (place == other)
                return true;
        }
        return false;
    }

    /// <summary>Makes a place the last child of another.</summary>
    public void Adopt(int parent, int child)
    {
        Leave(child);
        ref var above = ref this[parent];
        ref var below = ref this[child];
        (below.Parent, below.Previous) = (parent, above.Last);
        if (above.Last == None)
            above.First = child;
        else
            this[above.Last].Next = child;
        above.Last = child;
    }

    public void Leave(int place)
    {
        ref var at = ref this[place];
        if (at.Parent != None)
        {
            ref var above = ref this[at.Parent];
            if (at.Previous == None)
                above.First = at.Next;
            else
                this[at.Previous].Next = at.Next;
            if (at.Next == None)
                above.Last = at.Previous;
            else
                this[at.Next].Previous = at.Previous;
        }
        (at.Parent, at.Next, at.Previous) = (None, None, None);
    }

    /// <summary>Puts the children of a place in the order of their dates.</summary>
    public void SortChildren(int place)
    {
        if (this[place].First == this[place].Last)
            return;
        var count = 0;
        for (var child = this[place].First; child != None; child = this[child].Next)
        {
            if (count == _scratch.Length)
                Array.Resize(ref _scratch, Math.Max(64, 2 * count));
            _scratch[count++] = child;
        }
        _scratch.AsSpan(0, count).Sort(ByDate);
        for (var i = 0; i < count; i++)
        {
            ref var at = ref this[_scratch[i]];
            at.Previous = i == 0 ? None : _scratch[i - 1];
            at.Next = i == count - 1 ? None : _scratch[i + 1];
        }
        (this[place].First, this[place].Last) = (_scratch[0], _scratch[count - 1]);
    }

    /// <summary>By the date of the message, or of the first below it.</summary>
    public int ByDate(int x, int y)
    {
        ref var first = ref this[Dated(x)];
        ref var second = ref this[Dated(y)];
        return first.Date != second.Date ? first.Date.CompareTo(second.Date) : first.Sequence.CompareTo(second.Sequence);
    }

    private int Dated(int place)
    {
        while (this[place].Sequence == 0)
            place = this[place].First;
        return place;
    }

    // Two hashes with seeds of their own that nobody outside knows: nobody can make two ids that are taken for one.
    private static ulong Hash(string text)
    {
        if (text.Length == 0)
            return 0;
        var second = default(HashCode);
        second.AddBytes(MemoryMarshal.AsBytes(text.AsSpan()));
        return ((ulong)(uint)string.GetHashCode(text.AsSpan()) << 32) | (uint)second.ToHashCode() | 1;
    }

    /// <summary>Writes threads as the THREAD response has them: <c>(2)(3 6 (4 23)(44 7 96))</c>.</summary>
    public void Write(IBufferWriter<byte> output, IReadOnlyList<int> threads)
    {
        // Without recursion: a thread may be as deep as the mailbox is long. None stands for the end of a branch.
        var open = new Stack<(int Place, bool IsBranch)>();
        foreach (var thread in threads)
        {
            open.Push((thread, true));
            WriteAll(output, open);
        }
    }

    private void WriteAll(IBufferWriter<byte> output, Stack<(int Place, bool IsBranch)> open)
    {
        while (open.TryPop(out var next))
        {
            if (next.Place == None)
            {
                output.Write(")"u8);
                continue;
            }
            ref var at = ref this[next.Place];
            if (next.IsBranch)
            {
                output.Write("("u8);
                open.Push((None, false));
            }
            else
                output.Write(" "u8);
            var isThere = at.Sequence != 0;
            if (isThere)
                ImapText.Number(output, at.Id);
            if (at.First != None && at.First == at.Last && isThere)
            {
                open.Push((at.First, false));
                continue;
            }
            if (at.First != None && isThere)
                output.Write(" "u8);
            for (var child = at.Last; child != None; child = this[child].Previous)
                open.Push((child, true));
        }
    }
}
