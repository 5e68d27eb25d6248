namespace HomeMail.Server.Imap.Structure;

/// <summary>What a part has below it.</summary>
public enum PartKind
{
    /// <summary>Nothing: its body is content.</summary>
    Leaf,

    /// <summary>A multipart (RFC 2046 5.1): its children are its parts.</summary>
    Multipart,

    /// <summary>message/rfc822 or message/global: its one child is the message inside.</summary>
    Message,
}

/// <summary>One entity of a message: where it lies in the file, and what its header says of it. Offsets and lengths are octets of the file.</summary>
public sealed class MessagePart
{
    private readonly List<MessagePart> _children = [];

    internal MessagePart(MessagePart? parent, long headerOffset, bool isDigestPart)
    {
        Parent = parent;
        HeaderOffset = headerOffset;
        IsDigestPart = isDigestPart;
        Depth = parent is null ? 0 : parent.Depth + 1;
    }

    /// <summary>What it has below it.</summary>
    public PartKind Kind { get; internal set; }

    /// <summary>The part around it; null for the message itself.</summary>
    public MessagePart? Parent { get; }

    /// <summary>Its parts, or the message inside it.</summary>
    public IReadOnlyList<MessagePart> Children => _children;

    /// <summary>Where its header begins.</summary>
    public long HeaderOffset { get; }

    /// <summary>Its header's length, the empty line after it with it.</summary>
    public long HeaderLength { get; internal set; }

    /// <summary>Where its body begins.</summary>
    public long BodyOffset { get; internal set; }

    /// <summary>Its body's length, without the line end that belongs to the boundary after it (RFC 2046 5.1.1).</summary>
    public long BodyLength { get; internal set; }

    /// <summary>Line ends in the body (RFC 9051 7.5.2).</summary>
    public long BodyLines { get; internal set; }

    /// <summary>Whether its type is message/rfc822 if it says none, since it lies in a multipart/digest (RFC 2046 5.1.5).</summary>
    internal bool IsDigestPart { get; }

    internal int Depth { get; }

    /// <summary>The content fields, and for a message those of the envelope: unfolded, one a line.</summary>
    internal byte[] Fields { get; set; } = [];

    /// <summary>Line ends before the body, while reading.</summary>
    internal long LinesBefore { get; set; }

    /// <summary>Whether it is a message: the whole one, or one in a message/rfc822.</summary>
    public bool IsMessage => Parent is null || Parent.Kind == PartKind.Message;

    internal void Add(MessagePart child) => _children.Add(child);

    /// <summary>The value of a kept field, an octet a character, trimmed; null where there is none. The first of several.</summary>
    internal string? Field(string name) => KeptFields.First(Fields, name);

    /// <summary>The values of a kept field, joined by commas.</summary>
    internal string? Joined(string name) => KeptFields.Joined(Fields, name);

    /// <summary>Its Content-Type, or what the standards take in place of a missing or broken one.</summary>
    public ContentFacts Content => ContentFacts.Of(this);
}
