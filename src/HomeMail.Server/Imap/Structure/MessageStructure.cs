namespace HomeMail.Server.Imap.Structure;

/// <summary>Octets of a message file.</summary>
/// <param name="Offset">Where they begin.</param>
/// <param name="Length">How many.</param>
public readonly record struct SectionRange(long Offset, long Length)
{
    /// <summary>The partial <c>&lt;start.count&gt;</c> of it; empty past the end (RFC 9051 6.4.5).</summary>
    public SectionRange Partial(long start, long count) =>
        start >= Length ? new(Offset + Length, 0) : new(Offset + start, Math.Min(count, Length - start));
}

/// <summary>What of a part is meant (RFC 9051 6.4.5.1).</summary>
public enum SectionText
{
    /// <summary>All of it: <c>BODY[]</c>, <c>BODY[1]</c>.</summary>
    Whole,

    /// <summary><c>HEADER</c>, of which HEADER.FIELDS picks: of a message only.</summary>
    Header,

    /// <summary><c>TEXT</c>: the body of a message.</summary>
    Text,

    /// <summary><c>MIME</c>: the header of a part.</summary>
    Mime,
}

/// <summary>The entities of one message. Immutable; bounded by <see cref="StructureLimits"/>, whatever the message's size.</summary>
public sealed class MessageStructure
{
    internal MessageStructure(MessagePart root, long size, int partCount, bool isTruncated)
    {
        Root = root;
        Size = size;
        PartCount = partCount;
        IsTruncated = isTruncated;
    }

    /// <summary>The message itself.</summary>
    public MessagePart Root { get; }

    /// <summary>The message's size in octets.</summary>
    public long Size { get; }

    /// <summary>How many entities there are.</summary>
    public int PartCount { get; }

    /// <summary>Whether a limit cut it short: what lies deeper or further counts as content.</summary>
    public bool IsTruncated { get; }

    /// <summary>The part with a number such as 1.2 (RFC 9051 6.4.5.1); null where there is none.</summary>
    /// <param name="path">The numbers, from 1; empty for the message itself.</param>
    public MessagePart? Find(ReadOnlySpan<int> path)
    {
        var part = Root;
        // What stands for a message: the numbers below it are those of its multipart's parts, or 1 for its only part.
        var isMessage = true;
        foreach (var number in path)
        {
            if (part.Kind == PartKind.Message && !isMessage)
            {
                part = part.Children[0];
                isMessage = true;
            }
            if (part.Kind == PartKind.Multipart)
            {
                if (number < 1 || number > part.Children.Count)
                    return null;
                part = part.Children[number - 1];
            }
            else if (!isMessage || number != 1)
                return null;
            isMessage = false;
        }
        return part;
    }

    /// <summary>Where a section lies.</summary>
    /// <param name="path">The part's numbers, from 1; empty for the message itself.</param>
    /// <param name="text">What of it.</param>
    /// <param name="range">The octets.</param>
    /// <returns>False where there is no such section: FETCH answers NIL.</returns>
    public bool TryLocate(ReadOnlySpan<int> path, SectionText text, out SectionRange range)
    {
        range = default;
        if (path.IsEmpty)
        {
            range = text switch
            {
                SectionText.Header => new(0, Root.HeaderLength),
                SectionText.Text => new(Root.BodyOffset, Root.BodyLength),
                _ => new(0, Size),
            };
            return text != SectionText.Mime;
        }
        var part = Find(path);
        if (part is null)
            return false;
        if (text is SectionText.Header or SectionText.Text)
        {
            if (part.Kind != PartKind.Message)
                return false;
            part = part.Children[0];
        }
        range = text is SectionText.Header or SectionText.Mime ? new(part.HeaderOffset, part.HeaderLength) : new(part.BodyOffset, part.BodyLength);
        return true;
    }
}
