using System.Buffers;
using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Finds text in messages for SEARCH (RFC 9051 6.4.4): decoded, in any case, with a fixed amount of memory.</summary>
/// <remarks>Case is folded a character at a time, near to i;unicode-casemap (RFC 5051). Parts that are no text are not looked at, as the standard allows.</remarks>
public static class TextSearch
{
    private const int BlockLength = 8 * 1024;

    /// <summary>Whether a header field has a text in it.</summary>
    /// <param name="message">The message file, able to seek.</param>
    /// <param name="structure">Its structure.</param>
    /// <param name="name">The field's name.</param>
    /// <param name="text">What to find; empty finds every message that has the field.</param>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static bool IsInField(Stream message, MessageStructure structure, string name, string text)
    {
        var header = new ArrayBufferWriter<byte>();
        HeaderFieldFilter.Write(message, new(0, structure.Root.HeaderLength), [name], false, header);
        foreach (var value in Fields(header.WrittenSpan))
        {
            if (HeaderText.Decode(value[(value.IndexOf(':', StringComparison.Ordinal) + 1)..]).Contains(text, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>Whether the header or the body has a text in it (TEXT).</summary>
    public static bool IsInMessage(Stream message, MessageStructure structure, string text, CancellationToken cancel = default) =>
        IsInHeader(message, structure.Root, text) || IsInBody(message, structure, text, cancel);

    /// <summary>Whether the body has a text in it (BODY): the text parts, and the headers of messages inside.</summary>
    public static bool IsInBody(Stream message, MessageStructure structure, string text, CancellationToken cancel = default)
    {
        var open = new Stack<MessagePart>();
        open.Push(structure.Root);
        while (open.TryPop(out var part))
        {
            cancel.ThrowIfCancellationRequested();
            if (part.Parent?.Kind == PartKind.Message && IsInHeader(message, part, text))
                return true;
            if (part.Kind == PartKind.Leaf && (part.Content.IsText || part.Content.IsMultipart) && IsInText(message, part, text, cancel))
                return true;
            for (var i = part.Children.Count - 1; i >= 0; i--)
                open.Push(part.Children[i]);
        }
        return text.Length == 0;
    }

    private static bool IsInHeader(Stream message, MessagePart part, string text)
    {
        var header = new ArrayBufferWriter<byte>();
        HeaderFieldFilter.Write(message, new(part.HeaderOffset, part.HeaderLength), [], true, header);
        foreach (var field in Fields(header.WrittenSpan))
        {
            if (HeaderText.Decode(field).Contains(text, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    // Unfolded fields (RFC 5322 2.2.3), an octet a character.
    private static List<string> Fields(ReadOnlySpan<byte> header)
    {
        var fields = new List<string>();
        foreach (var line in Encoding.Latin1.GetString(header).Split("\r\n"))
        {
            if (line.Length > 0 && line[0] is ' ' or '\t' && fields.Count > 0)
                fields[^1] += line;
            else if (line.Length > 0)
                fields.Add(line);
        }
        return fields;
    }

    private static bool IsInText(Stream message, MessagePart part, string text, CancellationToken cancel)
    {
        var isFound = false;
        var window = ArrayPool<char>.Shared.Rent(text.Length + BlockLength + 16);
        try
        {
            var kept = 0;
            BodyText.Read(message, part, BlockLength, chars =>
            {
                chars.CopyTo(window.AsSpan(kept));
                var filled = kept + chars.Length;
                isFound = window.AsSpan(0, filled).Contains(text, StringComparison.OrdinalIgnoreCase);
                // What might begin a match that the next block ends.
                kept = Math.Min(filled, Math.Max(text.Length - 1, 0));
                window.AsSpan(filled - kept, kept).CopyTo(window);
                return !isFound;
            }, cancel);
            return isFound;
        }
        finally
        {
            ArrayPool<char>.Shared.Return(window);
        }
    }
}
