using System.Buffers;

namespace HomeMail.Server.Imap.Structure;

/// <summary>A message in a thread, or the place of one that is not there (RFC 5256 3).</summary>
public sealed class ThreadNode
{
    private readonly List<ThreadNode> _children = [];

    internal ThreadNode(OrderedMessage? message) => Message = message;

    /// <summary>The message; null for one that is not there.</summary>
    public OrderedMessage? Message { get; internal set; }

    /// <summary>What follows it.</summary>
    public IReadOnlyList<ThreadNode> Children => _children;

    internal ThreadNode? Parent { get; private set; }

    internal void Adopt(ThreadNode child)
    {
        child.Leave();
        child.Parent = this;
        _children.Add(child);
    }

    internal void Leave()
    {
        // The last is found at once, so that one with very many children is emptied in little time.
        if (Parent?._children is { Count: > 0 } siblings && siblings[^1] == this)
            siblings.RemoveAt(siblings.Count - 1);
        else
            Parent?._children.Remove(this);
        Parent = null;
    }

    internal bool IsUnder(ThreadNode other)
    {
        if (other._children.Count == 0)
            return this == other;
        for (var node = this; node is not null; node = node.Parent)
        {
            if (node == other)
                return true;
        }
        return false;
    }

    internal void SortChildren(Comparison<ThreadNode> order) => _children.Sort(order);

    /// <summary>Writes threads as the THREAD response has them: <c>(2)(3 6 (4 23)(44 7 96))</c>.</summary>
    public static void Write(IBufferWriter<byte> output, IReadOnlyList<ThreadNode> threads)
    {
        // Without recursion: a thread may be as deep as the mailbox is long.
        var open = new Stack<(ThreadNode? Node, bool IsBranch)>();
        for (var i = threads.Count - 1; i >= 0; i--)
            open.Push((threads[i], true));
        while (open.TryPop(out var next))
        {
            if (next.Node is not { } node)
            {
                output.Write(")"u8);
                continue;
            }
            if (next.IsBranch)
            {
                output.Write("("u8);
                open.Push((null, false));
            }
            else
                output.Write(" "u8);
            if (node.Message is { } message)
                ImapText.Number(output, message.Id);
            var children = node._children;
            if (children.Count == 1 && node.Message is not null)
                open.Push((children[0], false));
            else
            {
                if (children.Count > 0 && node.Message is not null)
                    output.Write(" "u8);
                for (var i = children.Count - 1; i >= 0; i--)
                    open.Push((children[i], true));
            }
        }
    }
}
