using System.Buffers;

namespace HomeMail.Server.Imap.Structure;

/// <summary>The threading algorithms (RFC 5256 3): messages are added in the order of their sequence numbers, then the threads are written.</summary>
/// <param name="isReferences">REFERENCES, or else ORDEREDSUBJECT.</param>
/// <param name="capacity">How many messages there will be.</param>
public sealed class Threading(bool isReferences, int capacity)
{
    private const int None = ThreadTable.None;

    private readonly ThreadTable _table = new(capacity);

    /// <summary>What of each message's header is needed.</summary>
    public SummaryParts Wanted { get; } = SummaryParts.Date | SummaryParts.Subject | (isReferences ? SummaryParts.Ids : SummaryParts.None);

    /// <summary>Adds a message (step 1).</summary>
    public void Add(in OrderedMessage message)
    {
        if (!isReferences)
        {
            _table.Add(message);
            return;
        }
        // No id, or one that another has: it is then unique by itself.
        var place = _table.ByMessage(message);
        var previous = None;
        foreach (var reference in message.Summary.References)
        {
            var referred = _table.ByReference(reference);
            // An existing link stays, and no loop is made.
            if (previous != None && _table[referred].Parent == None && !_table.IsUnder(previous, referred))
                _table.Adopt(previous, referred);
            previous = referred;
        }
        // Its own references are better than what others guessed of it.
        if (previous != None && !_table.IsUnder(previous, place))
            _table.Adopt(previous, place);
    }

    /// <summary>Writes the threads as the THREAD response has them.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        if (_table.Count > 0)
            _table.Write(output, isReferences ? References() : OrderedSubject());
    }

    // ORDEREDSUBJECT: a thread a base subject, its messages in the order of their dates under the first.
    private List<int> OrderedSubject()
    {
        var all = new int[_table.Count];
        for (var i = 0; i < all.Length; i++)
            all[i] = i;
        all.AsSpan().Sort(_table.ByDate);
        var first = new PlaceIndex(all.Length, Subject);
        var empty = None;
        var roots = new List<int>();
        foreach (var place in all)
        {
            var subject = Subject(place);
            var root = subject == 0 ? empty : first.Find(subject);
            if (root != None)
            {
                _table.Adopt(root, place);
                continue;
            }
            roots.Add(place);
            if (subject == 0)
                empty = place;
            else
                first.Set(subject, place);
        }
        return roots;
    }

    private List<int> References()
    {
        var roots = Prune();
        SortAll(roots);
        roots = GatherSubjects(roots);
        SortAll(roots);
        return roots;
    }

    // Steps 2 and 3: places of missing messages go, unless they hold several roots together.
    private List<int> Prune()
    {
        for (var place = 0; place < _table.Count; place++)
        {
            ref var at = ref _table[place];
            if (at.Sequence != 0)
                continue;
            if (at.First == None)
                _table.Leave(place);
            else if (at.Parent != None)
            {
                var parent = at.Parent;
                _table.Leave(place);
                for (int child = at.Last, before; child != None; child = before)
                {
                    before = _table[child].Previous;
                    _table.Adopt(parent, child);
                }
            }
            else if (at.First == at.Last)
                _table.Leave(at.First);
        }
        // One that lost its children in the loop, or its last child's message, holds nothing.
        for (var changed = true; changed;)
        {
            changed = false;
            for (var place = 0; place < _table.Count; place++)
            {
                ref var at = ref _table[place];
                if (at.Sequence != 0)
                    continue;
                if (at.Parent != None && at.First == None)
                {
                    _table.Leave(place);
                    changed = true;
                }
                else if (at.Parent == None && at.First != None && at.First == at.Last)
                {
                    _table.Leave(at.First);
                    changed = true;
                }
            }
        }
        var roots = new List<int>();
        for (var place = 0; place < _table.Count; place++)
            if (_table[place].Parent == None && (_table[place].Sequence != 0 || _table[place].First != None))
                roots.Add(place);
        return roots;
    }

    // Step 5.
    private List<int> GatherSubjects(List<int> roots)
    {
        var bySubject = new PlaceIndex(roots.Count, Subject);
        foreach (var root in roots)
        {
            var subject = Subject(root);
            if (subject == 0)
                continue;
            var held = bySubject.Find(subject);
            if (held == None || (!IsThere(root) && IsThere(held)) || (IsThere(held) && _table[held].IsReply && IsThere(root) && !_table[root].IsReply))
                bySubject.Set(subject, root);
        }
        var result = new List<int>();
        var replaced = new HashSet<int>();
        foreach (var root in roots)
        {
            var subject = Subject(root);
            if (subject == 0 || bySubject.Find(subject) is var held && held == root)
                result.Add(root);
            else
                Join(root, held, subject);
        }
        result.RemoveAll(replaced.Contains);
        return result;

        void Join(int root, int held, ulong subject)
        {
            if (!IsThere(held) && !IsThere(root))
            {
                for (int child = _table[root].First, next; child != None; child = next)
                {
                    next = _table[child].Next;
                    _table.Adopt(held, child);
                }
            }
            else if (!IsThere(held) || (!_table[held].IsReply && IsThere(root) && _table[root].IsReply))
                _table.Adopt(held, root);
            else
            {
                var both = _table.Add(null);
                replaced.Add(held);
                _table.Adopt(both, held);
                _table.Adopt(both, root);
                bySubject.Set(subject, both);
                result.Add(both);
            }
        }
    }

    private bool IsThere(int place) => _table[place].Sequence != 0;

    private ulong Subject(int root) => _table[IsThere(root) ? root : _table[root].First].Subject;

    // Steps 4 and 6, without recursion.
    private void SortAll(List<int> roots)
    {
        var open = new Stack<int>(roots);
        while (open.TryPop(out var place))
        {
            _table.SortChildren(place);
            for (var child = _table[place].First; child != None; child = _table[child].Next)
                open.Push(child);
        }
        roots.Sort(_table.ByDate);
    }
}
