namespace HomeMail.Server.Imap.Structure;

/// <summary>The threading algorithms (RFC 5256 3): pure functions from headers to threads.</summary>
public static class Threading
{
    /// <summary>ORDEREDSUBJECT: a thread a base subject, its messages in the order of their dates under the first.</summary>
    public static IReadOnlyList<ThreadNode> OrderedSubject(IEnumerable<OrderedMessage> messages)
    {
        var threads = new Dictionary<string, ThreadNode>(StringComparer.OrdinalIgnoreCase);
        var roots = new List<ThreadNode>();
        foreach (var message in messages.Order(new MessageOrder([new(SortKey.Subject, false), new(SortKey.Date, false)])))
        {
            var node = new ThreadNode(message);
            if (threads.TryGetValue(message.Summary.Subject, out var root))
                root.Adopt(node);
            else
            {
                threads.Add(message.Summary.Subject, node);
                roots.Add(node);
            }
        }
        roots.Sort(ByDate);
        return roots;
    }

    /// <summary>REFERENCES: by References, In-Reply-To and, for what is left, the base subject.</summary>
    public static IReadOnlyList<ThreadNode> References(IEnumerable<OrderedMessage> messages)
    {
        var nodes = new Dictionary<string, ThreadNode>(StringComparer.Ordinal);
        var all = new List<ThreadNode>();
        Link(messages.OrderBy(m => m.Sequence), nodes, all);
        var roots = Prune(all);
        SortAll(roots);
        roots = GatherSubjects(roots);
        SortAll(roots);
        return roots;
    }

    // Step 1.
    private static void Link(IEnumerable<OrderedMessage> messages, Dictionary<string, ThreadNode> nodes, List<ThreadNode> all)
    {
        foreach (var message in messages)
        {
            var id = message.Summary.MessageId;
            ThreadNode? node = null;
            // No id, or one that another has: it is then unique by itself.
            if (id.Length == 0 || (nodes.TryGetValue(id, out node) && node.Message is not null))
                all.Add(node = new(message));
            else if (node is null)
            {
                nodes.Add(id, node = new(message));
                all.Add(node);
            }
            else
                node.Message = message;
            ThreadNode? previous = null;
            foreach (var reference in message.Summary.References)
            {
                if (!nodes.TryGetValue(reference, out var referred))
                {
                    nodes.Add(reference, referred = new(null));
                    all.Add(referred);
                }
                // An existing link stays, and no loop is made.
                if (previous is not null && referred.Parent is null && !previous.IsUnder(referred))
                    previous.Adopt(referred);
                previous = referred;
            }
            // Its own references are better than what others guessed of it.
            if (previous is not null && !previous.IsUnder(node))
                previous.Adopt(node);
        }
    }

    // Steps 2 and 3: places of missing messages go, unless they hold several roots together.
    private static List<ThreadNode> Prune(List<ThreadNode> all)
    {
        foreach (var node in all)
        {
            if (node.Message is not null)
                continue;
            if (node.Children.Count == 0)
                node.Leave();
            else if (node.Parent is { } parent)
            {
                node.Leave();
                for (var i = node.Children.Count - 1; i >= 0; i--)
                    parent.Adopt(node.Children[i]);
            }
            else if (node.Children.Count == 1)
                node.Children[0].Leave();
        }
        // One that lost its children in the loop, or its last child's message, holds nothing.
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var node in all)
            {
                if (node.Message is not null)
                    continue;
                if (node.Parent is not null && node.Children.Count == 0)
                {
                    node.Leave();
                    changed = true;
                }
                else if (node.Parent is null && node.Children.Count == 1)
                {
                    node.Children[0].Leave();
                    changed = true;
                }
            }
        }
        return [.. all.Where(n => n.Parent is null && (n.Message is not null || n.Children.Count > 0))];
    }

    // Step 5.
    private static List<ThreadNode> GatherSubjects(List<ThreadNode> roots)
    {
        var bySubject = new Dictionary<string, ThreadNode>(StringComparer.OrdinalIgnoreCase);
        foreach (var root in roots)
        {
            var subject = Subject(root);
            if (subject.Length == 0)
                continue;
            if (!bySubject.TryGetValue(subject, out var held) || (root.Message is null && held.Message is not null)
                || (held.Message is { Summary.IsReplyOrForward: true } && root.Message is { Summary.IsReplyOrForward: false }))
                bySubject[subject] = root;
        }
        var result = new List<ThreadNode>();
        var replaced = new HashSet<ThreadNode>();
        foreach (var root in roots)
        {
            var subject = Subject(root);
            if (subject.Length == 0 || bySubject[subject] is not { } held || held == root)
            {
                result.Add(root);
                continue;
            }
            if (held.Message is null && root.Message is null)
            {
                foreach (var child in root.Children.ToArray())
                    held.Adopt(child);
            }
            else if (held.Message is null || (held.Message is { Summary.IsReplyOrForward: false } && root.Message is { Summary.IsReplyOrForward: true }))
                held.Adopt(root);
            else
            {
                var both = new ThreadNode(null);
                replaced.Add(held);
                both.Adopt(held);
                both.Adopt(root);
                bySubject[subject] = both;
                result.Add(both);
            }
        }
        result.RemoveAll(replaced.Contains);
        return result;
    }

    private static string Subject(ThreadNode root) => (root.Message ?? root.Children[0].Message)?.Summary.Subject ?? "";

    // Steps 4 and 6, without recursion.
    private static void SortAll(List<ThreadNode> roots)
    {
        var open = new Stack<ThreadNode>(roots);
        while (open.TryPop(out var node))
        {
            node.SortChildren(ByDate);
            foreach (var child in node.Children)
                open.Push(child);
        }
        roots.Sort(ByDate);
    }

    private static int ByDate(ThreadNode x, ThreadNode y)
    {
        var (first, second) = (Dated(x), Dated(y));
        var order = first.SentDate.CompareTo(second.SentDate);
        return order != 0 ? order : first.Sequence.CompareTo(second.Sequence);
    }

    private static OrderedMessage Dated(ThreadNode node)
    {
        while (node.Message is null)
            node = node.Children[0];
        return node.Message;
    }
}
