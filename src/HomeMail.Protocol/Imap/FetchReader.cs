using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Imap;

/// <summary>Reads what a FETCH asks for (RFC 9051 6.4.5, 9 fetch-att).</summary>
public static class FetchReader
{
    private const int MaxItems = 200;
    private const int MaxDepth = 50;

    /// <summary>Reads one item, a macro, or a list of items.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="items">The items.</param>
    public static bool TryRead(ref ImapReader reader, out List<FetchItem> items)
    {
        items = [];
        if (!reader.Take('('))
            return TryReadMacro(ref reader, items) || TryReadItem(ref reader, items);
        do
        {
            reader.Space();
            if (items.Count == MaxItems || !TryReadItem(ref reader, items))
                return false;
        }
        while (reader.Peek == ' ');
        return reader.Take(')');
    }

    private static bool TryReadMacro(ref ImapReader reader, List<FetchItem> items)
    {
        var isAll = reader.Word("ALL"u8);
        var isFull = !isAll && reader.Word("FULL"u8);
        if (!isAll && !isFull && !reader.Word("FAST"u8))
            return false;
        items.Add(Plain(FetchKind.Flags, "FLAGS"));
        items.Add(Plain(FetchKind.InternalDate, "INTERNALDATE"));
        items.Add(Plain(FetchKind.Size, "RFC822.SIZE"));
        if (isAll || isFull)
            items.Add(Plain(FetchKind.Envelope, "ENVELOPE"));
        if (isFull)
            items.Add(Plain(FetchKind.Body, "BODY"));
        return true;
    }

    private static bool TryReadItem(ref ImapReader reader, List<FetchItem> items)
    {
        FetchItem? item =
            reader.Word("FLAGS"u8) ? Plain(FetchKind.Flags, "FLAGS")
            : reader.Word("UID"u8) ? Plain(FetchKind.Uid, "UID")
            : reader.Word("INTERNALDATE"u8) ? Plain(FetchKind.InternalDate, "INTERNALDATE")
            : reader.Word("RFC822.SIZE"u8) ? Plain(FetchKind.Size, "RFC822.SIZE")
            : reader.Word("RFC822.HEADER"u8) ? Old("RFC822.HEADER", SectionPart.Header, setsSeen: false)
            : reader.Word("RFC822.TEXT"u8) ? Old("RFC822.TEXT", SectionPart.Text, setsSeen: true)
            : reader.Word("RFC822"u8) ? Old("RFC822", SectionPart.Whole, setsSeen: true)
            : reader.Word("ENVELOPE"u8) ? Plain(FetchKind.Envelope, "ENVELOPE")
            : reader.Word("BODYSTRUCTURE"u8) ? Plain(FetchKind.BodyStructure, "BODYSTRUCTURE")
            : reader.Word("MODSEQ"u8) ? Plain(FetchKind.ModSeq, "MODSEQ")
            : reader.Word("EMAILID"u8) ? Plain(FetchKind.EmailId, "EMAILID")
            : reader.Word("THREADID"u8) ? Plain(FetchKind.ThreadId, "THREADID")
            : reader.Word("SAVEDATE"u8) ? Plain(FetchKind.SaveDate, "SAVEDATE")
            : null;
        if (item is null && reader.Word("PREVIEW"u8))
            item = ReadPreview(ref reader);
        else if (item is null && reader.Word("BODY.PEEK"u8))
            item = ReadSection(ref reader, FetchKind.Section, setsSeen: false);
        else if (item is null && reader.Word("BINARY.PEEK"u8))
            item = ReadSection(ref reader, FetchKind.Binary, setsSeen: false);
        else if (item is null && reader.Word("BINARY.SIZE"u8))
            item = ReadSection(ref reader, FetchKind.BinarySize, setsSeen: false);
        else if (item is null && reader.Word("BINARY"u8))
            item = ReadSection(ref reader, FetchKind.Binary, setsSeen: true);
        else if (item is null && reader.Word("BODY"u8))
            item = reader.Peek == '[' ? ReadSection(ref reader, FetchKind.Section, setsSeen: true) : Plain(FetchKind.Body, "BODY");
        if (item is null)
            return false;
        items.Add(item);
        return true;
    }

    private static FetchItem? ReadPreview(ref ImapReader reader)
    {
        var at = reader.Position;
        if (!reader.Space() || !reader.Take('('))
        {
            reader.Return(at);
            return Plain(FetchKind.Preview, "PREVIEW");
        }
        var isLazy = false;
        do
        {
            if (!reader.Atom(out var modifier) || !Ascii.EqualsIgnoreCase(modifier, "LAZY"u8))
                return null;
            isLazy = true;
        }
        while (reader.Space());
        return reader.Take(')') ? new FetchItem { Kind = FetchKind.Preview, Label = "PREVIEW", IsLazy = isLazy } : null;
    }

    private static FetchItem? ReadSection(ref ImapReader reader, FetchKind kind, bool setsSeen)
    {
        if (!reader.Take('['))
            return null;
        var label = new StringBuilder(kind switch { FetchKind.Section => "BODY[", FetchKind.Binary => "BINARY[", _ => "BINARY.SIZE[" });
        var path = new List<int>();
        var part = SectionPart.Whole;
        var fields = new List<string>();
        while (reader.Peek is >= (byte)'0' and <= (byte)'9')
        {
            if (path.Count == MaxDepth || !reader.Number(out var number) || number is 0 or > int.MaxValue)
                return null;
            if (path.Count > 0)
                label.Append('.');
            label.Append(CultureInfo.InvariantCulture, $"{number}");
            path.Add((int)number);
            if (!reader.Take('.'))
                break;
            if (reader.Peek is >= (byte)'0' and <= (byte)'9')
                continue;
            label.Append('.');
            if (kind != FetchKind.Section || !TryReadText(ref reader, label, ref part, fields, isPart: true))
                return null;
            break;
        }
        if (path.Count == 0 && reader.Peek != ']' && (kind != FetchKind.Section || !TryReadText(ref reader, label, ref part, fields, isPart: false)))
            return null;
        if (!reader.Take(']'))
            return null;
        label.Append(']');
        long start = -1, count = 0;
        if (kind != FetchKind.BinarySize && reader.Take('<'))
        {
            if (!reader.Number(out start) || !reader.Take('.') || !reader.Number(out count) || count == 0 || !reader.Take('>'))
                return null;
            label.Append(CultureInfo.InvariantCulture, $"<{start}>");
        }
        return new FetchItem
        {
            Kind = kind,
            Label = label.ToString(),
            Path = [.. path],
            Part = part,
            Fields = fields,
            Start = start,
            Count = count,
            SetsSeen = setsSeen,
        };
    }

    private static bool TryReadText(ref ImapReader reader, StringBuilder label, ref SectionPart part, List<string> fields, bool isPart)
    {
        if (reader.Word("HEADER.FIELDS.NOT"u8))
            return TryReadFields(ref reader, label.Append("HEADER.FIELDS.NOT"), part = SectionPart.HeaderFieldsNot, fields);
        if (reader.Word("HEADER.FIELDS"u8))
            return TryReadFields(ref reader, label.Append("HEADER.FIELDS"), part = SectionPart.HeaderFields, fields);
        part = reader.Word("HEADER"u8) ? SectionPart.Header : reader.Word("TEXT"u8) ? SectionPart.Text : isPart && reader.Word("MIME"u8) ? SectionPart.Mime : SectionPart.Whole;
        label.Append(part switch { SectionPart.Header => "HEADER", SectionPart.Text => "TEXT", _ => "MIME" });
        return part != SectionPart.Whole;
    }

    // The list comes back as it was asked, since clients look the answer up by it.
    private static bool TryReadFields(ref ImapReader reader, StringBuilder label, SectionPart part, List<string> fields)
    {
        if (part == SectionPart.Whole || !reader.Space() || !reader.Take('('))
            return false;
        label.Append(" (");
        do
        {
            reader.Space();
            if (fields.Count == MaxItems || !reader.AString(out var octets) || octets.IsEmpty || octets.ContainsAnyExceptInRange((byte)33, (byte)126))
                return false;
            var name = Encoding.ASCII.GetString(octets);
            var isAtom = new ImapReader(octets);
            if (fields.Count > 0)
                label.Append(' ');
            if (isAtom.Atom(out _) && isAtom.Rest.IsEmpty)
                label.Append(name);
            else
                label.Append('"').Append(name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
            fields.Add(name);
        }
        while (reader.Peek == ' ');
        label.Append(')');
        return reader.Take(')');
    }

    private static FetchItem Plain(FetchKind kind, string label) => new() { Kind = kind, Label = label };

    private static FetchItem Old(string label, SectionPart part, bool setsSeen) =>
        new() { Kind = FetchKind.Section, Label = label, Part = part, SetsSeen = setsSeen };
}
